"""How much more, or less, an asset gained than Bitcoin and than its own kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays
from analytics.core.arrays import FloatArray
from analytics.core.errors import NotPositivePriceError


@dataclass(frozen=True)
class RelativeStrength:
    """Of n assets over k periods; NaN where a close at either end is not observed.

    Attributes
    ----------
    change : (k, n)
        Of the price.
    against_benchmark : (k, n)
        ``(1 + change) / (1 + the benchmark's) - 1``; 0 for the benchmark itself.
    against_group : (k, n)
        The same against equal amounts of the group's other assets, bought at the start and held.
        NaN without another asset whose change is known.
    """

    change: FloatArray
    against_benchmark: FloatArray
    against_group: FloatArray


def over(
    closes: ArrayLike, *, periods: Sequence[int], benchmark: int | None, groups: ArrayLike
) -> RelativeStrength:
    """Compare the assets over each of `periods` up to the last day.

    Parameters
    ----------
    closes : array_like, shape (n_days, n_assets)
        Prices, newest last, a row a day. NaN means "not observed".
    periods : sequence of int
        Days, at least 1. One that reaches beyond the first row is not observed.
    benchmark : int, optional
        Its column; without one nothing is known against it.
    groups : array_like of int, shape (n_assets,)

    Raises
    ------
    NotPositivePriceError, NotFiniteError, OutOfRangeError, ShapeError
    """
    prices = arrays.floats("closes", closes, (None, None), nan_is_unobserved=True)
    if (prices <= 0).any():
        raise NotPositivePriceError(f"closes is not positive at {arrays.first(prices <= 0)}")
    n_days, n_assets = prices.shape
    kinds = arrays.integers("groups", groups, (n_assets,))
    for period in periods:
        arrays.require(period >= 1, "period", period, "1 or more")
    growth = np.full((len(periods), n_assets), np.nan)
    for row, period in enumerate(periods):
        if period < n_days:
            growth[row] = prices[-1] / prices[-1 - period]
    gains = np.full(growth.shape, np.nan)
    if benchmark is not None:
        arrays.require(
            0 <= benchmark < n_assets, "benchmark", benchmark, f"a column below {n_assets}"
        )
        gains = growth / growth[:, [benchmark]]
    return RelativeStrength(
        change=growth - 1,
        against_benchmark=gains - 1,
        against_group=growth / _mean_of_others(growth, kinds[:, None] == kinds) - 1,
    )


def _mean_of_others(growth: FloatArray, alike: arrays.BoolArray) -> FloatArray:
    others = (alike & ~np.eye(len(alike), dtype=np.bool_)).astype(np.float64)
    known = ~np.isnan(growth)
    count = known.astype(np.float64) @ others
    total = np.where(known, growth, 0.0) @ others
    return np.asarray(np.where(count > 0, total / np.where(count > 0, count, 1.0), np.nan))
