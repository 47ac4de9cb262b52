"""How many of the largest assets of a day did better than a benchmark."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays
from analytics.core.arrays import BoolArray, FloatArray, IntArray
from analytics.core.errors import NotPositivePriceError

LOOKBACK_DAYS = 90
LARGEST = 50
# So that a single asset moves the share by ten points at most.
FEWEST_ASSETS = 10


@dataclass(frozen=True)
class Breadth:
    """One entry a day; `share` is NaN where fewer than the fewest assets could be counted."""

    share: FloatArray
    counted: IntArray


def share_beating(
    closes: ArrayLike,
    benchmark: ArrayLike,
    *,
    market_caps: ArrayLike | None = None,
    lookback: int = LOOKBACK_DAYS,
    largest: int = LARGEST,
    fewest: int = FEWEST_ASSETS,
) -> Breadth:
    """Return the share of the `largest` assets of each day that beat a benchmark.

    Point in time: an asset counts on a day on which its close and that `lookback` days earlier
    are known, and the largest are those of that day. Where no more than `largest` assets are
    eligible all count, of known size or not; otherwise only those whose size of that day is
    known can be among the largest. Assets that tie for the last place all count.

    Parameters
    ----------
    closes : array_like, shape (n_days, n_assets)
        Prices, oldest first; NaN means "not observed". Without the benchmark itself, stablecoins
        and wrapped copies: which those are is for the caller to know.
    benchmark : array_like, shape (n_days,)
        Its prices; NaN means "not observed".
    market_caps : array_like, shape (n_days, n_assets), optional
        As known on each day; NaN for unknown.
    lookback, largest, fewest : int
        At least 1.

    Returns
    -------
    Breadth
        Independent of the order of the assets.

    Raises
    ------
    NotPositivePriceError, NotFiniteError, OutOfRangeError, ShapeError
    """
    for name, count in (("lookback", lookback), ("largest", largest), ("fewest", fewest)):
        arrays.require(count >= 1, name, count, "1 or more")
    prices = _prices("closes", closes, (None, None))
    against = _prices("benchmark", benchmark, (len(prices),))
    caps = np.full(prices.shape, np.nan)
    if market_caps is not None:
        caps = arrays.floats("market_caps", market_caps, prices.shape, nan_is_unobserved=True)
    growth, hurdle = np.full(prices.shape, np.nan), np.full(len(prices), np.nan)
    growth[lookback:] = prices[lookback:] / prices[:-lookback]
    hurdle[lookback:] = against[lookback:] / against[:-lookback]
    counts = _among_largest(~np.isnan(growth) & ~np.isnan(hurdle)[:, None], caps, largest)
    counted = counts.sum(axis=1)
    beating = (counts & (growth > hurdle[:, None])).sum(axis=1)
    share = np.full(len(prices), np.nan)
    enough = counted >= fewest
    share[enough] = beating[enough] / counted[enough]
    return Breadth(share=share, counted=counted.astype(np.int64))


def _among_largest(eligible: BoolArray, caps: FloatArray, largest: int) -> BoolArray:
    if eligible.shape[1] <= largest:
        return eligible
    size = np.where(eligible & ~np.isnan(caps), caps, -np.inf)
    last_place = np.partition(size, -largest, axis=1)[:, -largest]
    few = eligible.sum(axis=1) <= largest
    among = (size >= last_place[:, None]) & (size > -np.inf)
    return np.asarray(eligible & (few[:, None] | among))


def _prices(name: str, values: ArrayLike, shape: tuple[int | None, ...]) -> FloatArray:
    prices = arrays.floats(name, values, shape, nan_is_unobserved=True)
    if (prices <= 0).any():
        raise NotPositivePriceError(f"{name} is not positive at {arrays.first(prices <= 0)}")
    return prices
