"""Addresses of machines that are told what their person is told."""

from typing import Any

from allauth.core import ratelimit
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import Throttled
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import authentication, problems
from accounts.api.fields import Fields, Flag, Moment, Query, Text
from accounts.api.problems import Problem
from accounts.api.views import Resource, refuses
from accounts.models import Kind, Webhook, WebhookDelivery
from accounts.services import webhooks

problems.register({webhooks.WebhookRefused: Problem("webhook", 422, "That webhook cannot be")})


class WebhookFields(Fields):
    id = serializers.IntegerField()
    url = serializers.CharField()
    kinds = serializers.ListField(child=serializers.ChoiceField(Kind.choices))
    state = serializers.ChoiceField(Webhook.State.choices)
    failures = serializers.IntegerField(help_text="Tries in a row that failed.")
    created_at = Moment()
    last_delivered_at = Moment(allow_null=True)


class MadeFields(WebhookFields):
    secret = serializers.CharField(help_text="Shown this once: deliveries are signed with it.")


class KindsField(serializers.ListField):
    def __init__(self, **options: Any) -> None:
        kind = serializers.ChoiceField(Kind.choices)
        super().__init__(child=kind, min_length=1, max_length=len(Kind.choices), **options)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Told of drift",
            {"url": "https://example.org/evenkeel", "kinds": ["drift"]},
            request_only=True,
        )
    ]
)
class NewWebhook(Fields):
    url = Text(max_length=webhooks.LONGEST_ADDRESS, help_text="https, on the public internet.")
    kinds = KindsField(help_text="What it is told of.")


@extend_schema_serializer(
    examples=[OpenApiExample("For a while", {"is_active": False}, request_only=True)]
)
class WebhookChange(Fields):
    kinds = KindsField(help_text="From now on.")
    is_active = Flag(help_text="false pauses it; true resumes it, whoever switched it off.")


class DeliveryFields(Fields):
    event_id = serializers.UUIDField()
    is_test = serializers.BooleanField()
    state = serializers.ChoiceField(WebhookDelivery.State.choices)
    created_at = Moment()


class Webhooks(Resource):
    @extend_schema(responses=WebhookFields(many=True), summary="List webhooks")
    def list(self, request: Request) -> Response:
        Query.of(request)
        return self.page(self._mine(), WebhookFields)

    @extend_schema(request=NewWebhook, responses={201: MadeFields}, summary="Add a webhook")
    @refuses("webhook", "login_too_old")
    def create(self, request: Request) -> Response:
        """With the secret that signs its deliveries, which is not shown again.

        A session must have typed its password within the last five minutes; a token need not.
        """
        authentication.require_recent_login(request)
        sent = NewWebhook(data=request.data)
        sent.is_valid(raise_exception=True)
        made, secret = webhooks.create(user=request.user, **sent.validated_data)
        made.refresh_from_db()
        return Response(WebhookFields(made).data | {"secret": secret}, status=201)

    @extend_schema(
        request=WebhookChange(partial=True), responses=WebhookFields, summary="Change a webhook"
    )
    @refuses("webhook")
    def partial_update(self, request: Request, webhook: int) -> Response:
        """What it is told of, or whether it is told anything. What is not named stays."""
        found = self._mine_or_404(webhook)
        sent = WebhookChange(data=request.data, partial=True)
        sent.is_valid(raise_exception=True)
        chosen = sent.validated_data
        if "kinds" in chosen:
            webhooks.change(webhook=found, kinds=chosen["kinds"])
        if "is_active" in chosen:
            switch = webhooks.resume if chosen["is_active"] else webhooks.pause
            switch(webhook=found)
        return Response(WebhookFields(self._mine_or_404(webhook)).data)

    @extend_schema(responses={204: None}, summary="Delete a webhook")
    def destroy(self, request: Request, webhook: int) -> Response:
        """What waits to be told is told no more."""
        webhooks.delete(webhook=self._mine_or_404(webhook))
        return Response(status=204)

    @extend_schema(request=None, responses={202: DeliveryFields}, summary="Try a webhook")
    @refuses("webhook")
    def test(self, request: Request, webhook: int) -> Response:
        """It is sent a signed test, in the background. Six times a minute at most."""
        found = self._mine_or_404(webhook)
        if not ratelimit.consume(request._request, action="webhook_test", user=request.user):
            raise Throttled(wait=60)
        delivery = webhooks.test(webhook=found)
        delivery.refresh_from_db()
        return Response(DeliveryFields(delivery).data, status=202)

    def _mine(self) -> Any:
        return Webhook.objects.filter(user=self.request.user)

    def _mine_or_404(self, pk: int) -> Webhook:
        found: Webhook = get_object_or_404(self._mine(), pk=pk)
        return found
