"""Measuring the market at a UTC close."""

from datetime import date

import numpy as np
import pandas as pd
from django.db import transaction

from analytics.core import covariance, regime_signals, regimes
from analytics.core.returns import simple_returns
from analytics.models import MarketSnapshot, RegimeDay
from portfolios.models import Asset
from portfolios.selectors import prices

LOOKBACK_DAYS = 365
# A month of returns before a volatility is shown: below it the estimate is mostly noise.
MIN_RETURNS = 30


class MissingPrices(Exception):
    """There is nothing to measure on that day."""


@transaction.atomic
def refresh(*, as_of: date) -> MarketSnapshot:
    """Store covariance, correlation and the volatility axis at a UTC close.

    Idempotent: a rerun for the same day replaces its figures. Raises MissingPrices when no
    asset has a close on that day.
    """
    refresh_regime(as_of=as_of)
    panel = prices.close_panel(end=as_of, days=LOOKBACK_DAYS + 1)
    if panel.empty or panel.iloc[-1].isna().all():
        raise MissingPrices(
            f"No asset has a close on {as_of}. Import the prices of that day first."
        )
    measured = measure(panel)
    snapshot, _ = MarketSnapshot.objects.update_or_create(
        as_of=as_of,
        defaults={
            "asset_ids": measured.asset_ids,
            "daily_volatility": measured.daily_volatility,
            "correlation": measured.correlation,
            "overlap": measured.overlap,
        },
    )
    return snapshot


def measure(panel: pd.DataFrame) -> MarketSnapshot:
    """The snapshot of a panel's last day, not stored: assets with returns enough to say."""
    returns = simple_returns(panel.to_numpy())
    moves = np.nan_to_num(returns) != 0
    eligible = (np.isfinite(returns).sum(axis=0) >= MIN_RETURNS) & moves.any(axis=0)
    asset_ids = panel.columns.to_numpy()[eligible]
    snapshot = MarketSnapshot(
        as_of=panel.index[-1],
        asset_ids=asset_ids.tolist(),
        daily_volatility=[],
        correlation=[],
        overlap=[],
    )
    if eligible.any():
        categories = dict(Asset.objects.values_list("pk", "category_id"))
        estimate = covariance.ewma(
            returns[:, eligible], groups=np.array([categories[pk] for pk in asset_ids])
        )
        snapshot.daily_volatility = estimate.daily_volatility.tolist()
        snapshot.correlation = estimate.correlation.ravel().tolist()
        snapshot.overlap = estimate.overlap.ravel().tolist()
    return snapshot


def refresh_regime(*, as_of: date) -> RegimeDay:
    """Store Bitcoin's volatility axis on `as_of`. Idempotent.

    The whole history is read each time: the axis has hysteresis, so today's state follows
    from every day before it.
    """
    closes = _since_last_gap(prices.closes_of(coingecko_id="bitcoin", end=as_of))
    figures: dict[str, float | bool | None] = {
        "realised_volatility": None,
        "percentile": None,
        "high_volatility": None,
    }
    if len(closes) and closes.index[-1] == as_of:
        history = regimes.read(regime_signals.observations(closes.to_numpy()))
        row = regime_signals.NAMES.index("realised_volatility")
        if np.isfinite(history.values[row, -1]):
            figures["realised_volatility"] = float(history.values[row, -1])
        if history.available[row, -1]:
            figures["percentile"] = float(history.percentiles[row, -1])
            figures["high_volatility"] = bool(history.states[row, -1] > 0)
    day, _ = RegimeDay.objects.update_or_create(date=as_of, defaults=figures)
    return day


def _since_last_gap(closes: pd.Series) -> pd.Series:
    """The closes after the last missing day: a return over two days is not a daily return."""
    days = pd.DatetimeIndex(closes.index)
    gaps = np.flatnonzero(np.diff(days) != np.timedelta64(1, "D"))
    return closes.iloc[gaps[-1] + 1 :] if len(gaps) else closes
