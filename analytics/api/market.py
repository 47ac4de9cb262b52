"""The market as the night measured it: its regime, its assets, how they move together."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Day, Fields, Flag, Measured, Query, Text, day_or_404
from accounts.api.views import MarketResource, refuses
from analytics.api import NotMeasured
from analytics.core.correlation import fisher_interval
from analytics.models import AssetDay, RegimeDay
from analytics.selectors import correlations, market_days, regimes
from analytics.selectors.correlations import BITCOIN, DAYS, WINDOWS, View
from analytics.selectors.market_days import MarketDay
from portfolios.api.assets import AssetKey
from portfolios.api.prices import FORMATS, RangeQuery, asked_range
from portfolios.selectors.assets import UnknownAsset

MOST_ASSETS = 30


class RegimeFields(Fields):
    date = Day()
    label = serializers.ChoiceField(RegimeDay.Label.choices)
    days = serializers.IntegerField(help_text="In a row, this one included.")
    high_volatility = serializers.BooleanField(allow_null=True)
    realised_volatility = Measured(help_text="Of Bitcoin over 30 days, a year.")
    percentile = Measured(help_text="Of that within the year before.")


class EvidenceFields(Fields):
    name = serializers.CharField(source="signal.name")
    title = serializers.CharField(source="wording.title")
    what = serializers.CharField(source="wording.what")
    value = Measured()
    percentile = Measured()
    decides = serializers.BooleanField(source="signal.decides", help_text="About the label.")
    is_available = serializers.BooleanField()
    verdict = serializers.CharField()
    as_of = Day(allow_null=True)
    source = serializers.CharField(allow_null=True)


class RegimeDetail(RegimeFields):
    evidence = EvidenceFields(many=True)


class RegimeSeries(Fields):
    regimes = RegimeFields(many=True)


class MarketFields(Fields):
    as_of = Day(help_text="The last complete UTC day that was measured.")
    source = serializers.CharField(help_text="Where prices come from.")
    assets = serializers.IntegerField(help_text="How many were measured.")
    regime = RegimeFields(allow_null=True)


class MeasuredAssetFields(Fields):
    asset = AssetKey()
    symbol = serializers.CharField(source="asset.symbol")
    close = Measured(help_text="US dollars.")
    close_on = Day()
    is_stale = serializers.BooleanField()
    volatility = Measured(help_text="A year.")
    correlation = Measured(help_text="To Bitcoin.")
    drawdown = Measured(help_text="From its highest close.")
    max_drawdown = Measured(help_text="Of a year.")
    changes = serializers.ListField(child=Measured(), help_text="Over 30, 90 and 180 days.")
    against_bitcoin = serializers.ListField(child=Measured())
    against_category = serializers.ListField(child=Measured())
    volume = Measured(help_text="US dollars a day, on average of 30.")
    market_cap = Measured(help_text="US dollars.")


class MeasuredQuery(Query):
    category = Text(required=False, max_length=50, help_text="The slug of a category.")


class CorrelationQuery(Query):
    asset = serializers.ListField(
        child=AssetKey(),
        required=False,
        max_length=MOST_ASSETS,
        help_text="May be repeated; the largest coins by default.",
    )
    window = serializers.ChoiceField(WINDOWS, default=90, help_text="Days of returns.")
    days = serializers.ChoiceField(list(DAYS.items()), default="all")
    without_bitcoin = Flag(default=False, help_text="Of what is left of returns without Bitcoin.")


class Square(serializers.ListField):
    """A row an asset, a column an asset; null where too little is known of a pair."""

    child = serializers.ListField(child=Measured())


class CorrelationFields(Fields):
    as_of = Day()
    window = serializers.IntegerField()
    days = serializers.CharField()
    without_bitcoin = serializers.BooleanField()
    assets = serializers.ListField(child=AssetKey(), help_text="In the order of the tables.")
    correlation = Square()
    low = Square(help_text="Where its 95 % interval begins.")
    high = Square(help_text="Where it ends.")
    common_days = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField())
    )


class Market(MarketResource):
    @extend_schema(responses=MarketFields, summary="Read the market")
    @refuses("not_measured")
    def retrieve(self, request: Request) -> Response:
        """Which day was measured, from what, and its regime."""
        Query.of(request)
        day = measured_day()
        told = RegimeDay.objects.filter(date=day.as_of).first()
        count = AssetDay.objects.filter(as_of=day.as_of).count()
        market = {"as_of": day.as_of, "source": day.source, "assets": count, "regime": told}
        return Response(MarketFields(market).data)


class MeasuredAssets(MarketResource):
    ordering = "asset_id"

    @extend_schema(
        parameters=[MeasuredQuery],
        responses=MeasuredAssetFields(many=True),
        summary="List assets as measured",
    )
    @refuses("not_measured")
    def list(self, request: Request) -> Response:
        asked = MeasuredQuery.of(request)
        rows = AssetDay.objects.filter(as_of=measured_day().as_of).select_related("asset")
        if "category" in asked:
            rows = rows.filter(asset__category__slug=asked["category"])
        return self.page(rows, MeasuredAssetFields)


class Regimes(MarketResource):
    renderer_classes = FORMATS
    pagination_class = None
    csv_rows = "regimes"

    @extend_schema(
        operation_id="market_regimes_series",
        parameters=[RangeQuery],
        responses=RegimeSeries,
        summary="List regimes",
    )
    @refuses("range")
    def retrieve(self, request: Request) -> Response:
        """One a day, as it was told then."""
        days = asked_range(RangeQuery.of(request))
        rows = RegimeDay.objects.filter(date__range=days).order_by("date")
        return Response(RegimeSeries({"regimes": rows}).data)


class RegimeOfDay(MarketResource):
    @extend_schema(responses=RegimeDetail, summary="Read the regime of a day")
    @refuses("not_measured")
    def retrieve(self, request: Request, day: str) -> Response:
        """With every signal that speaks for or against it."""
        Query.of(request)
        told = RegimeDay.objects.filter(date=day_or_404(day)).first()
        if told is None:
            raise NotMeasured("No regime is told of that day.")
        evidence = EvidenceFields(regimes.read(told).evidence, many=True).data
        return Response(RegimeFields(told).data | {"evidence": evidence})


class CorrelationMatrix(MarketResource):
    @extend_schema(
        parameters=[CorrelationQuery], responses=CorrelationFields, summary="Read correlations"
    )
    @refuses("not_measured", "unknown_asset")
    def retrieve(self, request: Request) -> Response:
        """Of daily returns over a window, each with its 95 % interval."""
        asked = CorrelationQuery.of(request)
        view = View(asked["window"], asked["days"], without_bitcoin=asked["without_bitcoin"])
        body = _correlations(measured_day(), view, asked.get("asset"))
        return Response(CorrelationFields(body).data)


def measured_day() -> MarketDay:
    """The day of the current night. Raises NotMeasured."""
    day = market_days.current(today=timezone.now().date())
    if day is None:
        raise NotMeasured("No night has measured the market yet.")
    return day


def _correlations(day: MarketDay, view: View, keys: list[str] | None) -> dict[str, Any]:
    listed = list(AssetDay.objects.filter(as_of=day.as_of).select_related("asset"))
    by_key = {each.asset.coingecko_id: each.asset for each in listed}
    if unknown := [key for key in keys or () if key not in by_key]:
        raise UnknownAsset(f"“{unknown[0]}” was not measured.")
    if BITCOIN not in by_key:
        raise NotMeasured("Bitcoin was not measured, and nothing is told without it.")
    chosen = [by_key[key] for key in dict.fromkeys(keys)] if keys else correlations.universe(listed)
    asked = list(dict.fromkeys([by_key[BITCOIN], *chosen]))
    returns = correlations.read_returns(as_of=day.as_of, assets=asked)
    found = correlations.correlate(returns, view).of(chosen)
    interval = fisher_interval(found.pairwise.correlation, found.pairwise.effective_days)
    return {
        "as_of": day.as_of,
        "window": view.window,
        "days": view.days,
        "without_bitcoin": view.without_bitcoin,
        "assets": found.assets,
        "correlation": found.pairwise.correlation.tolist(),
        "low": interval.low.tolist(),
        "high": interval.high.tolist(),
        "common_days": found.pairwise.overlap.tolist(),
    }
