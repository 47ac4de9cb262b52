"""How two assets move together, and how wild one is: the market's pages of detail."""

from collections.abc import Iterator
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Day, Fields, Measured, Query
from accounts.api.views import MarketResource, refuses
from analytics.api import NotMeasured
from analytics.api.market import measured_day
from analytics.selectors import correlation_pairs, volatility_page
from analytics.selectors.correlations import BITCOIN, WINDOWS
from analytics.selectors.volatility_page import DRAWN, YEAR, VolatilityPage
from portfolios.api.assets import AssetKey
from portfolios.api.prices import FORMATS
from portfolios.models import Asset
from portfolios.selectors.assets import UnknownAsset

SERIES = dict(zip(DRAWN, ("close_to_close", "ewma", "yang_zhang"), strict=True))


class PairQuery(Query):
    window = serializers.ChoiceField(WINDOWS, default=90, help_text="Days of returns.")


class PairFigure(Fields):
    label = serializers.CharField()
    correlation = Measured(help_text="null: too few days.")
    low = Measured(help_text="Where its 95 % interval begins.")
    high = Measured()
    days = serializers.IntegerField()
    needed = serializers.IntegerField()


class PairMoment(Fields):
    date = Day(source="day", help_text="On which the window ended.")
    correlation = Measured()
    low = Measured()
    high = Measured()
    beta = Measured(help_text="Of the first on the second.")


class TogetherFields(Fields):
    both_rose = serializers.IntegerField()
    both_fell = serializers.IntegerField()
    apart = serializers.IntegerField()


class FallFields(Fields):
    asset = AssetKey()
    now = Measured(help_text="From its peak of the year.")
    worst = Measured()
    worst_on = Day()


class PairReturns(Fields):
    date = Day()
    first = Measured()
    second = Measured()


class PairFields(Fields):
    as_of = Day(source="day.as_of")
    first = AssetKey()
    second = AssetKey()
    window = serializers.IntegerField()
    figures = PairFigure(many=True)
    together = TogetherFields(help_text="Days of the window on which both moved.")
    falls = FallFields(many=True)
    history = PairMoment(many=True, help_text="A year of windows.")
    returns = PairReturns(many=True, help_text="Of the window.")


class CorrelationPairs(MarketResource):
    pagination_class = None
    renderer_classes = FORMATS
    csv_rows = "history"

    @extend_schema(
        operation_id="market_correlations_pair",
        parameters=[PairQuery],
        responses=PairFields,
        summary="Read a pair",
    )
    @refuses("not_measured")
    def retrieve(self, request: Request, first: str, second: str) -> Response:
        """Through a year: rolling correlation with its interval, beta, and both falls."""
        window = PairQuery.of(request)["window"]
        rows = Asset.objects.filter(coingecko_id__in=[first, second, BITCOIN])
        named = {asset.coingecko_id: asset for asset in rows}
        if first == second or not {first, second} <= set(named):
            raise NotFound("An address names two different assets of the catalogue.")
        day = measured_day()
        if BITCOIN not in named:
            raise NotMeasured("Nothing is told without Bitcoin.")
        pair = correlation_pairs.read(
            day, first=named[first], second=named[second], bitcoin=named[BITCOIN], window=window
        )
        names = [name for name in PairFields().fields if name not in ("as_of", "returns")]
        scatter = [{"date": on, "first": one, "second": other} for on, one, other in pair.scatter]
        body = {name: getattr(pair, name) for name in names} | {"day": day, "returns": scatter}
        return Response(PairFields(body).data)


class VolatilityQuery(Query):
    asset = AssetKey(default=BITCOIN)


class EstimateFields(Fields):
    name = serializers.CharField()
    sees = serializers.CharField(help_text="What it is made from.")
    value = Measured(help_text="A year.")
    percentile = Measured(help_text="Within the last year.")


class HorizonFields(Fields):
    days = serializers.IntegerField()
    now = Measured(help_text="Realised over so many days.")
    percentile = Measured()
    lowest = Measured()
    lower_quartile = Measured()
    median = Measured()
    upper_quartile = Measured()
    highest = Measured()
    implied = Measured(help_text="By options, where they tell.")


class TrueRangeFields(Fields):
    amount = Measured(help_text="US dollars.")
    share = Measured(help_text="Of the close.")
    percentile = Measured()


class ImpliedFields(Fields):
    value = Measured(help_text="For the next 30 days, a year.")
    spread = Measured(help_text="Over what the last 30 days were.")
    percentile = Measured()


class VolatilityDay(Fields):
    date = Day()
    close_to_close = Measured()
    ewma = Measured()
    yang_zhang = Measured()
    implied = Measured()


class VolatilityFields(Fields):
    as_of = Day(source="day.as_of")
    asset = AssetKey()
    estimates = EstimateFields(many=True)
    horizons = HorizonFields(many=True)
    true_range = TrueRangeFields(allow_null=True)
    implied = ImpliedFields(allow_null=True)
    days = VolatilityDay(many=True, help_text="The last year.")


class Volatilities(MarketResource):
    pagination_class = None
    renderer_classes = FORMATS
    csv_rows = "days"

    @extend_schema(
        parameters=[VolatilityQuery], responses=VolatilityFields, summary="Read the volatility"
    )
    @refuses("not_measured", "unknown_asset")
    def retrieve(self, request: Request) -> Response:
        """Of one asset: by several estimators, over several horizons, and implied by options."""
        wanted = VolatilityQuery.of(request)["asset"]
        page = volatility_page.read(measured_day(), wanted=wanted)
        if page is None or page.asset.coingecko_id != wanted:
            raise UnknownAsset(f"“{wanted}” was not measured.")
        names = ("day", "asset", "estimates", "horizons", "true_range", "implied")
        body = {name: getattr(page, name) for name in names} | {"days": list(_days(page))}
        return Response(VolatilityFields(body).data)


def _days(page: VolatilityPage) -> Iterator[dict[str, Any]]:
    drawn = {
        SERIES[each.name]: each.series[-YEAR:] for each in page.estimates if each.name in SERIES
    }
    for row, day in enumerate(page.days):
        told = {name: series[row] for name, series in drawn.items()}
        yield told | {"date": day, "implied": page.implied_series[row]}
