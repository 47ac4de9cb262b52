"""Portfolios as the night measured them: how far each has drifted, and where its risk is."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Day, Fields, Measured, Query
from accounts.api.views import refuses
from analytics import tasks
from analytics.api import NotCalculated, NotMeasured
from analytics.models import NightlyRun, PortfolioResult
from analytics.selectors import portfolio_list, portfolio_pages
from analytics.selectors.portfolio_pages import Reading
from portfolios.api.assets import AssetKey
from portfolios.api.portfolios import OfPortfolio
from portfolios.models import Portfolio


class DriftFields(Fields):
    portfolio = serializers.IntegerField(source="portfolio.pk")
    name = serializers.CharField(source="portfolio.name")
    status = serializers.ChoiceField(
        PortfolioResult.Status.choices,
        source="result.status",
        default=None,
        allow_null=True,
        help_text="null: not calculated since its last change.",
    )
    value = Measured(source="result.value", default=None, help_text="US dollars.")
    worst_drift = Measured(source="result.worst_drift", default=None, help_text="From target.")
    band = Measured(source="result.band", default=None, help_text="Of what strayed furthest.")


class PositionFields(Fields):
    asset = AssetKey()
    symbol = serializers.CharField(source="asset.symbol")
    close = Measured(help_text="US dollars.")
    value = Measured(help_text="US dollars.")
    weight = Measured(source="known_weight")
    target_weight = Measured()
    from_category = serializers.BooleanField(help_text="Its target is a part of its category's.")
    drift = Measured()
    low = Measured(help_text="Where its band begins.")
    high = Measured(help_text="Where it ends.")
    in_breach = serializers.BooleanField()
    share_of_risk = Measured()
    price_is_stale = serializers.BooleanField()


class CategoryShareFields(Fields):
    category = serializers.CharField(source="category.slug")
    value = Measured(source="known_value")
    weight = Measured(source="known_weight")
    target_weight = Measured()
    share_of_risk = Measured()


class RiskFields(Fields):
    as_of = Day(source="run.as_of")
    status = serializers.ChoiceField(PortfolioResult.Status.choices, source="result.status")
    value = Measured(source="result.value", help_text="US dollars.")
    outside_value = Measured(
        source="result.outside_value",
        help_text="US dollars outside the weights, dry powder and reserves; not in the value.",
    )
    value_1d = Measured(source="result.value_1d", help_text="The same holdings a day before.")
    value_7d = Measured(source="result.value_7d")
    value_30d = Measured(source="result.value_30d")
    volatility = Measured(source="result.volatility", help_text="A year.")
    risk_coverage = Measured(
        source="result.risk_coverage", help_text="The share of the value whose risk is measured."
    )
    worst_drift = Measured(source="result.worst_drift")
    band = Measured(source="result.band")
    positions = PositionFields(many=True)
    categories = CategoryShareFields(many=True)


def current_run() -> NightlyRun:
    """The night that everybody sees. Raises NotMeasured."""
    run = portfolio_pages.current_run()
    if run is None:
        raise NotMeasured("No night has measured anything yet.")
    return run


class OfReading(OfPortfolio):
    """What is known of a portfolio as it is now."""

    def reading(self, portfolio: Portfolio) -> Reading:
        """Raises NotMeasured, and NotCalculated once a worker was asked."""
        reading = portfolio_pages.read(portfolio, run=current_run())
        if reading is None:
            tasks.recompute_once(portfolio)
            raise NotCalculated
        return reading


class Drift(OfPortfolio):
    @extend_schema(responses=DriftFields(many=True), summary="List drift")
    def list(self, request: Request) -> Response:
        """Every portfolio in use, and how far it is from its targets tonight."""
        Query.of(request)
        rows = Portfolio.objects.visible_to(request.user).filter(archived_at=None)
        found = self.paginate_queryset(rows)
        measured = portfolio_list.measured(found, run=portfolio_pages.current_run())
        return self.get_paginated_response(DriftFields(measured, many=True).data)


class Risk(OfReading):
    @extend_schema(responses=RiskFields, summary="Read drift and risk")
    @refuses("not_measured", "not_calculated")
    def retrieve(self, request: Request, pk: int) -> Response:
        """Each position and category: weight, target, band, and share of the risk."""
        Query.of(request)
        portfolio = self.portfolio()
        return self.answer(portfolio, RiskFields(self.reading(portfolio)).data)
