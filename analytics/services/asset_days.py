"""Measuring each asset by itself at a UTC close, for the directory and the pages of assets."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from django.db import transaction

from analytics.core import DAYS_PER_YEAR, correlation, drawdowns, relative_strength
from analytics.core.relative_strength import RelativeStrength
from analytics.core.returns import DISPLAY_RETURNS, simple_returns
from analytics.models import AssetDay, MarketSnapshot
from analytics.models.assets import LOOKBACK_DAYS, PERIODS, QUARTER
from analytics.services import market
from portfolios.models import Asset
from portfolios.selectors import prices
from portfolios.selectors.prices import LatestClose

BENCHMARK = "bitcoin"
# The period whose change ranks the coins, neither a fortnight's noise nor half a year ago.
RANKED_BY = PERIODS.index(90)
# Over so many days an asset counts as one of low correlation, or does not (METHODS.md).
HALF_YEAR_DAYS = 180


@dataclass(frozen=True)
class Risk:
    """What the market's own measurement says of one asset; None and 0: nothing."""

    volatility: float | None = None
    correlation: float | None = None
    common_days: int = 0


@transaction.atomic
def refresh(*, as_of: date) -> None:
    """Store the figures of every listed asset that has a close, and once those a quarter earlier.

    Idempotent: a rerun for the same day replaces its figures.
    """
    AssetDay.objects.filter(as_of=as_of).delete()
    AssetDay.objects.bulk_create(_measure(as_of))
    if not AssetDay.objects.filter(as_of=as_of - QUARTER).exists():
        AssetDay.objects.bulk_create(_measure(as_of - QUARTER))


def _measure(as_of: date) -> Iterator[AssetDay]:
    panel = prices.close_panel(end=as_of, days=LOOKBACK_DAYS + 1)
    assets = {asset.pk: asset for asset in Asset.objects.all()}
    benchmark = next((pk for pk, each in assets.items() if each.coingecko_id == BENCHMARK), None)
    risks = _risks(as_of, panel, benchmark)
    strength = _strength(panel, assets, benchmark)
    ranks = _ranks(panel, strength, assets)
    half_year = _half_year_correlations(panel, benchmark)
    latest = prices.latest_closes(as_of=as_of)
    for pk, history in prices.histories(as_of=as_of).items():
        newest, risk = latest[pk], risks.get(pk, Risk())
        yield AssetDay(
            as_of=as_of,
            asset_id=pk,
            close=newest.close,
            close_on=newest.date,
            first_close_on=history.first_day,
            observed_days=history.observed_days,
            volatility=risk.volatility,
            correlation=risk.correlation,
            common_days=risk.common_days,
            correlation_180d=half_year.get(pk),
            drawdown=newest.close / history.highest_close - 1,
            max_drawdown=_max_drawdown(panel, pk, newest),
            **_of_periods(panel, pk, strength),
            rank=ranks.get(pk),
            volume=history.volume,
            market_cap=history.market_cap,
            market_cap_on=history.market_cap_on,
            supply=history.supply,
        )


def _risks(as_of: date, panel: pd.DataFrame, benchmark: int | None) -> dict[int, Risk]:
    """From what the night stored for that day, if it did."""
    snapshot = MarketSnapshot.objects.filter(as_of=as_of).first()
    if snapshot is None:
        if panel.empty:
            return {}
        snapshot = market.measure(panel)
    count = len(snapshot.asset_ids)
    correlation, overlap = (
        np.reshape(figures, (count, count)) for figures in (snapshot.correlation, snapshot.overlap)
    )
    volatility = np.array(snapshot.daily_volatility) * np.sqrt(DAYS_PER_YEAR)
    column = snapshot.asset_ids.index(benchmark) if benchmark in snapshot.asset_ids else None
    risks = {}
    for row, pk in enumerate(snapshot.asset_ids):
        days = 0 if column is None else int(overlap[row, column])
        told = column is not None and days >= DISPLAY_RETURNS
        correlated = float(correlation[row, column]) if told else None
        risks[pk] = Risk(float(volatility[row]), correlated, days)
    return risks


def _half_year_correlations(panel: pd.DataFrame, benchmark: int | None) -> dict[int, float]:
    """To the benchmark, of what has enough days in common with it; every day counts alike."""
    columns: list[int] = panel.columns.to_numpy().tolist()
    if benchmark not in columns:
        return {}
    returns = simple_returns(panel.to_numpy()[-HALF_YEAR_DAYS - 1 :])
    row = correlation.pairwise(returns).correlation[columns.index(benchmark)].tolist()
    return {pk: rho for pk, rho in zip(columns, row, strict=True) if not np.isnan(rho)}


def _strength(
    panel: pd.DataFrame, assets: dict[int, Asset], benchmark: int | None
) -> RelativeStrength:
    columns: list[int] = panel.columns.to_numpy().tolist()
    return relative_strength.over(
        panel.to_numpy(),
        periods=PERIODS,
        benchmark=columns.index(benchmark) if benchmark in columns else None,
        groups=np.array([assets[pk].category_id for pk in columns], dtype=np.int64),
    )


def _of_periods(
    panel: pd.DataFrame, pk: int, strength: RelativeStrength
) -> dict[str, list[float | None]]:
    """The changes of one asset; an asset without a close in the panel has none."""
    named = {
        "changes": strength.change,
        "against_bitcoin": strength.against_benchmark,
        "against_category": strength.against_group,
    }
    if pk not in panel.columns:
        return {name: [None] * len(PERIODS) for name in named}
    column = panel.columns.to_numpy().tolist().index(pk)
    return {
        name: [None if np.isnan(each) else float(each) for each in figures[:, column]]
        for name, figures in named.items()
    }


def _ranks(
    panel: pd.DataFrame, strength: RelativeStrength, assets: dict[int, Asset]
) -> dict[int, int]:
    """The place of each coin by its change; equal changes share the better place."""
    columns: list[int] = panel.columns.to_numpy().tolist()
    changes = {
        pk: change
        for pk, change in zip(columns, strength.change[RANKED_BY].tolist(), strict=True)
        if assets[pk].kind == Asset.Kind.COIN and not np.isnan(change)
    }
    best_first = sorted(changes.values(), reverse=True)
    return {pk: best_first.index(change) + 1 for pk, change in changes.items()}


def _max_drawdown(panel: pd.DataFrame, pk: int, newest: LatestClose) -> float:
    """The deepest of the year, from the closes that are known."""
    closes = panel[pk].dropna().to_numpy() if pk in panel.columns else np.array([newest.close])
    return float(drawdowns.series(closes[None, :]).min())
