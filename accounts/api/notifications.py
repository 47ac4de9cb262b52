"""What a person was told: the notification centre."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Fields, Flag, Moment, Query
from accounts.api.views import Resource
from accounts.models import Kind
from accounts.selectors import notifications as selector
from accounts.services import notifications


class NotificationFields(Fields):
    id = serializers.IntegerField()
    kind = serializers.ChoiceField(Kind.choices)
    subject = serializers.CharField()
    body = serializers.CharField()
    link = serializers.CharField(help_text="A path of the site; may be empty.")
    created_at = Moment()
    read_at = Moment(allow_null=True)


class NotificationQuery(Query):
    unread = Flag(required=False, help_text="Only those that are not read, or only the others.")


class ReadFields(Fields):
    read = serializers.IntegerField(help_text="How many were unread.")


class Notifications(Resource):
    ordering = "-pk"

    @extend_schema(
        parameters=[NotificationQuery],
        responses=NotificationFields(many=True),
        summary="List notifications",
    )
    def list(self, request: Request) -> Response:
        """The newest first. They are kept for a year."""
        asked = NotificationQuery.of(request)
        rows = selector.of(request.user)
        if "unread" in asked:
            rows = rows.filter(read_at__isnull=asked["unread"])
        found = notifications.with_words(self.paginate_queryset(rows))
        return self.get_paginated_response(NotificationFields(found, many=True).data)

    @extend_schema(request=None, responses=NotificationFields, summary="Mark a notification read")
    def read(self, request: Request, notification: int) -> Response:
        found = get_object_or_404(selector.of(request.user), pk=notification)
        notifications.mark_read(notification=found)
        found.refresh_from_db()
        (found,) = notifications.with_words([found])
        return Response(NotificationFields(found).data)

    @extend_schema(request=None, responses=ReadFields, summary="Mark all notifications read")
    def read_all(self, request: Request) -> Response:
        return Response({"read": notifications.mark_all_read(user=request.user)})
