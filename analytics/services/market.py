"""Measuring the market at a UTC close."""

from datetime import date

import numpy as np
import pandas as pd
from django.db import transaction

from analytics.core import covariance
from analytics.core.returns import simple_returns
from analytics.models import MarketSnapshot
from analytics.services import regimes
from portfolios.models import Asset
from portfolios.selectors import prices

LOOKBACK_DAYS = 365
# A month of returns before a volatility is shown: below it the estimate is mostly noise.
MIN_RETURNS = 30


class MissingPrices(Exception):
    """There is nothing to measure on that day."""


@transaction.atomic
def refresh(*, as_of: date) -> MarketSnapshot:
    """Store covariance, correlation and the regime at a UTC close.

    Idempotent: a rerun for the same day replaces its figures. Raises MissingPrices when no
    asset has a close on that day.
    """
    regimes.refresh(as_of=as_of)
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
