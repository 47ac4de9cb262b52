"""What to trade, in the way that is asked for, and what the plan says of a sale."""

from collections.abc import Collection
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Day, Exact, Fields, Flag, Measured, Moment, Query
from accounts.api.views import refuses
from analytics.api import NotMeasured
from analytics.api.risk import OfReading, PositionFields
from analytics.api.suggestions import ExampleOf, VerdictFields
from analytics.models import RegimeDay
from analytics.selectors import sale_checks
from analytics.selectors.portfolio_pages import Reading
from analytics.services import plan_pages
from analytics.services.shown_plans import WAYS, Asked, Mode, Plan
from portfolios.api.assets import AssetKey
from portfolios.api.portfolios import OfPortfolio
from portfolios.api.prices import FORMATS
from portfolios.models import Portfolio, Transaction
from portfolios.selectors import assets, portfolios
from portfolios.selectors.assets import UnknownAsset

MOST_NAMED = 100
Kind = Transaction.Kind
MODES = [(mode.value, words) for mode, words in WAYS.items()]
SALES = [(kind.value, kind.label) for kind in (Kind.SELL, Kind.SWAP, Kind.BUY)]


def named_assets(words: str) -> serializers.ListField:
    return serializers.ListField(
        child=AssetKey(), required=False, max_length=MOST_NAMED, help_text=words
    )


class PlanQuery(Query):
    mode = serializers.ChoiceField(MODES, default=Mode.TARGET.value)
    cash = Exact(
        whole=12,
        decimals=2,
        required=False,
        help_text="US dollars to put in (`invest`) or take out (`raise`).",
    )
    never_sold = named_assets("Assets of the portfolio; may be repeated.")
    left_alone = named_assets("Neither bought nor sold.")
    only = named_assets("Nothing else is traded.")
    follows_rules = Flag(default=True, help_text="Whether what the rules leave alone is, too.")


class PlanRowFields(Fields):
    asset = AssetKey(source="position.asset")
    symbol = serializers.CharField(source="position.asset.symbol")
    amount = Measured(help_text="US dollars to trade; what is sold is negative.")
    quantity = Measured(help_text="Units of the asset, of the same sign.")
    price = Measured(source="position.close", help_text="US dollars.")
    cost = Measured(help_text="US dollars.")
    weight = Measured(source="position.weight")
    weight_after = Measured()
    target_weight = Measured(source="position.target_weight")
    value_after = Measured(help_text="US dollars.")
    skipped = serializers.CharField(help_text="Why nothing is traded, where something would be.")
    gain = Measured(help_text="Of what is sold; null: not known, or tax is not counted.")
    tax = Measured(source="known_tax")
    or_any_of = ExampleOf()


class PlanFields(Fields):
    as_of = Day()
    mode = serializers.ChoiceField(MODES, source="asked.mode")
    cash = Exact(source="asked.cash", allow_null=True)
    value = Measured(help_text="US dollars before, without new cash.")
    one_way_turnover = Measured()
    cost = Measured(help_text="US dollars, all of it.")
    fees = Measured()
    spread_cost = Measured()
    impact_cost = Measured()
    withdrawal_cost = Measured()
    tax = Measured()
    counts_tax = serializers.BooleanField()
    leftover_cash = Measured()
    distance_before = Measured(help_text="Sum of what weights and targets differ by.")
    distance_after = Measured()
    minimum_order = Measured(help_text="US dollars.")
    verdict = VerdictFields(
        allow_null=True, help_text="null: who puts cash in or takes it out has decided."
    )
    positions = PlanRowFields(many=True)


class Plans(OfReading):
    pagination_class = None
    renderer_classes = FORMATS
    csv_rows = "positions"

    @extend_schema(parameters=[PlanQuery], responses=PlanFields, summary="Draw a plan")
    @refuses("not_measured", "not_calculated", "impossible_plan", "unknown_asset")
    def retrieve(self, request: Request, pk: int) -> Response:
        """What to trade, what it costs, and what it leads to. Nothing is saved."""
        query = PlanQuery.of(request)
        portfolio = self.portfolio()
        reading = self.reading(portfolio)
        if not reading.is_judged:
            raise NotMeasured("There are no targets, or not everything has a price.")
        plan = plan_pages.draw(portfolio, reading, _asked(portfolio, reading, query))
        return self.answer(portfolio, PlanFields(_told(plan, reading)).data)


def _asked(portfolio: Portfolio, reading: Reading, query: dict[str, Any]) -> Asked:
    """Raises UnknownAsset."""
    ids = {assets.key(each.asset): each.asset.pk for each in reading.positions}

    def named(name: str) -> Collection[int]:
        keys = query.get(name, ())
        if unknown := sorted(set(keys) - set(ids)):
            raise UnknownAsset(f"“{unknown[0]}” is neither held nor wanted in this portfolio.")
        return frozenset(ids[key] for key in keys)

    rules = portfolios.rules(portfolio) if query["follows_rules"] else ()
    ruled = Asked.by_rules(rules)
    return Asked(
        mode=Mode(query["mode"]),
        cash=query.get("cash"),
        never_sold={*named("never_sold"), *ruled.never_sold},
        left_alone={*named("left_alone"), *ruled.left_alone},
        only=named("only"),
    )


def _told(plan: Plan, reading: Reading) -> dict[str, Any]:
    names = (
        "asked", "value", "one_way_turnover", "cost", "fees", "spread_cost", "impact_cost",
        "withdrawal_cost", "tax", "counts_tax", "leftover_cash", "distance_before",
        "distance_after", "minimum_order",
    )  # fmt: skip
    return {name: getattr(plan, name) for name in names} | {
        "as_of": reading.run.as_of,
        "verdict": plan.verdict if plan.is_weighed else None,
        "positions": plan.rows,
    }


class SaleQuery(Query):
    asset = AssetKey(help_text="What is sold.")
    quantity = Exact(help_text="Units of it.")
    kind = serializers.ChoiceField(SALES, default=Kind.SELL.value)
    at = Moment(required=False, help_text="Now by default.")
    transaction = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=2**63 - 1,
        help_text="The line that is changed, whose sale is known already.",
    )


class CheckFields(Fields):
    as_of = Day(source="reading.run.as_of")
    asset = AssetKey()
    planned = Measured(help_text="Units that the plan sells.")
    drawdown = Measured(help_text="Of the asset, from its highest close.")
    where = serializers.CharField(help_text="Where its position is in its band; may be empty.")
    regime = serializers.ChoiceField(
        RegimeDay.Label.choices, source="regime.day.label", default=None, allow_null=True
    )
    position = PositionFields(allow_null=True)


class SaleCheckFields(Fields):
    check = CheckFields(
        allow_null=True, help_text="null: the plan calls for the sale, or knows nothing of it."
    )


class SaleChecks(OfPortfolio):
    pagination_class = None

    @extend_schema(parameters=[SaleQuery], responses=SaleCheckFields, summary="Check a sale")
    @refuses("unknown_asset")
    def retrieve(self, request: Request, pk: int) -> Response:
        """What today's plan says of a sale before it is recorded. Nothing is saved."""
        query = SaleQuery.of(request)
        portfolio = self.portfolio()
        key = query["asset"]
        sale = Transaction(
            portfolio=portfolio,
            kind=query["kind"],
            at=query.get("at", timezone.now()),
            sent_asset=assets.by_key([key], user=request.user)[key],
            sent_quantity=query["quantity"],
        )
        before = None
        if number := query.get("transaction"):
            entry = portfolio.transactions.select_related("sent_asset").filter(pk=number).first()
            if entry is None:
                raise NotFound("The portfolio has no such transaction.")
            before = sale_checks.sold(entry)
        check = sale_checks.read(sale, before=before)
        return self.answer(portfolio, SaleCheckFields({"check": check}).data)
