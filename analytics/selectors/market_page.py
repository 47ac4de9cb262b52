"""What the market page shows: the regime and the volatilities of one close."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from analytics.core import DAYS_PER_YEAR
from analytics.models import MarketSnapshot, NightlyRun, RegimeDay
from portfolios.models import Asset

# Fewer common days than this say nothing about a correlation (METHODS.md).
MIN_OVERLAP = 60
BENCHMARK = "bitcoin"


@dataclass(frozen=True)
class AssetRisk:
    asset: Asset
    volatility: float  # a year, as a fraction
    correlation: float | None  # to Bitcoin; None: too few common days


@dataclass(frozen=True)
class MarketPage:
    as_of: date
    regime: RegimeDay | None
    assets: Sequence[AssetRisk]
    min_overlap: int = MIN_OVERLAP


def read() -> MarketPage | None:
    """The market as the current night measured it; None before the first night is out."""
    snapshot = MarketSnapshot.objects.filter(
        as_of__in=NightlyRun.objects.filter(is_current=True).values("as_of")
    ).first()
    if snapshot is None:
        return None
    regime = RegimeDay.objects.filter(date=snapshot.as_of).first()
    return MarketPage(as_of=snapshot.as_of, regime=regime, assets=_risks(snapshot))


def _risks(snapshot: MarketSnapshot) -> list[AssetRisk]:
    """The measured assets in the catalogue's order, the largest first."""
    ids = snapshot.asset_ids
    assets = Asset.objects.filter(pk__in=ids).select_related("category")
    column = next((ids.index(a.pk) for a in assets if a.coingecko_id == BENCHMARK), None)
    risks = []
    for asset in assets:
        row = ids.index(asset.pk)
        risks.append(
            AssetRisk(
                asset=asset,
                volatility=snapshot.daily_volatility[row] * math.sqrt(DAYS_PER_YEAR),
                correlation=_correlation(snapshot, row, column),
            )
        )
    return risks


def _correlation(snapshot: MarketSnapshot, row: int, column: int | None) -> float | None:
    if column is None:
        return None
    cell = row * len(snapshot.asset_ids) + column
    return snapshot.correlation[cell] if snapshot.overlap[cell] >= MIN_OVERLAP else None
