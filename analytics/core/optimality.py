"""How far weights are from optimal: the Karush-Kuhn-Tucker residual, without a solver.

With bounds on assets and on disjoint categories the best multipliers have a closed form. Let g be
the gradient of what is minimised. An asset that may rise wants ``g + a >= 0``, one that may fall
``g + a <= 0``, where a is the multiplier of its category's sum plus that of the whole. So each
category has an interval for a, and the whole one for its own multiplier; the residual is what
these intervals miss each other by.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.core.arrays import BoolArray, FloatArray, IntArray
from analytics.core.feasibility import Bounds

# Weights and sums this near to a bound are at it.
AT_BOUND = 1e-9


@dataclass(frozen=True)
class Freedom:
    """Which assets (b, n) and categories (b, c) may rise and may fall."""

    rise: BoolArray
    fall: BoolArray
    category_rise: BoolArray
    category_fall: BoolArray


@dataclass(frozen=True)
class Multipliers:
    """`slope` (b, n) is ``g + a`` of each asset; the intervals (b, c) are of a."""

    slope: FloatArray
    whole: FloatArray
    lowest: FloatArray
    highest: FloatArray


def freedom(weights: FloatArray, within: Bounds) -> Freedom:
    """Return what may move at all from these weights without leaving its bounds."""
    sums = weights @ within.membership
    return Freedom(
        weights < within.upper - AT_BOUND,
        weights > within.lower + AT_BOUND,
        sums < within.category_upper - AT_BOUND,
        sums > within.category_lower + AT_BOUND,
    )


def multipliers(gradient: FloatArray, free: Freedom, categories: IntArray) -> Multipliers:
    """Return the multipliers that leave the least to gain."""
    count = free.category_rise.shape[1]
    lowest, highest = np.full((2, len(gradient), count), np.inf)
    np.negative(lowest, out=lowest)
    rising = np.where(free.rise, -gradient, -np.inf)
    falling = np.where(free.fall, -gradient, np.inf)
    for category in range(count):
        inside = np.flatnonzero(categories == category)
        lowest[:, category] = rising[:, inside].max(axis=1, initial=-np.inf)
        highest[:, category] = falling[:, inside].min(axis=1, initial=np.inf)
    floor = np.where(free.category_rise, lowest, -np.inf).max(axis=1)
    ceiling = np.where(free.category_fall, highest, np.inf).min(axis=1)
    whole = _between(floor, ceiling)[:, None]
    middle = _between(lowest, highest)
    crossed = lowest > highest
    least, most = np.where(crossed, middle, lowest), np.where(crossed, middle, highest)
    level = np.where(free.category_rise, whole, np.maximum(whole, least))
    level = np.where(free.category_fall, level, np.minimum(level, np.maximum(most, least)))
    neither = ~free.category_rise & ~free.category_fall
    level = np.where(neither, np.minimum(np.maximum(whole, least), most), level)
    return Multipliers(gradient + level[:, categories], whole, lowest, highest)


def residual(gradient: FloatArray, free: Freedom, categories: IntArray) -> FloatArray:
    """Return the largest slope along which a weight could still move to gain something."""
    slope = multipliers(gradient, free, categories).slope
    gain = np.where(free.rise, -slope, 0.0)
    np.maximum(gain, np.where(free.fall, slope, 0.0), out=gain)
    return np.asarray(gain.max(axis=1, initial=0.0))


def _between(low: FloatArray, high: FloatArray) -> FloatArray:
    """Return the middle of an interval, the finite end of an unbounded one, 0 of the whole line."""
    start = np.where(np.isfinite(low), low, np.where(np.isfinite(high), high, 0.0))
    end = np.where(np.isfinite(high), high, start)
    return np.asarray((start + end) / 2)
