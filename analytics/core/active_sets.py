"""Batched quadratic programmes under bounds: a rough solution, then its active set made exact.

All portfolios of a batch share the covariance and the shape of their constraints; only the bounds
differ. Operator splitting (Douglas-Rachford, as in OSQP: Stellato et al. 2020, Math. Prog. Comp.
12) therefore needs one factorisation for the whole batch, and a step is one matrix product. It
soon tells which bounds hold the optimum; on that face the optimum is a linear system, solved for
each portfolio and corrected until no bound is broken and none holds back.

The objective is ``½ w'Pw - t μ'w``: t is 0 for the least volatility. The largest Sharpe ratio has
``t = w'Pw / μ'w``; on a face, where the optimum is ``w0 + t w1``, that is ``t = w0'Pw0 / μ'w0``
(w0 has no covariance with w1, and ``w1'Pw1 = μ'w1``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.core.arrays import BoolArray, FloatArray, IntArray
from analytics.core.feasibility import Bounds
from analytics.core.optimality import Freedom, Multipliers, multipliers

# Weight of the splitting beside a covariance of mean variance one, and its over-relaxation.
SPLITTING = 1.0
RELAXATION = 1.6
# A tie between assets that are copies of one another is broken evenly by so much extra variance.
TIE_BREAK = 1e-10
SADDLE = 1e-11
BROKEN = 1e-11
ROUNDS = 8


@dataclass(frozen=True)
class Programme:
    """Minimise ``½ w'Pw - t μ'w`` within `bounds`; without `returns` (b, n), t is 0.

    `covariance` (n, n) is scaled to mean variance one. `steepest` (b,) is t at the weights of the
    largest return. No optimum has more: along the frontier t rises beyond the largest ratio.
    """

    covariance: FloatArray
    bounds: Bounds
    returns: FloatArray | None = None
    steepest: FloatArray | None = None

    def of(self, rows: IntArray) -> Programme:
        """Return the programmes of some of the portfolios."""
        if self.returns is None or self.steepest is None:
            return Programme(self.covariance, self.bounds.of(rows))
        return Programme(
            self.covariance, self.bounds.of(rows), self.returns[rows], self.steepest[rows]
        )


@dataclass
class ActiveSet:
    """-1 at the lower bound, 1 at the upper, 0 free: assets (b, n) and categories (b, c)."""

    assets: IntArray
    categories: IntArray

    def of(self, rows: IntArray) -> ActiveSet:
        return ActiveSet(self.assets[rows], self.categories[rows])


def guess(programme: Programme, steps: int) -> ActiveSet:
    """Return the bounds that hold a rough solution."""
    within = programme.bounds
    n = len(programme.covariance)
    constraints = np.hstack([np.eye(n), within.membership])
    inverse = np.linalg.inv(programme.covariance + SPLITTING * constraints @ constraints.T)
    whole = inverse.sum(axis=1) / inverse.sum()
    projected = (inverse - np.outer(whole, inverse.sum(axis=0))) @ constraints
    product = SPLITTING * constraints.T @ projected
    low = np.hstack([within.lower, within.category_lower])
    high = np.hstack([within.upper, within.category_upper])
    start = whole @ constraints
    state = np.clip(np.broadcast_to(start, low.shape), low, high)
    unclipped, offset = state.copy(), np.broadcast_to(start, low.shape)
    tilt = None if programme.returns is None else programme.returns @ projected
    for step in range(steps):
        if tilt is not None and step % 5 == 0:
            offset = start + _trade_off(programme, state[:, :n])[:, None] * tilt
        moved = (2 * state - unclipped) @ product
        moved += offset
        moved -= state
        moved *= RELAXATION
        unclipped += moved
        state = np.clip(unclipped, low, high)
    side = (unclipped > high).astype(np.int64) - (unclipped < low)
    return ActiveSet(side[:, :n], side[:, n:])


def _trade_off(programme: Programme, weights: FloatArray) -> FloatArray:
    """Return t at the largest Sharpe ratio if these were its weights, at most the steepest."""
    assert programme.returns is not None
    assert programme.steepest is not None
    variance = np.einsum("bn,bn->b", weights @ programme.covariance, weights)
    earned = np.einsum("bn,bn->b", programme.returns, weights)
    t = np.divide(variance, earned, where=earned > 0, out=np.full(len(earned), np.inf))
    return np.asarray(np.minimum(t, programme.steepest))


def polish(programme: Programme, active: ActiveSet) -> tuple[FloatArray, BoolArray]:
    """Return the exact optimum of each portfolio, and whether it was found.

    Each round solves on the active set, then frees what its bound holds back and holds what has
    broken its bound, all at once. That ends in two or three rounds where the guess was good.
    """
    within = programme.bounds
    weights, found = np.zeros_like(within.lower), np.zeros(len(within.lower), np.bool_)
    left = np.arange(len(weights))
    for _ in range(ROUNDS):
        some = programme.of(left)
        weights[left], gradient = _on_face(some, active)
        changed, active = _corrected(weights[left], gradient, active, some.bounds)
        found[left[~changed]] = True
        left, active = left[changed], active.of(np.flatnonzero(changed))
        if not len(left):
            break
    return weights, found


def _on_face(programme: Programme, active: ActiveSet) -> tuple[FloatArray, FloatArray]:
    """Return the optimum with the active bounds as equalities, and the gradient there."""
    within, covariance = programme.bounds, programme.covariance
    side, free = active.assets, active.assets == 0
    fixed = np.where(side < 0, within.lower, np.where(side > 0, within.upper, 0.0))
    width = int(free.sum(axis=1).max(initial=0))
    columns = np.argsort(~free, axis=1, kind="stable")[:, :width]
    inside = np.take_along_axis(free, columns, axis=1)
    member = within.membership[columns] * inside[:, :, None]
    held = (active.categories != 0) & member.any(axis=1)
    matrix = _saddle(covariance, columns, inside, member * held[:, None, :], held)

    pull = -(fixed @ covariance)
    at = np.where(active.categories < 0, within.category_lower, within.category_upper)
    target = np.where(held, at - fixed @ within.membership, 0.0)
    right = np.zeros((*matrix.shape[:2], 1 if programme.returns is None else 2))
    right[:, :width, 0] = np.take_along_axis(pull, columns, axis=1) * inside
    right[:, width, 0] = 1 - fixed.sum(axis=1)
    right[:, width + 1 :, 0] = target
    if programme.returns is not None:
        right[:, :width, 1] = np.take_along_axis(programme.returns, columns, axis=1) * inside
    solved = _solve(matrix, right, width, held)[:, :width] * inside[:, :, None]

    weights = fixed
    rows = np.arange(len(weights))[:, None]
    weights[rows, columns] += solved[:, :, 0]
    if programme.returns is None:
        return weights, weights @ covariance
    t = _trade_off(programme, weights)
    weights[rows, columns] += t[:, None] * solved[:, :, 1]
    return weights, weights @ covariance - t[:, None] * programme.returns


def _saddle(
    covariance: FloatArray,
    columns: IntArray,
    inside: BoolArray,
    member: FloatArray,
    held: BoolArray,
) -> FloatArray:
    """Stack covariance, the sum and the held categories; what is padding gets an identity."""
    b, width = columns.shape
    size = width + 1 + held.shape[1]
    matrix = np.zeros((b, size, size))
    matrix[:, :width, :width] = covariance[columns[:, :, None], columns[:, None, :]]
    matrix[:, :width, :width] *= inside[:, :, None] & inside[:, None, :]
    diagonal = np.arange(width)
    matrix[:, diagonal, diagonal] += ~inside
    matrix[:, :width, width] = matrix[:, width, :width] = inside
    matrix[:, :width, width + 1 :] = member
    matrix[:, width + 1 :, :width] = member.transpose(0, 2, 1)
    categories = np.arange(width + 1, size)
    matrix[:, categories, categories] = np.where(held, 0.0, -1.0)
    return matrix


def _solve(matrix: FloatArray, right: FloatArray, width: int, held: BoolArray) -> FloatArray:
    """Solve a saddle made regular by a whisper, and refine towards the one that was meant."""
    regular = matrix.copy()
    constraints = np.arange(width, matrix.shape[1])
    regular[:, constraints, constraints] -= SADDLE
    solution = np.linalg.solve(regular, right)
    solution += np.linalg.solve(regular, right - matrix @ solution)
    return np.asarray(solution)


def _corrected(
    weights: FloatArray, gradient: FloatArray, active: ActiveSet, within: Bounds
) -> tuple[BoolArray, ActiveSet]:
    """Return which active sets were wrong, and all of them with the wrong ones mended."""
    side, category_side = active.assets, active.categories
    fixed = within.lower == within.upper
    free = Freedom(
        (side <= 0) & ~fixed, (side >= 0) & ~fixed, category_side <= 0, category_side >= 0
    )
    found = multipliers(gradient, free, within.categories)
    scale = np.abs(gradient).max(axis=1, keepdims=True) + 1e-300
    new = _mended(weights, side, within.lower, within.upper, found.slope / scale)
    sums = weights @ within.membership
    over, under = sums > within.category_upper + BROKEN, sums < within.category_lower - BROKEN
    rigid = (side == 0) @ within.membership == 0
    lure = _category_lure(found) / scale
    new_categories = _mended(
        sums, category_side, within.category_lower, within.category_upper, lure
    )
    at = np.where(category_side < 0, within.category_lower, within.category_upper)
    new_categories[rigid & ~over & ~under & (np.abs(sums - at) > BROKEN)] = 0
    off = weights.sum(axis=1) - 1
    mended = ActiveSet(new, new_categories)
    _loosen(new, gradient, free, (over & rigid, under & rigid), within.categories)
    _loosen_whole(mended, gradient, free, off, within.categories)
    changed = (new != side).any(axis=1) | (new_categories != category_side).any(axis=1)
    changed |= (over | under).any(axis=1) | (np.abs(off) > BROKEN)
    return changed, mended


def _loosen(
    side: IntArray,
    gradient: FloatArray,
    free: Freedom,
    broken: tuple[BoolArray, BoolArray],
    categories: IntArray,
) -> None:
    """Where all of a category is held and breaks its bound, free the asset that minds it least."""
    for may_move, sign, over_or_under in zip(
        (free.fall, free.rise), (-1.0, 1.0), broken, strict=True
    ):
        for row, category in np.argwhere(over_or_under):
            candidates = may_move[row] & (categories == category)
            _free_cheapest(side[row], np.where(candidates, sign * gradient[row], np.inf))


def _loosen_whole(
    active: ActiveSet, gradient: FloatArray, free: Freedom, off: FloatArray, categories: IntArray
) -> None:
    """Where what is held keeps the sum from one, free the asset and category that mind it least."""
    for row in np.flatnonzero(np.abs(off) > BROKEN):
        falls = off[row] > 0
        may_move = free.fall[row] if falls else free.rise[row]
        category_may = free.category_fall[row] if falls else free.category_rise[row]
        price = -gradient[row] if falls else gradient[row]
        column = _free_cheapest(
            active.assets[row], np.where(may_move & category_may[categories], price, np.inf)
        )
        active.categories[row, categories[column]] = 0


def _free_cheapest(side: IntArray, price: FloatArray) -> int:
    column = int(np.argmin(price))
    if np.isfinite(price[column]):
        side[column] = 0
    return column


def _category_lure(found: Multipliers) -> FloatArray:
    """Return the slope of each category: negative where it had better rise."""
    rise = np.where(found.lowest > found.whole, found.whole - found.lowest, 0.0)
    fall = np.where(found.highest < found.whole, found.whole - found.highest, 0.0)
    return np.where(np.isfinite(rise), rise, 0.0) + np.where(np.isfinite(fall), fall, 0.0)


def _mended(
    values: FloatArray, side: IntArray, low: FloatArray, high: FloatArray, slope: FloatArray
) -> IntArray:
    """Hold what broke its bound, free what its bound holds back; a fixed value stays as it is."""
    free = side == 0
    mended = side.copy()
    mended[free & (values > high + BROKEN)] = 1
    mended[free & (values < low - BROKEN)] = -1
    held_back = ((side < 0) & (slope < -1e-9)) | ((side > 0) & (slope > 1e-9))
    mended[held_back & (low < high)] = 0
    return mended
