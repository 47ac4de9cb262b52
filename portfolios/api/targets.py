"""What a portfolio should hold, and what it does hold."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Day, Exact, Fields, Fraction, Measured, Moment, Query, Text
from accounts.api.views import refuses
from portfolios.api.assets import AssetKey, visible_or_404
from portfolios.api.portfolios import IF_MATCH, OfPortfolio
from portfolios.models import AssetCategory, Portfolio
from portfolios.selectors import assets, portfolios, prices
from portfolios.services import holdings, targets
from portfolios.services.errors import PortfolioError, TargetsError

MOST_TARGETS = 500


class TargetFields(Fields):
    """The share of an asset, or of all that is held of a category together: one of the two."""

    asset = AssetKey(required=False, allow_null=True)
    category = serializers.CharField(source="category.slug", default=None, allow_null=True)
    weight = Fraction(help_text="Of the portfolio: “0.25” is 25 %.")


class NewTarget(Fields):
    asset = AssetKey(required=False, help_text="An asset, or else …")
    category = Text(required=False, max_length=50, help_text="… the slug of a category.")
    weight = Fraction(help_text="Of the portfolio. All weights sum to exactly 1.")


class TargetsFields(Fields):
    targets = TargetFields(many=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Half Bitcoin",
            {
                "targets": [
                    {"asset": "bitcoin", "weight": "0.5"},
                    {"category": "stablecoins", "weight": "0.5"},
                ]
            },
            request_only=True,
        )
    ]
)
class NewTargets(Fields):
    targets = serializers.ListField(child=NewTarget(), min_length=1, max_length=MOST_TARGETS)


class Targets(OfPortfolio):
    pagination_class = None

    @extend_schema(responses=TargetsFields, summary="Read the target weights")
    def retrieve(self, request: Request, pk: int) -> Response:
        Query.of(request)
        return self._answer(self.portfolio())

    @extend_schema(
        parameters=[IF_MATCH],
        request=NewTargets,
        responses=TargetsFields,
        summary="Replace the target weights",
    )
    @refuses("targets", "roles", "unknown_asset", "own_asset", "conflict", "changed_since")
    def update(self, request: Request, pk: int) -> Response:
        """Make these the targets, and no others."""
        portfolio = self.portfolio()
        seen = self.expected_revision(portfolio)
        sent = NewTargets(data=request.data)
        sent.is_valid(raise_exception=True)
        weights = weights_of(request, sent.validated_data["targets"])
        targets.replace(portfolio=portfolio, weights=weights, expected_revision=seen)
        return self._answer(portfolio)

    def _answer(self, portfolio: Portfolio) -> Response:
        found = {"targets": portfolios.targets(portfolio)}
        return self.answer(portfolio, TargetsFields(found).data)


class VersionLine(Fields):
    name = serializers.CharField(help_text="Of the asset or category, as it was called then.")
    weight = serializers.CharField(help_text="Of the portfolio, an exact decimal.")


class VersionFields(Fields):
    number = serializers.IntegerField(help_text="From 1, in the order of saving.")
    name = serializers.CharField()
    saved_at = Moment()
    targets = VersionLine(many=True, source="lines")


class TargetVersions(OfPortfolio):
    ordering = "-number"

    @extend_schema(responses=VersionFields(many=True), summary="List versions of the targets")
    def list(self, request: Request, pk: int) -> Response:
        """Every save keeps one; the newest first."""
        Query.of(request)
        return self.page(self.portfolio().target_versions.all(), VersionFields)

    @extend_schema(
        parameters=[IF_MATCH],
        request=None,
        responses=TargetsFields,
        summary="Restore a version of the targets",
    )
    @refuses("targets", "roles", "own_asset", "conflict", "changed_since")
    def restore(self, request: Request, pk: int, number: int) -> Response:
        """Make its targets those of the portfolio again."""
        portfolio = self.portfolio()
        version = get_object_or_404(portfolio.target_versions, number=number)
        seen = self.expected_revision(portfolio)
        targets.restore(portfolio=portfolio, version=version, expected_revision=seen)
        found = {"targets": portfolios.targets(portfolio)}
        return self.answer(portfolio, TargetsFields(found).data)


class BalanceFields(Fields):
    asset = AssetKey(source="holding.asset")
    symbol = serializers.CharField(source="holding.asset.symbol")
    name = serializers.CharField(source="holding.asset.name")
    quantity = Exact(source="holding.quantity")
    close = Measured(help_text="US dollars; null where no price is known.")
    close_on = Day(source="latest.date", default=None, allow_null=True)
    is_stale = serializers.BooleanField(source="latest.is_stale", default=False)
    value = Measured(help_text="US dollars.")


class HoldingsFields(Fields):
    as_of = Day(allow_null=True)
    holdings = BalanceFields(many=True)


@extend_schema_serializer(
    examples=[OpenApiExample("One and a half", {"quantity": "1.5"}, request_only=True)]
)
class NewBalance(Fields):
    quantity = Exact(help_text="Units of the asset, above zero.")


class Holdings(OfPortfolio):
    pagination_class = None

    @extend_schema(responses=HoldingsFields, summary="Read the holdings")
    def retrieve(self, request: Request, pk: int) -> Response:
        """Balances at their latest closes."""
        Query.of(request)
        return self._answer(self.portfolio())

    @extend_schema(
        parameters=[IF_MATCH],
        request=NewBalance,
        responses=HoldingsFields,
        summary="Set a balance",
    )
    @refuses("quantity", "shortfall", "ledger", "own_asset", "conflict", "changed_since")
    def update(self, request: Request, pk: int, asset: str) -> Response:
        """The difference to the ledger becomes a line of it, as on the page."""
        portfolio = self.portfolio()
        found = visible_or_404(request, asset)
        seen = self.expected_revision(portfolio)
        sent = NewBalance(data=request.data)
        sent.is_valid(raise_exception=True)
        holdings.save(
            portfolio=portfolio, asset=found, expected_revision=seen, **sent.validated_data
        )
        return self._answer(portfolio)

    @extend_schema(parameters=[IF_MATCH], responses={204: None}, summary="Remove a holding")
    @refuses("shortfall", "conflict", "changed_since")
    def destroy(self, request: Request, pk: int, asset: str) -> Response:
        portfolio = self.portfolio()
        found = visible_or_404(request, asset)
        seen = self.expected_revision(portfolio)
        holdings.remove(portfolio=portfolio, asset=found, expected_revision=seen)
        return self.answer(portfolio, None, status=204)

    def _answer(self, portfolio: Portfolio) -> Response:
        as_of = prices.last_complete_day()
        found = {"as_of": as_of, "holdings": portfolios.balances(portfolio, as_of=as_of)}
        return self.answer(portfolio, HoldingsFields(found).data)


def aims_of(
    request: Request, sent: list[dict[str, Any]], error: type[PortfolioError]
) -> list[targets.Aim]:
    """What each line is about: its `asset` or its `category`. Raises `error`, UnknownAsset."""
    if any(("asset" in each) == ("category" in each) for each in sent):
        raise error("Say of each line either the asset or the category it is for.")
    named = assets.by_key([each["asset"] for each in sent if "asset" in each], user=request.user)
    slugs = {each["category"] for each in sent if "category" in each}
    categories = {each.slug: each for each in AssetCategory.objects.filter(slug__in=slugs)}
    if unknown := sorted(slugs - set(categories)):
        raise error(f"There is no category “{unknown[0]}”.")
    return [
        named[each["asset"]] if "asset" in each else categories[each["category"]] for each in sent
    ]


def weights_of(request: Request, sent: list[dict[str, Any]]) -> dict[targets.Aim, Any]:
    """By what each is for. Raises TargetsError, UnknownAsset."""
    weights: dict[targets.Aim, Any] = {}
    for aim, each in zip(aims_of(request, sent, TargetsError), sent, strict=True):
        if aim in weights:
            raise TargetsError(f"{targets.short_name(aim)} has two targets. Give it one.")
        weights[aim] = each["weight"]
    return weights
