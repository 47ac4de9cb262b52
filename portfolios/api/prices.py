"""Daily prices and market signals, over ranges of days, as JSON or CSV."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Day, Fields, Measured, Query
from accounts.api.renderers import CSV, Page
from accounts.api.views import MarketResource, refuses
from portfolios.api.assets import AssetKey, visible_or_404
from portfolios.models import MarketSignal
from portfolios.selectors import prices, ranges, signals

FORMATS = (JSONRenderer, CSV, Page)


class RangeQuery(Query):
    since = Day(required=False, help_text="The first day; a year before the last by default.")
    until = Day(required=False, help_text="The last day; the last complete one by default.")


class PriceFields(Fields):
    date = Day(help_text="A UTC day.")
    open = Measured()
    high = Measured()
    low = Measured()
    close = Measured(help_text="US dollars.")
    volume = Measured(help_text="Units of the asset.")
    market_cap = Measured(help_text="US dollars.")


class PriceSeries(Fields):
    asset = AssetKey()
    since = Day()
    until = Day()
    prices = PriceFields(many=True)


class SignalQuery(RangeQuery):
    name = serializers.ChoiceField(MarketSignal.Name.choices)
    asset = AssetKey(default="bitcoin", help_text="Whose market, where a signal is of one asset’s.")


class SignalFields(Fields):
    date = Day(help_text="A UTC day.")
    value = Measured(help_text="A fraction wherever it can be.")
    asset = AssetKey(allow_null=True, help_text="null: of all markets.")
    is_unconfirmed = serializers.BooleanField(help_text="A jump that nothing confirmed.")
    source = serializers.CharField()


class SignalSeries(Fields):
    name = serializers.ChoiceField(MarketSignal.Name.choices)
    since = Day()
    until = Day()
    signals = SignalFields(many=True)


class Prices(MarketResource):
    renderer_classes = FORMATS
    csv_rows = "prices"

    @extend_schema(parameters=[RangeQuery], responses=PriceSeries, summary="Read daily prices")
    @refuses("range")
    def retrieve(self, request: Request, asset: str) -> Response:
        """Every known day of a range. Of money and of your own assets only the close is known."""
        found = visible_or_404(request, asset)
        since, until = asked_range(RangeQuery.of(request))
        none = dict.fromkeys(PriceFields().fields)
        rows = [none | row for row in prices.daily(found, start=since, end=until)]
        series = {"asset": found, "since": since, "until": until, "prices": rows}
        return Response(PriceSeries(series).data)


class Signals(MarketResource):
    renderer_classes = FORMATS
    csv_rows = "signals"

    @extend_schema(parameters=[SignalQuery], responses=SignalSeries, summary="Read a signal")
    @refuses("range")
    def retrieve(self, request: Request) -> Response:
        """One figure a day of one asset's market, or of all markets."""
        asked = SignalQuery.of(request)
        since, until = asked_range(asked)
        rows = signals.readings(asked["name"], coingecko_id=asked["asset"], start=since, end=until)
        series = {"name": asked["name"], "since": since, "until": until, "signals": rows}
        return Response(SignalSeries(series).data)


def asked_range(asked: dict[str, Any]) -> tuple[Any, Any]:
    today = timezone.now().date()
    return ranges.days(since=asked.get("since"), until=asked.get("until"), today=today)
