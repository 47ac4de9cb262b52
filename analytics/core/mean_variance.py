"""Least volatility and largest Sharpe ratio, long only, under asset and category bounds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import clarabel
import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from analytics.core import active_sets, arrays, feasibility, optimality
from analytics.core.active_sets import ActiveSet, Programme
from analytics.core.arrays import FloatArray, IntArray
from analytics.core.errors import NoPositiveReturnError, NotConvergedError
from analytics.core.feasibility import Bounds, Feasibility

RESIDUAL_TOLERANCE = 1e-8
# Steps of the rough solution: enough for practically all; what is left takes the second number.
STEPS = 40
MORE_STEPS = 600
# Numbers in one array of a chunk.
CHUNK_SIZE = 1 << 15
# A larger attainable return than this, as a share of the largest return, is positive.
POSITIVE = 1e-9


@dataclass(frozen=True)
class Optima:
    """The optimum of each portfolio.

    Attributes
    ----------
    weights : (b, n)
        Within their bounds, each row summing to one; zeros where no portfolio is within bounds.
    residual : (b,)
        Of the Karush-Kuhn-Tucker conditions, at most 1e-8: the largest slope of the objective
        along which a weight could still move, as a fraction of the portfolio's mean variance
        ``Σ w_i σ_i²``, or what a bound or the sum is broken by if that is more. Infinite where
        no portfolio is within bounds.
    feasibility : Feasibility
        Which rows have an answer, and the bounds that conflict in the others.
    """

    weights: FloatArray
    residual: FloatArray
    feasibility: Feasibility


def min_volatility(covariance: ArrayLike, within: Bounds) -> Optima:
    """Return the weights of least volatility within bounds (Markowitz 1952).

    Operator splitting on the whole batch tells the bounds that are active, which are then made
    exact (`active_sets`); what that does not settle goes to an interior point solver (clarabel),
    whose answer is made exact the same way. Two assets that are copies share evenly.

    Parameters
    ----------
    covariance : array_like, shape (n, n)
        Of returns, any horizon; positive semidefinite.
    within : Bounds
        Of b portfolios, see `feasibility.bounds`; an asset outside a portfolio has upper bound 0.

    Returns
    -------
    Optima
        A portfolio alone equals the same one in a batch to 1e-9 (BLAS); nearer where the
        covariance is well conditioned.

    Raises
    ------
    ZeroVolatilityError
        A portfolio may hold an asset that never moves: cash has a sleeve of its own.
    NotPositiveSemidefiniteError, NotSymmetricError, NotConvergedError, NotFiniteError, ShapeError
    """
    return _optima(covariance, None, within)


def max_sharpe(covariance: ArrayLike, excess_returns: ArrayLike, within: Bounds) -> Optima:
    """Return the weights of the largest ratio of expected excess return to volatility.

    As `min_volatility`; the ratio is homogeneous, so its optimum is that of a quadratic
    programme: the smallest ``y'Σy`` with ``μ'y = 1`` and bounds in proportion to the sum of y.

    Parameters
    ----------
    covariance : array_like, shape (n, n)
        Of returns, at the horizon of the expected returns or any other.
    excess_returns : array_like, shape (n,) or (b, n)
        Expected, over cash. An assumption (see `equilibrium`), never a sample mean.
    within : Bounds

    Raises
    ------
    NoPositiveReturnError
        No portfolio of a row within its bounds is expected to earn more than cash; the row is
        named.
    ZeroVolatilityError, NotPositiveSemidefiniteError, NotSymmetricError, NotConvergedError,
    NotFiniteError, ShapeError
    """
    expected = np.asarray(excess_returns, dtype=np.float64)
    shape = within.lower.shape if expected.ndim == 2 else within.lower.shape[1:]
    expected = np.broadcast_to(arrays.floats("excess_returns", expected, shape), within.lower.shape)
    return _optima(covariance, expected, within)


def _optima(covariance: ArrayLike, expected: FloatArray | None, within: Bounds) -> Optima:
    b, n = within.lower.shape
    matrix = arrays.covariance("covariance", covariance, n)
    arrays.require_volatile("covariance", np.diag(matrix), within.upper > 0)
    answer = feasibility.check(within)
    weights, residual = np.zeros((b, n)), np.full(b, np.inf)
    own_variance = np.diag(matrix)
    scaled = matrix / max(own_variance.mean(), np.finfo(float).tiny) if n else matrix
    rows = max(1, CHUNK_SIZE // max(1, n))
    solvable = np.flatnonzero(answer.feasible)
    for some in np.split(solvable, np.arange(rows, len(solvable), rows)):
        if not len(some):
            continue
        programme = Programme(scaled, within.of(some))
        if expected is not None:
            programme = _towards_returns(programme, expected[some], some)
        weights[some] = _solve(programme, some)
        residual[some] = _residual(programme, weights[some])
        unsolved = ~(residual[some] <= RESIDUAL_TOLERANCE)
        if unsolved.any():
            row = some[int(np.argmax(unsolved))]
            raise NotConvergedError(
                f"row {row} has a residual of {residual[row]:.3g}, above {RESIDUAL_TOLERANCE:g}"
            )
    return Optima(weights, residual, answer)


def _towards_returns(programme: Programme, expected: FloatArray, rows: IntArray) -> Programme:
    """Add expected returns to a programme, scaled, or refuse the row that can earn nothing."""
    size = np.abs(expected).max(axis=1, initial=0.0)
    returns = expected / np.where(size > 0, size, 1.0)[:, None]
    richest = _richest(returns, programme.bounds)
    best = np.einsum("bn,bn->b", returns, richest)
    refused = best <= POSITIVE
    if refused.any():
        at = int(np.argmax(refused))
        raise NoPositiveReturnError(
            f"row {rows[at]} can expect an excess return of at most {best[at] * size[at]:.6g} "
            "within its bounds; a Sharpe ratio wants a positive one"
        )
    variance = np.einsum("bn,bn->b", richest @ programme.covariance, richest)
    return Programme(programme.covariance, programme.bounds, returns, variance / best)


def _richest(expected: FloatArray, within: Bounds) -> FloatArray:
    """Return the weights of the largest ``μ'w`` within bounds: fill the best assets first.

    First every category up to what it must hold, then the whole up to one; greedy is exact since
    the bounds are nested sums.
    """
    order = np.argsort(-expected, axis=1, kind="stable")
    weights, rows = within.lower.copy(), np.arange(len(expected))
    held = weights @ within.membership
    for is_whole in (False, True):
        for column in order.T:
            category = within.categories[column]
            cap = within.category_upper if is_whole else within.category_lower
            room = np.minimum(
                within.upper[rows, column] - weights[rows, column],
                cap[rows, category] - held[rows, category],
            )
            if is_whole:
                room = np.minimum(room, 1 - held.sum(axis=1))
            room = np.maximum(room, 0.0)
            weights[rows, column] += room
            held[rows, category] += room
    return np.asarray(weights)


def _solve(programme: Programme, rows: IntArray) -> FloatArray:
    # The tie-break makes the optimum unique, so that copies of an asset share evenly.
    diagonal = np.diag(np.diag(programme.covariance)) * active_sets.TIE_BREAK
    unique = replace(programme, covariance=programme.covariance + diagonal)
    weights, found = active_sets.polish(unique, active_sets.guess(unique, STEPS))
    left = np.flatnonzero(~found)
    if len(left):
        harder = unique.of(left)
        weights[left], found = active_sets.polish(harder, active_sets.guess(harder, MORE_STEPS))
        for row in left[~found]:
            weights[row] = _exact(unique.of(np.array([row])))
    within = programme.bounds
    return np.clip(weights, within.lower, np.maximum(within.upper, within.lower))


def _exact(programme: Programme) -> FloatArray:
    """Return one portfolio's optimum by interior point, made exact if its active set lets that."""
    weights, active = _interior_point(programme)
    polished, found = active_sets.polish(programme, active)
    return np.asarray(polished[0] if found[0] else weights)


def _interior_point(programme: Programme) -> tuple[FloatArray, ActiveSet]:
    """Solve one homogenised programme in the weights times their unknown sum."""
    within, n = programme.bounds, len(programme.covariance)
    sums = np.vstack([np.eye(n), within.membership.T])
    low = np.r_[within.lower[0], within.category_lower[0]]
    high = np.r_[within.upper[0], within.category_upper[0]]
    inequalities = np.vstack([sums - high[:, None], low[:, None] - sums])
    equality = np.ones(n) if programme.returns is None else programme.returns[0]
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-12
    solution = clarabel.DefaultSolver(
        sparse.csc_matrix(np.triu(programme.covariance)),
        np.zeros(n),
        sparse.csc_matrix(np.vstack([equality, inequalities])),
        np.r_[1.0, np.zeros(len(inequalities))],
        [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(len(inequalities))],
        settings,
    ).solve()
    unscaled = np.array(solution.x)
    slack, pressure = np.array(solution.s)[1:], np.array(solution.z)[1:]
    at_high, at_low = (pressure > slack).reshape(2, -1)
    side = at_high.astype(np.int64) - (at_low & ~at_high)
    return unscaled / unscaled.sum(), ActiveSet(side[None, :n], side[None, n:])


def _residual(programme: Programme, weights: FloatArray) -> FloatArray:
    within = programme.bounds
    marginal = weights @ programme.covariance
    gradient = marginal
    if programme.returns is not None:
        variance = np.einsum("bn,bn->b", marginal, weights)
        earned = np.einsum("bn,bn->b", programme.returns, weights)
        if (earned <= 0).any():
            return np.where(earned <= 0, np.inf, 0.0)
        gradient = marginal - (variance / earned)[:, None] * programme.returns
    free = optimality.freedom(weights, within)
    slope = optimality.residual(gradient, free, within.categories)
    mean_variance = weights @ np.diag(programme.covariance)
    sums = weights @ within.membership
    broken = np.abs(weights.sum(axis=1) - 1)
    for excess in (
        weights - within.upper,
        within.lower - weights,
        sums - within.category_upper,
        within.category_lower - sums,
    ):
        broken = np.maximum(broken, excess.max(axis=1, initial=0.0))
    return np.asarray(np.maximum(slope / mean_variance, broken))
