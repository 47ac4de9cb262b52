"""What is suggested, and what becomes of it. No trades are executed."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import (
    OpenApiExample,
    extend_schema,
    extend_schema_field,
    extend_schema_serializer,
)
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Day, Exact, Fields, Measured, Moment, Query, Whole
from accounts.api.views import refuses
from analytics.api import NoSuggestion
from analytics.api.risk import OfReading, current_run
from analytics.models import Suggestion, SuggestionLife
from analytics.selectors.verdicts import Verdict
from analytics.services import suggestions
from analytics.services.suggestions import Fill
from portfolios.api.assets import AssetKey
from portfolios.api.portfolios import IF_MATCH
from portfolios.models import Portfolio
from portfolios.selectors import assets

STATES = SuggestionLife.State.choices
SIDES = ("buy", "sell")
MOST_FILLS = 500
REFUSALS = ("not_measured", "suggestion", "conflict")
ANSWERS = [(answer.name.lower(), answer.label) for answer in Suggestion.Answer]


class ExampleOf(serializers.CharField):
    """The category whose target the asset takes for now; null: its own."""

    def __init__(self) -> None:
        super().__init__(
            source="or_any_of.slug",
            default=None,
            allow_null=True,
            help_text="The asset is an example of this category.",
        )


class TradeFields(Fields):
    asset = AssetKey()
    symbol = serializers.CharField(source="asset.symbol")
    amount = Measured(help_text="US dollars; what is sold is negative.")
    quantity = Measured(help_text="Units of the asset, of the same sign.")
    price = Measured(help_text="US dollars.")
    or_any_of = ExampleOf()


class VerdictFields(Fields):
    answer = serializers.SerializerMethodField()
    cost = Measured(help_text="All of it, US dollars.")
    benefit = Measured(help_text="US dollars over the horizon, if the target is right.")
    benefit_per_year = Measured(help_text="A fraction of the value.")
    volatility_change = Measured()
    cvar_change = Measured()
    break_even_days = Measured()
    horizon_days = serializers.IntegerField()

    @extend_schema_field(serializers.ChoiceField(ANSWERS))
    def get_answer(self, verdict: Verdict) -> str:
        return verdict.answer.name.lower()


class LifeFields(Fields):
    state = serializers.ChoiceField(STATES)
    state_at = Moment()
    due_on = Day(allow_null=True, help_text="The day of a calendar that called for it.")
    snoozed_until = Day(allow_null=True, help_text="The first day on which it is back.")
    ended_on = Day(allow_null=True, help_text="As of which it was over.")


class SuggestionFields(Fields):
    as_of = Day(source="run.as_of")
    one_way_turnover = Measured(source="suggestion.one_way_turnover")
    verdict = VerdictFields()
    trades = TradeFields(many=True)


class SuggestionDetail(SuggestionFields):
    life = LifeFields(allow_null=True, help_text="null: nobody has said anything of it yet.")


class FillFields(Fields):
    asset = AssetKey()
    quantity = Exact(help_text="Units of the asset, above zero.")
    side = serializers.ChoiceField(SIDES)
    price = Exact(help_text="US dollars.")
    fee = Exact(default=Decimal(0), help_text="US dollars.")
    on = Day()


@extend_schema_serializer(
    examples=[OpenApiExample("Done, and recorded elsewhere", {"fills": []}, request_only=True)]
)
class DoneFields(Fields):
    fills = serializers.ListField(
        child=FillFields(), max_length=MOST_FILLS, help_text="What was traded; lines of the ledger."
    )


@extend_schema_serializer(examples=[OpenApiExample("For a while", {"days": 14}, request_only=True)])
class SnoozeFields(Fields):
    days = Whole(min_value=1, max_value=365, help_text="From today.")


class Suggestions(OfReading):
    @extend_schema(responses=SuggestionDetail, summary="Read the suggestion")
    @refuses("not_measured", "not_calculated", "no_suggestion")
    def retrieve(self, request: Request, pk: int) -> Response:
        """The trades that lead back to the targets, and whether they are worth their cost."""
        Query.of(request)
        portfolio = self.portfolio()
        reading = self.reading(portfolio)
        if reading.suggestion is None:
            raise NoSuggestion("The portfolio is in balance, or has no targets.")
        life = suggestions.current(portfolio)
        told = {"life": LifeFields(life).data if life else None}
        return self.answer(portfolio, SuggestionFields(reading).data | told)

    @extend_schema(
        parameters=[IF_MATCH],
        request=DoneFields,
        responses=LifeFields,
        summary="Say that it is done",
    )
    @refuses(*REFUSALS, "unknown_asset", "ledger", "quantity", "shortfall", "changed_since")
    def done(self, request: Request, pk: int) -> Response:
        """What was traded becomes lines of the ledger; all or nothing."""
        portfolio = self.portfolio()
        seen = self.expected_revision(portfolio)
        sent = DoneFields(data=request.data)
        sent.is_valid(raise_exception=True)
        fills = _fills(request, sent.validated_data["fills"])
        return self._changed(portfolio, suggestions.mark_done, fills=fills, expected_revision=seen)

    @extend_schema(request=None, responses=LifeFields, summary="Dismiss the suggestion")
    @refuses(*REFUSALS)
    def dismiss(self, request: Request, pk: int) -> Response:
        """No letter until the breach ends or is a whole band worse."""
        return self._changed(self.portfolio(), suggestions.dismiss)

    @extend_schema(request=SnoozeFields, responses=LifeFields, summary="Put the suggestion aside")
    @refuses(*REFUSALS)
    def snooze(self, request: Request, pk: int) -> Response:
        portfolio = self.portfolio()
        sent = SnoozeFields(data=request.data)
        sent.is_valid(raise_exception=True)
        until = timezone.now().date() + timedelta(days=sent.validated_data["days"])
        return self._changed(portfolio, suggestions.snooze, until=until)

    @extend_schema(request=None, responses=LifeFields, summary="Take the suggestion up again")
    @refuses(*REFUSALS)
    def reopen(self, request: Request, pk: int) -> Response:
        return self._changed(self.portfolio(), suggestions.reopen)

    def _changed(
        self, portfolio: Portfolio, change: Callable[..., SuggestionLife], **details: Any
    ) -> Response:
        life = suggestions.take_up(portfolio=portfolio, run=current_run())
        user = self.request.user
        life = change(life=life, by=user, now=timezone.now(), **details)
        portfolio.refresh_from_db(fields=["revision"])
        return self.answer(portfolio, LifeFields(life).data)


def _fills(request: Request, sent: list[dict[str, Any]]) -> list[Fill]:
    """Raises UnknownAsset."""
    named = assets.by_key({each["asset"] for each in sent}, user=request.user)
    return [
        Fill(
            asset=named[each["asset"]],
            quantity=each["quantity"].copy_negate() if each["side"] == "sell" else each["quantity"],
            price=each["price"],
            fee=each["fee"],
            on=each["on"],
        )
        for each in sent
    ]
