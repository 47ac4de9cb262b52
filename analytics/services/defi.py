"""A DeFi allocation in figures: the article's risk score, stables, an assumed yield."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import QuerySet

from analytics.core import risk
from analytics.selectors.benches import LEVELS, Level
from portfolios.models import Asset, AssetCategory


@dataclass(frozen=True)
class Allocation:
    total: float  # US dollars
    risk_score: float  # of 3
    stables: float  # a fraction
    annual_yield: float  # US dollars
    rows: Sequence[tuple[Asset, float, float, float]]  # asset, US dollars, share, rate a year
    categories: Sequence[tuple[AssetCategory, float]]  # with its share

    @property
    def chart(self) -> list[dict[str, object]]:
        """What charts.js draws as weights."""
        return [
            {"name": category.name, "colour": category.colour, "weight": share, "target": None}
            for category, share in self.categories
        ]


def offered() -> QuerySet[Asset]:
    """What may be allocated to."""
    active = Asset.objects.filter(is_active=True).exclude(kind=Asset.Kind.CASH)
    return active.select_related("category")


def measure(asked: Sequence[tuple[Asset, float, float | None]]) -> Allocation | None:
    """Of (asset, US dollars, yield a year or None: the assumed one). None: nothing is allocated."""
    positions = [
        (asset, amount, float(asset.assumed_yield or 0) if rate is None else rate)
        for asset, amount, rate in asked
    ]
    total = sum(amount for _, amount, _ in positions)
    if total <= 0:
        return None
    shares = [amount / total for _, amount, _ in positions]
    levels = [LEVELS[Level(asset.category.risk_level)] for asset, _, _ in positions]
    by_category: dict[AssetCategory, float] = {}
    for (asset, _, _), share in zip(positions, shares, strict=True):
        by_category[asset.category] = by_category.get(asset.category, 0.0) + share
    stable = [share for (a, _, _), share in zip(positions, shares, strict=True)
              if a.kind == Asset.Kind.STABLECOIN]  # fmt: skip
    return Allocation(
        total=total,
        risk_score=float(risk.risk_score(np.array([shares]), np.array(levels))[0]),
        stables=sum(stable),
        annual_yield=sum(amount * rate for _, amount, rate in positions),
        rows=[(a, amount, amount / total, rate) for a, amount, rate in positions],
        categories=sorted(by_category.items(), key=lambda each: -each[1]),
    )
