"""What was: a portfolio's values and returns, and what came of past suggestions."""

from collections.abc import Iterator
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Day, Fields, Measured, Query
from accounts.api.views import refuses
from analytics.api import NotMeasured
from analytics.api.risk import current_run
from analytics.models import SuggestionLife
from analytics.selectors import performance, suggestion_history, value_history
from analytics.selectors.performance import OWN, PERIODS, Period
from analytics.selectors.suggestion_history import Difference, Told
from portfolios.api.assets import AssetKey
from portfolios.api.portfolios import OfPortfolio
from portfolios.api.prices import FORMATS

PERIOD = [(key, name) for key, (name, _) in PERIODS.items()]
OTHERS = {"Bitcoin": "bitcoin", "Equal weight": "equal_weight", "Held still": "held_still"}


class ValueOfDay(Fields):
    date = Day(help_text="A UTC day.")
    value = Measured(help_text="US dollars.")


class ValueHistoryFields(Fields):
    as_of = Day()
    values = ValueOfDay(many=True, help_text="Days on which all that is held had a price.")


class ValueHistories(OfPortfolio):
    pagination_class = None
    renderer_classes = FORMATS
    csv_rows = "values"

    @extend_schema(responses=ValueHistoryFields, summary="Read a year of values")
    @refuses("not_measured")
    def retrieve(self, request: Request, pk: int) -> Response:
        """What the holdings of today would have been worth, day by day."""
        Query.of(request)
        portfolio, run = self.portfolio(), current_run()
        history = value_history.read(portfolio, as_of=run.as_of)
        values = [{"date": day, "value": value} for day, value in history.days]
        body = {"as_of": run.as_of, "values": values}
        return self.answer(portfolio, ValueHistoryFields(body).data)


class SharpeFields(Fields):
    ratio = Measured()
    standard_error = Measured()


class PeriodFields(Fields):
    period = serializers.ChoiceField(PERIOD, source="key")
    start = Day()
    start_value = Measured(help_text="US dollars; 0: it begins with the portfolio itself.")
    contributions = Measured(help_text="US dollars put in since, less what was taken out.")
    gain = Measured(help_text="US dollars.")
    time_weighted = Measured(help_text="Over the period.")
    annual = Measured(help_text="The same a year; null for less than a year.")
    money_weighted = Measured(help_text="Over the period.")
    volatility = Measured(help_text="A year; null for less than 60 days.")
    volatility_error = Measured(help_text="Its standard error.")
    sharpe = SharpeFields(allow_null=True)
    max_drawdown = Measured()
    unclear_days = serializers.IntegerField(
        help_text="Whose values do not follow from what was put in or taken out; they count as 0."
    )


class PerformanceDay(Fields):
    date = Day(help_text="A UTC day.")
    value = Measured(help_text="US dollars.")
    put_in = Measured(help_text="US dollars, the value at the start and all put in since.")
    growth = Measured(help_text="What one unit of money at the start became.")
    drawdown = Measured()
    bitcoin = Measured(help_text="Growth of the same in Bitcoin.")
    equal_weight = Measured(help_text="In equal parts of what was held at the start.")
    held_still = Measured(help_text="Had nothing been traded since the start.")


class PerformanceFields(Fields):
    as_of = Day()
    first_entry = Day(help_text="Of the ledger.")
    begins = Day(help_text="The first day on which all that it held had a price.")
    unpriced = serializers.ListField(
        child=AssetKey(), help_text="Left out: nobody has any price of these."
    )
    periods = PeriodFields(many=True)
    period = serializers.ChoiceField(PERIOD, help_text="Which one the days are of.")
    days = PerformanceDay(many=True)


class PerformanceQuery(Query):
    period = serializers.ChoiceField(
        PERIOD, default="all", help_text="Whose days to list; all of it where it is too short."
    )


class Performances(OfPortfolio):
    pagination_class = None
    renderer_classes = FORMATS
    csv_rows = "days"

    @extend_schema(
        parameters=[PerformanceQuery], responses=PerformanceFields, summary="Read the performance"
    )
    @refuses("not_measured")
    def retrieve(self, request: Request, pk: int) -> Response:
        """What the ledger earned, at the closes of each day."""
        asked = PerformanceQuery.of(request)
        portfolio, run = self.portfolio(), current_run()
        found = performance.read(portfolio, as_of=run.as_of)
        if found is None:
            raise NotMeasured("Fewer than two days of the ledger can be valued.")
        shown = found.period(asked["period"])
        body = {
            "as_of": run.as_of,
            "first_entry": found.first_entry,
            "begins": found.begins,
            "unpriced": found.unpriced,
            "periods": found.periods,
            "period": shown.key,
            "days": list(_days(shown)),
        }
        return self.answer(portfolio, PerformanceFields(body).data)


def _days(period: Period) -> Iterator[dict[str, Any]]:
    drawdown, grown = period.drawdown, period.growth
    for n, day in enumerate(period.days):
        others = {key: grown[name][n] if name in grown else None for name, key in OTHERS.items()}
        yield others | {
            "date": day,
            "value": period.values[n],
            "put_in": period.contributed[n],
            "growth": grown[OWN][n],
            "drawdown": drawdown[n],
        }


class DifferenceFields(Fields):
    """So many days after; today where none are named."""

    amount = Measured(help_text="US dollars that following brought more than doing nothing.")
    share = Measured(help_text="Of the value.")

    def __init__(self, *rows: Any, days: int | None = None, **options: Any) -> None:
        early = "null: too early to say, or not known."
        super().__init__(*rows, allow_null=True, help_text=early, **options)
        self.days = days

    def get_attribute(self, told: Told) -> Difference | None:
        return told.after[self.days] if self.days else told.today


class ToldFields(Fields):
    as_of = Day(source="made_on", help_text="The close it was made at.")
    state = serializers.ChoiceField(SuggestionLife.State.choices, source="life.state")
    done_on = Day(source="life.fills_on", allow_null=True)
    is_followed = serializers.BooleanField(help_text="Whether trades were recorded with it.")
    value = Measured(help_text="US dollars that the portfolio was worth.")
    cost = Measured(help_text="US dollars, as it was reckoned with; taxes are apart.")
    problem = serializers.CharField(help_text="Why nothing is measured; else empty.")
    after_30_days = DifferenceFields(days=30)
    after_90_days = DifferenceFields(days=90)
    today = DifferenceFields()
    fall = Measured(help_text="The deepest within 90 days, followed.")
    fall_untouched = Measured()


class TallyFields(Fields):
    days = serializers.IntegerField(help_text="After the suggestion.")
    is_followed = serializers.BooleanField()
    count = serializers.IntegerField()
    helped = serializers.IntegerField()
    mean = Measured(help_text="Share of the value that following brought; null: too few to say.")
    standard_error = Measured()


class SuggestionHistoryFields(Fields):
    as_of = Day()
    is_cut = serializers.BooleanField(help_text="Whether there are older ones than the fifty told.")
    tallies = TallyFields(many=True)
    suggestions = ToldFields(many=True, help_text="The newest first.")


class SuggestionHistories(OfPortfolio):
    pagination_class = None

    @extend_schema(responses=SuggestionHistoryFields, summary="Read past suggestions")
    @refuses("not_measured")
    def retrieve(self, request: Request, pk: int) -> Response:
        """What became of them, and whether following helped, at the closes since."""
        Query.of(request)
        portfolio, run = self.portfolio(), current_run()
        history = suggestion_history.read(portfolio, as_of=run.as_of)
        tallies = [
            {
                "days": tally.days,
                "is_followed": tally.is_followed,
                "count": tally.count,
                "helped": tally.helped,
                "mean": tally.mean if tally.says_something else None,
                "standard_error": tally.error if tally.says_something else None,
            }
            for tally in history.tallies
        ]
        body = {
            "as_of": run.as_of,
            "is_cut": history.is_cut,
            "tallies": tallies,
            "suggestions": history.rows,
        }
        return self.answer(portfolio, SuggestionHistoryFields(body).data)
