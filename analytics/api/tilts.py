"""A temporary target for the market's regime: proposed, put in force, ended."""

from datetime import date
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Day, Fields, Fraction, Moment, Query, Text
from accounts.api.views import refuses
from analytics.api.risk import current_run
from analytics.services import tilt_proposals
from analytics.services.tilt_proposals import Line, NoTilt
from portfolios.api.assets import AssetKey
from portfolios.api.portfolios import IF_MATCH, OfPortfolio
from portfolios.models import Asset, Portfolio, Tilt
from portfolios.services import tilts

REFUSALS = ("not_measured", "no_tilt", "tilt", "targets", "conflict", "changed_since")


class LineFields(Fields):
    asset = AssetKey(allow_null=True)
    category = serializers.CharField(allow_null=True)
    strategic = Fraction(help_text="The target for good.")
    tilted = Fraction(help_text="The target for a while.")


class InForceFields(Fields):
    regime = serializers.CharField(help_text="In words.")
    applied_at = Moment()
    ends_on = Day(help_text="The strategic targets are back after the night of this day.")
    lines = LineFields(many=True)


class TiltProposalFields(Fields):
    regime = serializers.CharField(help_text="In words.")
    opinion = serializers.CharField(help_text="What the adjustment rests on; an opinion.")
    seen = serializers.CharField(help_text="Send it back, so that nothing else is put in force.")
    lines = LineFields(many=True)


class TiltFields(Fields):
    in_force = InForceFields(allow_null=True)
    proposal = TiltProposalFields(allow_null=True, help_text="null: there is none.")
    why_none = serializers.CharField(help_text="Why nothing is proposed; else empty.")


@extend_schema_serializer(examples=[OpenApiExample("A month", {"days": 30}, request_only=True)])
class NewTilt(Fields):
    days = serializers.ChoiceField(tilt_proposals.DAYS, help_text="From tonight’s close.")
    seen = Text(required=False, max_length=10_000, help_text="Of the proposal that was agreed to.")


class Tilts(OfPortfolio):
    pagination_class = None

    @extend_schema(responses=TiltFields, summary="Read the temporary target")
    @refuses("not_measured")
    def retrieve(self, request: Request, pk: int) -> Response:
        """The one in force, or else what could be put in force for the market’s regime."""
        Query.of(request)
        return self._answer(self.portfolio(), current_run().as_of)

    @extend_schema(
        parameters=[IF_MATCH],
        request=NewTilt,
        responses={201: TiltFields},
        summary="Put a temporary target in force",
    )
    @refuses(*REFUSALS)
    def create(self, request: Request, pk: int) -> Response:
        """What is proposed now, until a night."""
        portfolio = self.portfolio()
        seen = self.expected_revision(portfolio)
        sent = NewTilt(data=request.data)
        sent.is_valid(raise_exception=True)
        as_of = current_run().as_of
        tilt_proposals.apply(
            portfolio=portfolio,
            proposal=tilt_proposals.for_portfolio(portfolio, as_of=as_of),
            seen=sent.validated_data.get("seen"),
            as_of=as_of,
            days=sent.validated_data["days"],
            expected_revision=seen,
        )
        return self._answer(self.portfolio(), as_of, status=201)

    @extend_schema(parameters=[IF_MATCH], responses={204: None}, summary="End the temporary target")
    @refuses("conflict", "changed_since")
    def destroy(self, request: Request, pk: int) -> Response:
        """The strategic targets are in force again."""
        portfolio = self.portfolio()
        seen = self.expected_revision(portfolio)
        tilts.end(portfolio=portfolio, expected_revision=seen)
        return self.answer(portfolio, None, status=204)

    def _answer(self, portfolio: Portfolio, as_of: date, status: int = 200) -> Response:
        told: dict[str, Any] = {"in_force": None, "proposal": None, "why_none": ""}
        if tilt := Tilt.objects.filter(portfolio=portfolio).first():
            lines = _told(tilt_proposals.in_force(portfolio))
            names = ("regime", "applied_at", "ends_on")
            told["in_force"] = {name: getattr(tilt, name) for name in names} | {"lines": lines}
        else:
            try:
                found = tilt_proposals.for_portfolio(portfolio, as_of=as_of)
            except NoTilt as reason:
                told["why_none"] = str(reason)
            else:
                names = ("regime", "opinion", "seen")
                told["proposal"] = {name: getattr(found, name) for name in names}
                told["proposal"]["lines"] = _told(found.lines)
        return self.answer(portfolio, TiltFields(told).data, status=status)


def _told(lines: Any) -> list[dict[str, Any]]:
    return [_line(line) for line in lines]


def _line(line: Line) -> dict[str, Any]:
    is_asset = isinstance(line.aim, Asset)
    return {
        "asset": line.aim if is_asset else None,
        "category": None if isinstance(line.aim, Asset) else line.aim.slug,
        "strategic": line.strategic,
        "tilted": line.tilted,
    }
