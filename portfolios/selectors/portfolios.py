"""What a portfolio holds and wants to hold, for tables and forms."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from accounts.models import User
from portfolios.models import (
    Asset,
    AssetCategory,
    Holding,
    Portfolio,
    PositionRule,
    StrategicWeight,
    TargetWeight,
)
from portfolios.models.portfolios import MoneyRole
from portfolios.selectors import prices
from portfolios.selectors.prices import LatestClose

PUT_AWAY_PAGE = 25
LARGEST_FIRST = (F("asset__cap_rank").asc(nulls_last=True), "asset__symbol")


@dataclass(frozen=True)
class Balance:
    """A holding at its latest close; without one, what it is worth is unknown."""

    holding: Holding
    latest: LatestClose | None

    @property
    def close(self) -> float | None:
        return self.latest.close if self.latest else None

    @property
    def value(self) -> float | None:
        return None if self.close is None else float(self.holding.quantity) * self.close


@dataclass(frozen=True)
class Counts:
    """How many portfolios a user has in use, and how many that they do not see among those."""

    in_use: int
    archived: int
    deleted: int


@dataclass(frozen=True)
class PutAway:
    """One page each of what a user does not see among their portfolios."""

    archived: Page[Portfolio]
    deleted: Page[Portfolio]


def counts(user: User) -> Counts:
    """All three in one query."""
    found = Portfolio.objects.owned_by(user).aggregate(
        in_use=Count("pk", filter=Q(archived_at=None, deleted_at=None)),
        archived=Count("pk", filter=Q(archived_at__isnull=False, deleted_at=None)),
        deleted=Count("pk", filter=Q(deleted_at__isnull=False)),
    )
    return Counts(**found)


def put_away(user: User, *, counted: Counts, archived_page: str, deleted_page: str) -> PutAway:
    """What a user has archived, and what they have deleted and can still bring back."""
    owned = Portfolio.objects.owned_by(user)
    deleted = owned.filter(deleted_at__isnull=False).order_by("-deleted_at", "pk")
    archived = owned.filter(archived_at__isnull=False, deleted_at=None)
    return PutAway(
        archived=counted_page(archived, counted.archived, archived_page, size=PUT_AWAY_PAGE),
        deleted=counted_page(deleted, counted.deleted, deleted_page, size=PUT_AWAY_PAGE),
    )


def counted_page(
    rows: QuerySet[Portfolio], count: int, number: str, *, size: int
) -> Page[Portfolio]:
    """A page of rows that were counted already; where there are none, nothing is asked."""
    paginator = Paginator(rows if count else rows.none(), size)
    paginator.count = count
    return paginator.get_page(number)


def is_empty(portfolio: Portfolio) -> bool:
    """Whether nothing is held and nothing wanted."""
    return not portfolio.holdings.exists() and not portfolio.target_weights.exists()


def balances(portfolio: Portfolio, *, as_of: date | None) -> list[Balance]:
    """The holdings with their latest closes by `as_of`; None: no price is known at all."""
    holdings = list(_with_assets(portfolio.holdings.all()))
    assets = [holding.asset for holding in holdings]
    closes = prices.closes_for(assets, as_of=as_of) if as_of else {}
    return [Balance(holding, closes.get(holding.asset_id)) for holding in holdings]


def targets(portfolio: Portfolio) -> list[TargetWeight] | list[StrategicWeight]:
    """The targets that their owner has set, the largest first: not those of a tilt in force."""
    waiting = portfolio.strategic_weights.select_related("asset__category", "category")
    return list(waiting.order_by("-weight", *LARGEST_FIRST)) or targets_in_force(portfolio)


def targets_in_force(portfolio: Portfolio) -> list[TargetWeight]:
    """What the night measures against: the temporary ones while a tilt lasts."""
    rows = portfolio.target_weights.select_related("asset__category", "category")
    return list(rows.order_by("-weight", *LARGEST_FIRST))


def aims(portfolio: Portfolio) -> list[Asset | AssetCategory]:
    """What is held or wanted: targets by weight, then what is held without one of its own.

    A tilt names what the targets name. What is outside the weights is not here, and a form is its
    coin where the portfolio counts it so.
    """
    wanted: list[Asset | AssetCategory] = [row.aim for row in targets_in_force(portfolio)]
    return list(dict.fromkeys([*wanted, *_counted(portfolio)]))


def holdings(portfolio: Portfolio) -> QuerySet[Holding]:
    """What is held, each with `is_set_aside`: whether all of it is a reserve."""
    rules = PositionRule.objects.filter(
        portfolio=OuterRef("portfolio"),
        asset=OuterRef("asset"),
        trading=PositionRule.Trading.SET_ASIDE,
    )
    return _with_assets(portfolio.holdings.annotate(is_set_aside=Exists(rules)))


def _counted(portfolio: Portfolio) -> list[Asset]:
    """What of the holdings the portfolio's weights count, and as what."""
    has_powder = portfolio.money_role == MoneyRole.DRY_POWDER
    inside = [
        each.asset
        for each in holdings(portfolio)
        if not getattr(each, "is_set_aside", False) and not (has_powder and each.asset.is_money)
    ]
    wanted = {each.form_of_id for each in inside if portfolio.groups_forms and each.form_of_id}
    coins = Asset.objects.select_related("category").in_bulk(wanted) if wanted else {}
    return [coins.get(each.form_of_id or 0, each) for each in inside]


def rules(portfolio: Portfolio) -> list[PositionRule]:
    """What holds for single positions and categories."""
    return list(portfolio.rules.select_related("asset__category", "category"))


def with_categories(
    aims: Iterable[Asset | AssetCategory],
) -> dict[AssetCategory, list[Asset]]:
    """Every category that something of it is about, in the catalogue's order, and its assets."""
    groups: dict[AssetCategory, list[Asset]] = {}
    for aim in aims:
        if isinstance(aim, Asset):
            groups.setdefault(aim.category, []).append(aim)
        else:
            groups.setdefault(aim, [])
    return dict(sorted(groups.items(), key=lambda group: (group[0].position, group[0].name)))


def _with_assets(holdings: QuerySet[Holding]) -> QuerySet[Holding]:
    return holdings.select_related("asset__category").order_by(*LARGEST_FIRST)
