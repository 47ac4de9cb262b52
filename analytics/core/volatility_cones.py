"""How wild an asset is now over short and long horizons, among how wild it has been."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays, volatility
from analytics.core.arrays import FloatArray, IntArray

# Two years: calm and wild ones, and no longer than most coins have.
LOOKBACK_DAYS = 730
# A range of fewer windows than these, which overlap, says nothing.
FEWEST_WINDOWS = 30


@dataclass(frozen=True)
class VolatilityCone:
    """One entry a horizon, annualised; NaN where not known.

    Attributes
    ----------
    now : (k,)
        Of the window that ends on the last day: the realised term structure.
    percentile : (k,)
        The share of the earlier windows whose volatility was lower.
    lowest, lower_quartile, median, upper_quartile, highest : (k,)
        Of all windows that end within the lookback, the last one included.
    windows : (k,) int
    """

    now: FloatArray
    percentile: FloatArray
    lowest: FloatArray
    lower_quartile: FloatArray
    median: FloatArray
    upper_quartile: FloatArray
    highest: FloatArray
    windows: IntArray


def measure(
    closes: ArrayLike, *, horizons: Sequence[int], lookback: int = LOOKBACK_DAYS
) -> VolatilityCone:
    """Rank the newest close-to-close volatility of each horizon among its own past.

    After Burghardt & Lane 1990 ("How to tell if options are cheap", J. Portfolio Management 16).
    Windows overlap, so a long horizon has few that are independent: its range is narrow.

    Parameters
    ----------
    closes : array_like, shape (n_days,)
        Prices, oldest first. NaN means "not observed"; windows with such a day are left out.
    horizons : sequence of int
        Returns in a window, at least 2.
    lookback : int
        Days on which windows may end, at least 1.

    Raises
    ------
    NotPositivePriceError, NotFiniteError, OutOfRangeError, ShapeError
    """
    prices = arrays.floats("closes", closes, (None,), nan_is_unobserved=True)
    arrays.require(lookback >= 1, "lookback", lookback, "1 or more")
    now, percentile = np.full((2, len(horizons)), np.nan)
    quantiles = np.full((5, len(horizons)), np.nan)
    windows = np.zeros(len(horizons), dtype=np.int64)
    for place, horizon in enumerate(horizons):
        series = volatility.close_to_close(prices[:, None], window=horizon)[-lookback:, 0]
        known = series[np.isfinite(series)]
        windows[place] = len(known)
        now[place] = series[-1]
        if len(known) < FEWEST_WINDOWS:
            continue
        quantiles[:, place] = np.quantile(known, [0, 0.25, 0.5, 0.75, 1])
        if np.isfinite(series[-1]):
            percentile[place] = np.mean(known[:-1] < series[-1])
    lowest, lower_quartile, median, upper_quartile, highest = quantiles
    return VolatilityCone(
        now=now,
        percentile=percentile,
        lowest=lowest,
        lower_quartile=lower_quartile,
        median=median,
        upper_quartile=upper_quartile,
        highest=highest,
        windows=windows,
    )
