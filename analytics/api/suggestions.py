"""What is suggested, and what becomes of it. No trades are executed."""

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Day, Fields, Measured, Query
from accounts.api.views import refuses
from analytics.api import NoSuggestion
from analytics.api.risk import OfReading
from analytics.models import Suggestion
from analytics.selectors.verdicts import Verdict
from portfolios.api.assets import AssetKey

ANSWERS = [(answer.name.lower(), answer.label) for answer in Suggestion.Answer]


class TradeFields(Fields):
    asset = AssetKey()
    symbol = serializers.CharField(source="asset.symbol")
    amount = Measured(help_text="US dollars; what is sold is negative.")
    quantity = Measured(help_text="Units of the asset, of the same sign.")
    price = Measured(help_text="US dollars.")
    or_any_of = serializers.CharField(
        source="or_any_of.slug",
        default=None,
        allow_null=True,
        help_text="The asset is an example of this category.",
    )


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


class SuggestionFields(Fields):
    as_of = Day(source="run.as_of")
    one_way_turnover = Measured(source="suggestion.one_way_turnover")
    verdict = VerdictFields()
    trades = TradeFields(many=True)


class Suggestions(OfReading):
    @extend_schema(responses=SuggestionFields, summary="Read the suggestion")
    @refuses("not_measured", "not_calculated", "no_suggestion")
    def retrieve(self, request: Request, pk: int) -> Response:
        """The trades that lead back to the targets, and whether they are worth their cost."""
        Query.of(request)
        portfolio = self.portfolio()
        reading = self.reading(portfolio)
        if reading.suggestion is None:
            raise NoSuggestion("The portfolio is in balance, or has no targets.")
        return self.answer(portfolio, SuggestionFields(reading).data)
