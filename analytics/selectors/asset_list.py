"""The directory of assets as the current night measured them, searched, sorted and by category."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator

from analytics.models import AssetDay
from analytics.models.assets import PERIODS
from analytics.selectors import columns
from analytics.selectors.market_days import MarketDay
from portfolios.models import Asset, AssetCategory
from portfolios.selectors.assets import LONGEST_SEARCH

PAGE_SIZE = 50
AGAINST = {"bitcoin": "Bitcoin", "category": "its category"}
ASCENDING_FIRST = {"asset", "tier"}
TIERS = {tier: place for place, tier in enumerate(Asset.Tier)}


@dataclass(frozen=True)
class Asked:
    """What the address asks for; anything that it does not understand is as if not said."""

    search: str = ""
    category: str = ""  # a slug
    against: str = "bitcoin"
    sort: str = ""
    page: str = ""

    @property
    def kept(self) -> dict[str, str]:
        """What the address of a sorted list keeps."""
        asked = {"q": self.search, "category": self.category, "against": self.against}
        return {name: value for name, value in asked.items() if value}


@dataclass(frozen=True)
class Row:
    asset: Asset
    day: AssetDay
    strength: Sequence[float | None]  # over PERIODS

    @property
    def strengths(self) -> list[tuple[str, float | None]]:
        labels = [LABELS[f"{days}d"] for days in PERIODS]
        return list(zip(labels, self.strength, strict=True))


LABELS = {
    "asset": "Asset",
    "price": "Price, USD",
    "age": "Age, days",
    "volatility": "Volatility, % a year",
    "correlation": "Correlation to BTC",
    "drawdown": "Below its peak, %",
    "yield": "Assumed yield, %",
    "30d": "Strength 30 d, %",
    "90d": "Strength 90 d, %",
    "180d": "Strength 180 d, %",
    "tier": "Tier",
    "coverage": "Coverage, %",
}
SORTED_BY: dict[str, Callable[[Row], Any]] = {
    "asset": lambda row: row.asset.symbol.casefold(),
    "price": lambda row: row.day.close,
    "age": lambda row: row.day.age,
    "volatility": lambda row: row.day.volatility,
    "correlation": lambda row: row.day.correlation,
    "drawdown": lambda row: row.day.drawdown,
    "yield": lambda row: row.asset.assumed_yield,
    "30d": lambda row: row.strength[0],
    "90d": lambda row: row.strength[1],
    "180d": lambda row: row.strength[2],
    "tier": lambda row: row.asset.tier and TIERS[row.asset.tier],
    "coverage": lambda row: row.day.coverage,
}


@dataclass(frozen=True)
class AssetList:
    day: MarketDay
    columns: Sequence[columns.Column]
    page: Page[Row]
    categories: Sequence[AssetCategory]
    asked: Asked

    @property
    def rows(self) -> Sequence[Row]:
        return list(self.page)

    @property
    def groups(self) -> Iterator[tuple[AssetCategory | None, list[Row]]]:
        """Category by category; sorted by anything else, one group without a name."""
        if self.asked.sort:
            yield None, list(self.page)
            return
        for category, rows in groupby(self.page, key=lambda row: row.asset.category):
            yield category, list(rows)

    @property
    def against(self) -> str:
        return AGAINST[self.asked.against]

    @property
    def kept(self) -> str:
        """What the address of another page of the list keeps."""
        sort = {"sort": self.asked.sort} if self.asked.sort else {}
        return f"{urlencode(self.asked.kept | sort)}&"


def read(day: MarketDay, asked: Asked) -> AssetList:
    """The directory in one query. What is unknown comes last, either way of a sort."""
    measured = AssetDay.objects.filter(as_of=day.as_of).select_related("asset__category")
    everything = list(measured)
    categories = {each.asset.category.slug: each.asset.category for each in everything}
    asked = _understood(asked, categories)
    rows = [
        Row(each.asset, each, getattr(each, f"against_{asked.against}"))
        for each in everything
        if _matches(each.asset, asked)
    ]
    return AssetList(
        day=day,
        columns=columns.heads(
            LABELS,
            sort=asked.sort,
            ascending_first=ASCENDING_FIRST,
            kept=f"{urlencode(asked.kept)}&",
        ),
        page=Paginator(_sorted(rows, asked.sort), PAGE_SIZE).get_page(asked.page),
        categories=sorted(categories.values(), key=_place),
        asked=asked,
    )


def _understood(asked: Asked, categories: dict[str, AssetCategory]) -> Asked:
    return replace(
        asked,
        search=asked.search.replace("\x00", "").strip()[:LONGEST_SEARCH],
        category=asked.category if asked.category in categories else "",
        against=asked.against if asked.against in AGAINST else "bitcoin",
        sort=asked.sort if asked.sort.removeprefix("-") in SORTED_BY else "",
    )


def _matches(asset: Asset, asked: Asked) -> bool:
    if asked.category and asset.category.slug != asked.category:
        return False
    names = (asset.symbol, asset.name, asset.coingecko_id or "", asset.category.name)
    return any(asked.search.casefold() in name.casefold() for name in names)


def _place(category: AssetCategory) -> tuple[int, str]:
    return category.position, category.name


def _sorted(rows: list[Row], sort: str) -> list[Row]:
    """By a column; without one by category, the largest first."""
    if not sort:
        return sorted(rows, key=lambda row: (_place(row.asset.category), _by_size(row.asset)))
    figure = SORTED_BY[sort.removeprefix("-")]
    known = [row for row in rows if figure(row) is not None]
    unknown = [row for row in rows if figure(row) is None]
    return sorted(known, key=figure, reverse=sort.startswith("-")) + unknown


def _by_size(asset: Asset) -> tuple[bool, int, str]:
    return asset.cap_rank is None, asset.cap_rank or 0, asset.symbol
