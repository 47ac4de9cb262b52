"""What the market page shows: the regime of one close, and its assets, searched and sorted."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator

from analytics.core import DAYS_PER_YEAR
from analytics.models import MarketSnapshot, NightlyRun, RegimeDay
from analytics.selectors import columns
from portfolios.models import Asset
from portfolios.selectors import prices
from portfolios.selectors.assets import LONGEST_SEARCH
from portfolios.selectors.prices import LatestClose

# Fewer common days than this say nothing about a correlation (METHODS.md).
MIN_OVERLAP = 60
BENCHMARK = "bitcoin"
PAGE_SIZE = 50
# The last complete day is yesterday; a feed that is down for a while is no reason to worry.
OLD_AFTER = timedelta(days=7)
LABELS = {
    "asset": "Asset",
    "category": "Category",
    "price": "Price, USD",
    "volatility": "Volatility, % a year",
    "correlation": "Correlation to Bitcoin",
}
ASCENDING_FIRST = {"asset", "category"}


@dataclass(frozen=True)
class AssetRisk:
    asset: Asset
    price: LatestClose | None
    volatility: float  # a year, as a fraction
    correlation: float | None  # to Bitcoin; None: too few common days

    @property
    def close(self) -> float | None:
        return self.price.close if self.price else None


SORTED_BY: dict[str, Callable[[AssetRisk], Any]] = {
    "asset": lambda row: row.asset.symbol.casefold(),
    "category": lambda row: (row.asset.category.position, row.asset.category.name),
    "price": lambda row: row.close,
    "volatility": lambda row: row.volatility,
    "correlation": lambda row: row.correlation,
}


@dataclass(frozen=True)
class MarketPage:
    as_of: date
    age: timedelta
    regime: RegimeDay | None
    columns: Sequence[columns.Column]
    page: Page[AssetRisk]
    search: str
    sort: str
    min_overlap: int = MIN_OVERLAP

    @property
    def assets(self) -> Sequence[AssetRisk]:
        return list(self.page)

    @property
    def is_old(self) -> bool:
        return self.age > OLD_AFTER

    @property
    def kept(self) -> str:
        """What the address of another page of the list keeps."""
        return f"{urlencode({'q': self.search, 'sort': self.sort})}&"


def read(*, today: date, search: str = "", sort: str = "", page: str = "") -> MarketPage | None:
    """The market as the current night measured it; None before the first night is out.

    `sort` is the key of a column, with a minus before it for descending; what it does not
    understand is the catalogue's order, the largest first. What is unknown comes last.
    """
    snapshot = MarketSnapshot.objects.filter(
        as_of__in=NightlyRun.objects.filter(is_current=True).values("as_of")
    ).first()
    if snapshot is None:
        return None
    search = search.replace("\x00", "").strip()[:LONGEST_SEARCH]
    sort = sort if sort.removeprefix("-") in SORTED_BY else ""
    found = [row for row in _risks(snapshot) if _matches(row.asset, search.casefold())]
    kept = f"{urlencode({'q': search})}&" if search else ""
    return MarketPage(
        as_of=snapshot.as_of,
        age=today - snapshot.as_of,
        regime=RegimeDay.objects.filter(date=snapshot.as_of).first(),
        columns=columns.heads(LABELS, sort=sort, ascending_first=ASCENDING_FIRST, kept=kept),
        page=Paginator(_sorted(found, sort), PAGE_SIZE).get_page(page),
        search=search,
        sort=sort,
    )


def _matches(asset: Asset, text: str) -> bool:
    names = (asset.symbol, asset.name, asset.coingecko_id or "", asset.category.name)
    return any(text in name.casefold() for name in names)


def _sorted(rows: list[AssetRisk], sort: str) -> list[AssetRisk]:
    if not sort:
        return rows
    figure = SORTED_BY[sort.removeprefix("-")]
    known = [row for row in rows if figure(row) is not None]
    unknown = [row for row in rows if figure(row) is None]
    return sorted(known, key=figure, reverse=sort.startswith("-")) + unknown


def _risks(snapshot: MarketSnapshot) -> list[AssetRisk]:
    """The measured assets in the catalogue's order, the largest first."""
    columns_of = {asset_id: column for column, asset_id in enumerate(snapshot.asset_ids)}
    assets = list(Asset.objects.filter(pk__in=columns_of).select_related("category"))
    closes = prices.latest_closes(as_of=snapshot.as_of)
    benchmark = next((columns_of[a.pk] for a in assets if a.coingecko_id == BENCHMARK), None)
    return [
        AssetRisk(
            asset=asset,
            price=closes.get(asset.pk),
            volatility=snapshot.daily_volatility[row] * math.sqrt(DAYS_PER_YEAR),
            correlation=_correlation(snapshot, row, benchmark),
        )
        for asset in assets
        for row in (columns_of[asset.pk],)
    ]


def _correlation(snapshot: MarketSnapshot, row: int, column: int | None) -> float | None:
    if column is None:
        return None
    cell = row * len(snapshot.asset_ids) + column
    return snapshot.correlation[cell] if snapshot.overlap[cell] >= MIN_OVERLAP else None
