"""How a portfolio is rebalanced, what counts in its weights, and what trading costs where."""

from copy import copy
from typing import Any

from django.db.models import Q
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Day, Exact, Fields, Flag, Fraction, Query, Text, Whole
from accounts.api.views import MarketResource, refuses
from portfolios.api.assets import AssetKey
from portfolios.api.portfolios import IF_MATCH, OfPortfolio
from portfolios.api.targets import MOST_TARGETS, aims_of
from portfolios.models import Portfolio, PositionRule, Venue
from portfolios.models.portfolios import Cadence, MoneyRole, OrderType
from portfolios.selectors import assets, portfolios
from portfolios.services import roles, rules
from portfolios.services.errors import RulesError
from portfolios.services.rules import Rule
from portfolios.services.targets import Aim, short_name

Trading = PositionRule.Trading
REFUSALS = ("roles", "not_valid", "unknown_asset", "own_asset", "conflict", "changed_since")
NAMED = {choice.name.lower(): choice for choice in Trading}
TRADING = [(name, choice.label) for name, choice in NAMED.items()]


class VenueFields(Fields):
    slug = serializers.CharField()
    name = serializers.CharField()
    maker_fee = Exact(help_text="A fraction of the trade.")
    taker_fee = Exact()
    half_spread_stable = Exact(help_text="Of stablecoins and cash; an assumption.")
    half_spread_core = Exact(help_text="Of Bitcoin and Ether.")
    half_spread_large = Exact()
    half_spread_mid = Exact()
    half_spread_other = Exact(help_text="Of all beyond, and of what has no rank.")
    minimum_order = Exact(help_text="US dollars.")
    lot_value = Exact(help_text="US dollars; 0: any quantity may be traded.")
    withdrawal_cost = Exact(help_text="US dollars, for each asset that is moved away.")
    source = serializers.CharField(help_text="Where the fees are published.")
    as_of = Day(help_text="The day of the assumptions.")


class Venues(MarketResource):
    pagination_class = None

    @extend_schema(responses=VenueFields(many=True), summary="List venues")
    def list(self, request: Request) -> Response:
        """Where one may trade, and what that is assumed to cost."""
        Query.of(request)
        return Response(VenueFields(Venue.objects.filter(is_active=True), many=True).data)


class TradingField(serializers.ChoiceField):
    def __init__(self, **options: Any) -> None:
        super().__init__(TRADING, **options)

    def to_representation(self, value: Any) -> str:
        return Trading(value).name.lower()

    def to_internal_value(self, sent: Any) -> Trading:
        return NAMED[super().to_internal_value(sent)]


class RuleFields(Fields):
    """What holds for one asset or one category instead of what holds for all."""

    asset = AssetKey(required=False, allow_null=True)
    category = serializers.CharField(source="category.slug", default=None, allow_null=True)
    band = Fraction(allow_null=True, help_text="Of the portfolio; null: the same as for all.")
    relative_band = Fraction(allow_null=True, help_text="Of its target.")
    trading = TradingField()


class NewRule(Fields):
    asset = AssetKey(required=False, help_text="An asset, or else …")
    category = Text(required=False, max_length=50, help_text="… the slug of a category.")
    band = Fraction(default=None, allow_null=True, help_text="Of the portfolio.")
    relative_band = Fraction(default=None, allow_null=True, help_text="Of its target.")
    trading = TradingField(required=False, help_text="Of an asset only.")


class WholeRules(Fields):
    """What holds for the portfolio as a whole."""

    cadence = serializers.ChoiceField(Cadence.choices)
    relative_band = Fraction(allow_null=True, help_text="Of each target; null: none.")
    venue = Text(
        max_length=50, allow_null=True, help_text="The slug of a venue; null: fee_rate is all."
    )
    order_type = serializers.ChoiceField(OrderType.choices)
    withdraws = Flag(help_text="Each purchase is moved away, and its withdrawal paid.")
    risk_aversion = Exact(whole=2, decimals=2)
    horizon_days = Whole(
        allow_null=True,
        min_value=1,
        max_value=3650,
        help_text="A rebalance must pay within; null: 30, or 7 while volatility is high.",
    )
    short_term_tax = Fraction(allow_null=True, help_text="Of a gain; null: tax is not counted.")
    long_term_tax = Fraction(allow_null=True)
    long_term_days = Whole(
        min_value=0, max_value=10_000, help_text="Held for longer, a gain is long-term."
    )


class RulesFields(WholeRules):
    rules = RuleFields(many=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Monthly, and Bitcoin within 3 points",
            {"cadence": "monthly", "rules": [{"asset": "bitcoin", "band": "0.03"}]},
            request_only=True,
        )
    ]
)
class RulesChange(WholeRules):
    rules = serializers.ListField(
        child=NewRule(), max_length=MOST_TARGETS, help_text="These, and no others."
    )


class Rules(OfPortfolio):
    pagination_class = None

    @extend_schema(responses=RulesFields, summary="Read the rules of rebalancing")
    def retrieve(self, request: Request, pk: int) -> Response:
        """When, where and how it is rebalanced, and what holds for single positions."""
        Query.of(request)
        return self._answer(self.portfolio())

    @extend_schema(
        parameters=[IF_MATCH],
        request=RulesChange(partial=True),
        responses=RulesFields,
        summary="Change the rules of rebalancing",
    )
    @refuses("rules", *REFUSALS)
    def partial_update(self, request: Request, pk: int) -> Response:
        """What is not named stays; `rules` replaces all that there are."""
        portfolio = self.portfolio()
        self.expected_revision(portfolio)
        sent = RulesChange(data=request.data, partial=True)
        sent.is_valid(raise_exception=True)
        chosen = dict(sent.validated_data)
        listed = chosen.pop("rules", None)
        if chosen.get("venue"):
            chosen["venue"] = _venue(portfolio, chosen["venue"])
        _check(portfolio, chosen)
        kept = {rule.aim: _rule(rule) for rule in portfolios.rules(portfolio)}
        wanted = kept if listed is None else _wanted(request, listed)
        rules.replace(
            portfolio=portfolio, rules=wanted, expected_revision=portfolio.revision, **chosen
        )
        return self._answer(self.portfolio())

    def _answer(self, portfolio: Portfolio) -> Response:
        found: dict[str, Any] = {name: getattr(portfolio, name) for name in rules.FIELDS}
        found["venue"] = portfolio.venue.slug if portfolio.venue else None
        found["rules"] = portfolios.rules(portfolio)
        return self.answer(portfolio, RulesFields(found).data)


@extend_schema_serializer(
    examples=[OpenApiExample("A reserve", {"reserve_amount": "5000"}, request_only=True)]
)
class RolesFields(Fields):
    money_role = serializers.ChoiceField(
        MoneyRole.choices, help_text="Whether stablecoins and cash are in the weights."
    )
    reserve_amount = Exact(
        whole=13,
        decimals=2,
        allow_null=True,
        help_text="US dollars of stablecoins and cash that are neither counted nor traded.",
    )
    groups_forms = Flag(help_text="Wrapped and staked forms are counted as their coin.")
    set_aside = serializers.ListField(
        child=AssetKey(),
        max_length=MOST_TARGETS,
        help_text="Assets that are a reserve as a whole; they can have no target.",
    )


class Roles(OfPortfolio):
    pagination_class = None

    @extend_schema(responses=RolesFields, summary="Read what counts")
    def retrieve(self, request: Request, pk: int) -> Response:
        """What is in the portfolio's weights, and as what."""
        Query.of(request)
        return self._answer(self.portfolio())

    @extend_schema(
        parameters=[IF_MATCH],
        request=RolesFields(partial=True),
        responses=RolesFields,
        summary="Change what counts",
    )
    @refuses(*REFUSALS)
    def partial_update(self, request: Request, pk: int) -> Response:
        """What is not named stays."""
        portfolio = self.portfolio()
        self.expected_revision(portfolio)
        sent = RolesFields(data=request.data, partial=True)
        sent.is_valid(raise_exception=True)
        chosen = dict(sent.validated_data)
        keys = chosen.pop("set_aside", None)
        aside = None if keys is None else assets.by_key(keys, user=request.user).values()
        _check(portfolio, chosen)
        kept = {name: getattr(portfolio, name) for name in roles.FIELDS}
        roles.choose(
            portfolio=portfolio,
            set_aside=aside,
            expected_revision=portfolio.revision,
            **kept | chosen,
        )
        return self._answer(self.portfolio())

    def _answer(self, portfolio: Portfolio) -> Response:
        found: dict[str, Any] = {name: getattr(portfolio, name) for name in roles.FIELDS}
        ruled = portfolios.rules(portfolio)
        found["set_aside"] = [each.asset for each in ruled if each.trading == roles.SET_ASIDE]
        return self.answer(portfolio, RolesFields(found).data)


def _check(portfolio: Portfolio, chosen: dict[str, Any]) -> None:
    """Raise ValidationError where the portfolio could not be so."""
    changed = copy(portfolio)
    for name, value in chosen.items():
        setattr(changed, name, value)
    changed.full_clean(validate_unique=False)


def _venue(portfolio: Portfolio, slug: str) -> Venue:
    """One that is offered, or that it has already. Raises RulesError."""
    offered = Q(is_active=True) | Q(pk=portfolio.venue_id)
    found = Venue.objects.filter(offered, slug=slug).first()
    if found is None:
        raise RulesError(f"There is no venue “{slug}”. The list of venues has their slugs.")
    return found


def _rule(row: PositionRule) -> Rule:
    return Rule(band=row.band, relative_band=row.relative_band, trading=Trading(row.trading))


def _wanted(request: Request, sent: list[dict[str, Any]]) -> dict[Aim, Rule]:
    """By what each is about. Raises RulesError, UnknownAsset."""
    names = ("band", "relative_band", "trading")
    wanted: dict[Aim, Rule] = {}
    for aim, each in zip(aims_of(request, sent, RulesError), sent, strict=True):
        if aim in wanted:
            raise RulesError(f"{short_name(aim)} has two rules. Give it one.")
        wanted[aim] = Rule(**{name: each[name] for name in names if name in each})
    return wanted
