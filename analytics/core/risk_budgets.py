"""Weights whose risk contributions are in given proportions: risk budgets and equal risk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays
from analytics.core.arrays import FloatArray
from analytics.core.errors import NegativeWeightError, NotConvergedError, WeightsSumError

BUDGETS_SUM_TOLERANCE = 1e-9
# Largest difference of a risk contribution from its budget, both as shares of the whole risk.
RESIDUAL_TOLERANCE = 1e-10
# Where a portfolio comes to rest: a hundredth of what is promised, and above the rounding.
REST = 1e-12
# Crypto takes 9 to 14 steps; correlations so negative that 40 do not do are left to Newton.
SPECTRAL_STEPS = 40
NEWTON_STEPS = 200
# A step grows an exposure at most fourfold, and never turns it negative: a hedge may have a
# negative share, and other orthants have solutions of their own.
SMALLEST_FACTOR = 0.25
# At unit risk, exposures so large only where they cancel to within the rounding.
CANCELLED = 1e7
# Numbers in one array of a chunk: all arrays of it stay in the second-level cache.
CHUNK_SIZE = 1 << 15


@dataclass(frozen=True)
class RiskBudgets:
    """Weights (b, n) that sum to one; `residual` (b,) is what their risk shares are off by."""

    weights: FloatArray
    residual: FloatArray


def equal_risk(covariance: ArrayLike, included: ArrayLike) -> RiskBudgets:
    """Return the weights at which every included asset contributes the same risk.

    Maillard, Roncalli & Teïletche 2010 (J. Portfolio Management 36). The same as `allocate` with
    equal budgets.

    Parameters
    ----------
    covariance : array_like, shape (n, n)
    included : array_like of bool, shape (b, n)
        Which assets each portfolio holds: one or more.

    Raises
    ------
    WeightsSumError
        A portfolio includes no asset; otherwise as `allocate`.
    """
    held = arrays.booleans("included", included, (None, None))
    count = held.sum(axis=1)
    if (count == 0).any():
        raise WeightsSumError(f"included holds no asset in {arrays.first(count == 0)}")
    return allocate(covariance, held / count[:, None])


def allocate(covariance: ArrayLike, budgets: ArrayLike) -> RiskBudgets:
    """Return the long-only weights whose risk contributions are in proportion to `budgets`.

    They are the solution y of ``y_i (Cy)_i = budget_i`` (C the correlation, y the weights times
    volatility, up to scale), unique for positive budgets (Spinu 2013, SSRN 2297383). All
    portfolios share C, so the iteration ``y /= 1 + step * (share / budget - 1)`` costs one matrix
    product for the whole batch. At the solution ``diag(y) C diag(y) / budget`` has Perron
    eigenvalue one where correlations are positive, so the iteration is conditioned no worse than
    2, and the step of Barzilai & Borwein 1988, each portfolio's own, ends it in about ten.
    Whoever has not come to rest by then, as with strongly negative correlations, is solved by
    Spinu's damped Newton iteration, which always converges.

    Parameters
    ----------
    covariance : array_like, shape (n, n)
        Of returns, any horizon. Positive semidefinite.
    budgets : array_like, shape (b, n)
        Shares of risk: 0 or more, each row summing to one within 1e-9. An asset with budget 0 is
        not in the portfolio.

    Returns
    -------
    RiskBudgets
        `residual` is at most 1e-10: the largest difference of ``w_i (Σw)_i / w'Σw`` from its
        budget. A portfolio alone equals the same one in a batch to 1e-11 (BLAS).

    Raises
    ------
    ZeroVolatilityError
        A budget falls on an asset that never moves; cash has no risk to spend.
    NotConvergedError
        The assets cancel each other in full (correlation -1), so that no such weights exist.
    NegativeWeightError, WeightsSumError, NotPositiveSemidefiniteError, NotSymmetricError,
    NotFiniteError, ShapeError
    """
    shares = arrays.floats("budgets", budgets, (None, None))
    matrix = arrays.covariance("covariance", covariance, shares.shape[1])
    shares = _checked_budgets(shares)
    arrays.require_volatile("covariance", np.diag(matrix), shares > 0)
    volatility = np.sqrt(np.diag(matrix))
    inverse_volatility = 1 / np.where(volatility > 0, volatility, 1.0)
    correlation = matrix * inverse_volatility[:, None] * inverse_volatility

    weights, residual = np.empty_like(shares), np.empty(len(shares))
    rows = max(1, CHUNK_SIZE // max(1, shares.shape[1]))
    for start in range(0, len(shares), rows):
        chunk = slice(start, start + rows)
        scaled, residual[chunk] = _solve(correlation, shares[chunk], start)
        scaled *= inverse_volatility
        np.divide(scaled, scaled.sum(axis=1, keepdims=True), out=weights[chunk])
    return RiskBudgets(weights, residual)


def _checked_budgets(shares: FloatArray) -> FloatArray:
    if (shares < 0).any():
        raise NegativeWeightError(f"budgets is negative at {arrays.first(shares < 0)}")
    total = shares.sum(axis=1, keepdims=True)
    off = np.abs(total[:, 0] - 1) > BUDGETS_SUM_TOLERANCE
    if off.any():
        row = int(np.argmax(off))
        raise WeightsSumError(f"budgets of row {row} sum to {total[row, 0]:.12g}, not 1")
    return np.asarray(shares / total)


def _solve(
    correlation: FloatArray, budgets: FloatArray, first_row: int
) -> tuple[FloatArray, FloatArray]:
    with np.errstate(all="ignore"):
        scaled = _spectral(correlation, budgets)
        residual = _residual(correlation, scaled, budgets)
        left = np.flatnonzero(~(residual <= RESIDUAL_TOLERANCE / 10))
        rows = max(1, CHUNK_SIZE // max(1, correlation.size))
        for some in np.split(left, np.arange(rows, len(left), rows)):
            scaled[some] = _newton(correlation, budgets[some])
            residual[some] = _residual(correlation, scaled[some], budgets[some])
    unsolved = ~(residual <= RESIDUAL_TOLERANCE)
    if unsolved.any():
        row = first_row + int(np.argmax(unsolved))
        raise NotConvergedError(
            f"no weights of row {row} have these risk budgets: its assets cancel each other"
        )
    return scaled, residual


def _residual(correlation: FloatArray, scaled: FloatArray, budgets: FloatArray) -> FloatArray:
    risk = scaled @ correlation * scaled
    return np.asarray(np.abs(risk / risk.sum(axis=1, keepdims=True) - budgets).max(axis=1))


def _spectral(correlation: FloatArray, budgets: FloatArray) -> FloatArray:
    """Iterate every row towards its budgets; a row that comes to rest moves no more."""
    root = np.sqrt(budgets)
    inverse_root = np.where(budgets > 0, 1 / np.where(budgets > 0, root, 1.0), 0.0)
    scaled, step = root.copy(), np.full(len(budgets), 0.8)
    gap, previous, factor = np.zeros((3, *root.shape))
    previous_norm = np.zeros(len(budgets))
    for _ in range(SPECTRAL_STEPS):
        np.matmul(scaled, correlation, out=gap)
        gap *= scaled
        gap *= (-1 / gap.sum(axis=1))[:, None]
        gap *= inverse_root
        gap += root
        norm = np.einsum("bn,bn->b", gap, gap)
        moving = ~(norm <= REST**2)
        if not moving.any():
            break
        turned = previous_norm - np.einsum("bn,bn->b", gap, previous)
        step *= np.where(turned != 0, previous_norm / np.where(turned != 0, turned, 1.0), 1.0)
        np.clip(step, 0.2, 1.0, out=step)
        np.multiply(gap, inverse_root, out=factor)
        factor *= (-step * moving)[:, None]
        factor += 1
        scaled /= np.maximum(factor, SMALLEST_FACTOR, out=factor)
        gap, previous, previous_norm = previous, gap, norm
    return scaled


def _newton(correlation: FloatArray, budgets: FloatArray) -> FloatArray:
    """Minimise ``½ y'Cy - budgets' log y``, which is self-concordant, by damped Newton steps.

    The damping vanishes with the step, so the last steps square the error all the same.
    """
    scaled = np.where(budgets > 0, 1 / np.sqrt(max(correlation.sum(), 1.0)), 0.0)
    diagonal = np.where(budgets > 0, budgets, 1.0)[:, :, None] * np.eye(budgets.shape[1])
    moving = np.arange(len(budgets))
    for _ in range(NEWTON_STEPS):
        at = scaled[moving]
        risk = at[:, :, None] * correlation * at[:, None, :]
        gap = risk.sum(axis=2) - budgets[moving]
        relative = np.linalg.solve(risk + diagonal[moving], gap[:, :, None])[:, :, 0]
        largest = np.abs(relative).max(axis=1)
        scaled[moving] = at = at * (1 - relative / (1 + largest)[:, None])
        moving = moving[(largest > REST) & (at.max(axis=1) <= CANCELLED)]
        if not len(moving):
            break
    return scaled
