"""One portfolio's weights within its bounds: in proportion, and in whole steps that add up."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays, feasibility
from analytics.core.arrays import FloatArray, IntArray
from analytics.core.errors import InfeasibleBoundsError, NegativeWeightError, OutOfRangeError
from analytics.core.feasibility import Bounds

# A weight of nothing can still be raised to a bound: it counts as so much.
SMALLEST = 1e-9
# A bound this close to a step is on it: 0.57 × 10,000 is not 5,700 exactly.
STEP_ROUNDING = 1e-6


def nearest(weights: ArrayLike, within: Bounds) -> FloatArray:
    """Return the weights within bounds that keep the proportions of `weights` best.

    They minimise the relative entropy ``Σ w ln(w / weights)``: everything that no bound holds is
    scaled by one factor, in a category that a bound of its sum holds by another. Sums of clipped
    weights are piecewise linear in the factor, so the factors are read off exactly, without an
    iteration. Weights that keep their bounds already come back as they are.

    Parameters
    ----------
    weights : array_like, shape (n,)
        0 or more; a weight of 0 counts as 1e-9.
    within : Bounds
        Of one portfolio.

    Returns
    -------
    ndarray, shape (n,)
        They sum to one.

    Raises
    ------
    InfeasibleBoundsError
        No portfolio keeps its bounds; they are named.
    NegativeWeightError, NotFiniteError, ShapeError
    """
    wished = arrays.floats("weights", weights, within.lower.shape[1:])
    if (wished < 0).any():
        raise NegativeWeightError(f"weights is negative at {arrays.first(wished < 0)}")
    feasibility.check(within).require()
    return _nearest(np.maximum(wished, SMALLEST), within)


def in_steps(weights: ArrayLike, within: Bounds, steps: int) -> IntArray:
    """Round weights to whole steps of ``1 / steps`` that keep the bounds and sum to `steps`.

    First the sum of each category, then its assets: down, and what is left over a step each to
    the largest remainders that have room (Hamilton's method with bounds).

    Parameters
    ----------
    weights : array_like, shape (n,)
        Near the bounds' inside, summing to one.
    within : Bounds
        Of one portfolio.
    steps : int
        How many make a whole, at least 1.

    Returns
    -------
    ndarray of int, shape (n,)

    Raises
    ------
    InfeasibleBoundsError
        No whole steps lie within the bounds: take finer ones.
    OutOfRangeError, NotFiniteError, ShapeError
    """
    exact = arrays.floats("weights", weights, within.lower.shape[1:])
    if steps < 1:
        raise OutOfRangeError(f"steps is {steps}, not at least 1")
    return _in_steps(exact * steps, within, steps)


def _nearest(weights: FloatArray, within: Bounds) -> FloatArray:
    lower, upper = within.lower[0], np.maximum(within.upper[0], within.lower[0])
    groups = np.unique(within.categories)
    members = [np.flatnonzero(within.categories == group) for group in groups]
    paths = [_path(weights[some], lower[some], upper[some]) for some in members]
    least, most = within.category_lower[0][groups], within.category_upper[0][groups]
    ends = [
        np.interp([low, high], sums, factors)
        for (factors, sums), low, high in zip(paths, least, most, strict=True)
    ]
    knots = np.unique(np.concatenate([*(factors for factors, _ in paths), *ends]))
    totals = np.array([
        np.clip(np.interp(knots, factors, sums), low, high)
        for (factors, sums), low, high in zip(paths, least, most, strict=True)
    ])  # fmt: skip
    factor = np.interp(1.0, totals.sum(axis=0), knots)
    found = np.empty_like(weights)
    for some, (factors, sums), total in zip(members, paths, totals, strict=True):
        share = np.interp(np.interp(factor, knots, total), sums, factors)
        found[some] = np.clip(weights[some] * share, lower[some], upper[some])
    return found


def _path(
    weights: FloatArray, lower: FloatArray, upper: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return factors, ascending, and the sum of the clipped weights at each."""
    factors = np.unique(np.concatenate([[0.0], lower / weights, upper / weights]))
    sums = np.clip(factors[:, None] * weights, lower, upper).sum(axis=1)
    return factors, sums


def _in_steps(exact: FloatArray, within: Bounds, steps: int) -> IntArray:
    low = np.ceil(within.lower[0] * steps - STEP_ROUNDING).astype(np.int64)
    high = np.floor(within.upper[0] * steps + STEP_ROUNDING).astype(np.int64)
    groups = np.unique(within.categories)
    members = [np.flatnonzero(within.categories == group) for group in groups]
    sums = np.array([[low[some].sum(), high[some].sum()] for some in members])
    least = np.ceil(within.category_lower[0][groups] * steps - STEP_ROUNDING).astype(np.int64)
    most = np.floor(within.category_upper[0][groups] * steps + STEP_ROUNDING).astype(np.int64)
    least, most = np.maximum(least, sums[:, 0]), np.minimum(most, sums[:, 1])
    if (low > high).any() or (least > most).any() or not least.sum() <= steps <= most.sum():
        raise InfeasibleBoundsError(f"no whole steps of 1/{steps} keep the bounds")
    totals = _rounded(np.array([exact[some].sum() for some in members]), least, most, steps)
    found = np.zeros(len(exact), dtype=np.int64)
    for some, total in zip(members, totals.tolist(), strict=True):
        found[some] = _rounded(exact[some], low[some], high[some], total)
    return found


def _rounded(exact: FloatArray, low: IntArray, high: IntArray, total: int) -> IntArray:
    """Whole numbers near `exact`, from low to high, that sum to `total`."""
    found = np.clip(np.floor(exact + STEP_ROUNDING).astype(np.int64), low, high)
    while left := int(total - found.sum()):
        step = 1 if left > 0 else -1
        room = (found < high) if step > 0 else (found > low)
        order = np.argsort(-step * (exact - found), kind="stable")
        chosen = [place for place in order if room[place]][: abs(left)]
        found[chosen] += step
    return found
