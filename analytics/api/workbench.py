"""Weights to try, and what they mean: the workbench."""

import re
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Day, Exact, Fields, Measured, Query
from accounts.api.views import refuses
from analytics.api import NotMeasured
from analytics.api.risk import current_run
from analytics.selectors import benches
from analytics.services import workbench
from analytics.services.workbench import Outcome, Share
from portfolios.api.assets import AssetKey
from portfolios.api.portfolios import OfPortfolio
from portfolios.api.targets import weights_of
from portfolios.models import Asset
from portfolios.selectors import portfolios
from portfolios.services.errors import TargetsError

MOST_WEIGHTS = 100
CATEGORY = "category:"
TRIED = r"[!-9;-~][!-~]{0,79}:(0|1|0\.[0-9]{1,9})"


@extend_schema_field({"type": "string", "pattern": f"^{TRIED}$", "example": "bitcoin:0.4"})
class TriedWeight(serializers.Field):
    """What a weight is of, a colon, and the weight."""

    default_error_messages = {"invalid": "Write a weight as bitcoin:0.4 or category:defi:0.1."}

    def to_internal_value(self, sent: Any) -> dict[str, Any]:
        if not re.fullmatch(TRIED, str(sent), re.ASCII):
            self.fail("invalid")
        key, _, weight = str(sent).rpartition(":")
        kind = "category" if key.startswith(CATEGORY) else "asset"
        return {kind: key.removeprefix(CATEGORY), "weight": Decimal(weight)}


class WorkbenchQuery(Query):
    weight = serializers.ListField(
        child=TriedWeight(),
        required=False,
        max_length=MOST_WEIGHTS,
        help_text="Such as `bitcoin:0.4` or `category:defi:0.1`; may be repeated. By default the "
        "targets, or else what is held.",
    )


class FiguresFields(Fields):
    coverage = Measured(help_text="The share whose risk is measured.")
    volatility = Measured(help_text="A year.")
    max_drawdown = Measured()
    peak = Day(allow_null=True)
    trough = Day(allow_null=True)
    cvar = Measured(help_text="The mean loss of the worst 5 % of days.")
    beta = Measured(help_text="To Bitcoin.")
    correlation = Measured(help_text="To Bitcoin.")
    effective_bets = Measured()
    risk_score = Measured(help_text="Of 3.")
    core_share = Measured(help_text="Bitcoin and Ether.")
    stablecoin_share = Measured(help_text="Stablecoins and cash.")
    assumed_yield = Measured(help_text="A year. An assumption.")


class TriedShareFields(Fields):
    asset = AssetKey(allow_null=True)
    category = serializers.CharField(allow_null=True)
    weight = Measured(source="money", help_text="Of all that is tried.")
    share_of_risk = Measured(source="risk")
    today = Measured(help_text="What is held of it.")
    over_cap = Exact(allow_null=True, help_text="The cap, where it is above it.")


class TriedCategoryFields(Fields):
    category = serializers.CharField(source="category.slug")
    weight = Measured(source="money")
    share_of_risk = Measured(source="risk")
    low = Exact(source="limit.low", default=None, allow_null=True, help_text="Its range.")
    high = Exact(source="limit.high", default=None, allow_null=True)
    verdict = serializers.CharField(help_text="below, within or above its range, or empty.")


class LimitFields(Fields):
    name = serializers.CharField()
    tried = Measured()
    today = Measured()
    limit = serializers.CharField()
    verdict = serializers.CharField(help_text="below, within, above, or empty.")


class WorkbenchFields(Fields):
    as_of = Day()
    is_whole = serializers.BooleanField(
        help_text="Whether the weights sum to 1; else they are measured in their proportions."
    )
    since = Day(allow_null=True, help_text="Where the history begins that is measured on.")
    tried = FiguresFields()
    today = FiguresFields(allow_null=True, help_text="Of what is held.")
    limits = LimitFields(many=True, help_text="Figures that the profile limits.")
    categories = TriedCategoryFields(many=True)
    weights = TriedShareFields(many=True)
    unmeasured = serializers.ListField(child=AssetKey(), help_text="Whose risk nobody measures.")
    filled = serializers.ListField(
        child=AssetKey(), help_text="Whose history begins later, and is filled with another coin's."
    )


class Workbenches(OfPortfolio):
    pagination_class = None

    @extend_schema(
        parameters=[WorkbenchQuery], responses=WorkbenchFields, summary="Try target weights"
    )
    @refuses("not_measured", "targets", "unknown_asset")
    def retrieve(self, request: Request, pk: int) -> Response:
        """What they mean, beside what is held and what the profile allows. Nothing is saved."""
        asked = WorkbenchQuery.of(request)
        portfolio, run = self.portfolio(), current_run()
        tried = weights_of(request, asked.get("weight", []))
        if tried and not any(tried.values()):
            raise TargetsError("No weight is above zero. Give one of them more, or send none.")
        aims = list(dict.fromkeys([*portfolios.aims(portfolio), *tried]))
        if not aims:
            raise NotMeasured("The portfolio neither holds nor wants anything.")
        bench = benches.read(portfolio, aims, run=run)
        saved = {target.aim: target.weight for target in portfolios.targets(portfolio)}
        weights = tried or saved or workbench.today(bench)
        outcome = workbench.judge(bench, portfolio, weights)
        if outcome is None:
            raise NotMeasured("No asset stands for any of it: there is nothing to measure.")
        body = {"as_of": run.as_of} | _told(outcome)
        return self.answer(portfolio, WorkbenchFields(body).data)


def _told(outcome: Outcome) -> dict[str, Any]:
    names = ("is_whole", "since", "tried", "today", "categories", "unmeasured", "filled")
    return {name: getattr(outcome, name) for name in names} | {
        "limits": [row for row in outcome.rows if row.limit],
        "weights": [_share(share) for share in outcome.shares.values()],
    }


def _share(share: Share) -> dict[str, Any]:
    aim = share.aim
    names = ("money", "risk", "today", "over_cap")
    return {name: getattr(share, name) for name in names} | {
        "asset": aim if isinstance(aim, Asset) else None,
        "category": None if isinstance(aim, Asset) else aim.slug,
    }
