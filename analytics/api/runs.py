"""The nights, for staff."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import get_object_or_404
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.authentication import IsStaff, WithinScope
from accounts.api.fields import Day, Fields, Measured, Moment, Query, day_or_404
from accounts.api.views import Resource
from analytics.models import NightlyRun
from analytics.selectors import nights

STATES = NightlyRun.State.choices


class RunFields(Fields):
    as_of = Day()
    state = serializers.ChoiceField(STATES)
    is_current = serializers.BooleanField()
    high_volatility = serializers.BooleanField(allow_null=True)
    portfolios = serializers.IntegerField(allow_null=True)
    in_breach = serializers.IntegerField(allow_null=True)
    suggestions = serializers.IntegerField(allow_null=True)
    emails_queued = serializers.IntegerField(allow_null=True)
    problem = serializers.CharField(help_text="Why the night stands still, if it does.")
    created_at = Moment()
    published_at = Moment(allow_null=True)


class StageFields(Fields):
    state = serializers.CharField()
    entered_at = Moment()
    seconds = Measured(help_text="null: it ended there.")


class CountFields(Fields):
    state = serializers.CharField()
    chunks = serializers.IntegerField()
    portfolios = serializers.IntegerField()
    seconds = Measured()


class RunDetail(RunFields):
    stages = StageFields(many=True)
    chunks = CountFields(many=True)


class Runs(Resource):
    permission_classes = (IsAuthenticated, IsStaff, WithinScope)
    ordering = "-as_of"

    @extend_schema(responses=RunFields(many=True), summary="List nights")
    def list(self, request: Request) -> Response:
        """The newest first. For staff."""
        Query.of(request)
        return self.page(NightlyRun.objects.all(), RunFields)

    @extend_schema(responses=RunDetail, summary="Read a night")
    def retrieve(self, request: Request, as_of: str) -> Response:
        """How far it has come, stage by stage. For staff."""
        Query.of(request)
        run: NightlyRun = get_object_or_404(NightlyRun, as_of=day_or_404(as_of))
        stages = nights.stages(run, now=timezone.now())
        progress = nights.progress(run, stages=stages)
        body = RunFields(run).data | {
            "stages": StageFields(stages, many=True).data,
            "chunks": CountFields(progress.counts, many=True).data,
        }
        return Response(body)
