"""What a portfolio risks by the covariance of its assets: how much, where, and how spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import DAYS_PER_YEAR, arrays
from analytics.core.arrays import FloatArray
from analytics.core.batches import chunks
from analytics.core.errors import (
    NegativeWeightError,
    NotFiniteError,
    NotPositiveSemidefiniteError,
    TooFewHoldingsError,
    WeightsSumError,
    ZeroVolatilityError,
)

# A variance this far below zero, relative to that of the same positions perfectly correlated,
# is no longer rounding.
VARIANCE_ROUNDING = 1e-10
WEIGHTS_SUM_ROUNDING = 1e-9
# So many portfolios that their weights and products stay in the second-level cache.
CHUNK_ROWS = 1024


@dataclass(frozen=True)
class RiskContributions:
    """Annualised; `contributions` (b, n) sum to `volatility` (b,) along each row."""

    volatility: FloatArray
    contributions: FloatArray


@dataclass(frozen=True)
class Diversification:
    """`ratio` (b,) is at least 1 for long portfolios; `effective_bets` (b,) is its square."""

    ratio: FloatArray
    effective_bets: FloatArray


@dataclass(frozen=True)
class BenchmarkRelation:
    """How each portfolio moves with the benchmark: `beta` (b,), `correlation` (b,) in [-1, 1]."""

    beta: FloatArray
    correlation: FloatArray


def contributions(weights: ArrayLike, covariance: ArrayLike) -> RiskContributions:
    """Split the volatility of each portfolio into the contributions of its positions.

    The contribution of position i is ``w_i (Σw)_i / σ``. Volatility is homogeneous of degree one
    in the weights, so by Euler's theorem the contributions sum to it. A position that hedges the
    rest has a negative contribution.

    Parameters
    ----------
    weights : array_like, shape (b, n)
        Fractions of each portfolio; they need not sum to one.
    covariance : array_like, shape (n, n)
        Of daily returns. An asset without risk (cash) is a row and column of zeros.

    Returns
    -------
    RiskContributions
        Annualised by the square root of 365. A portfolio without risk (no weights, cash only, a
        perfect hedge) has volatility 0 and contributions 0. That is exact and no convention:
        ``|w_i (Σw)_i / σ| <= |w_i| σ_i``, so contributions vanish with the risk of the positions.
        One portfolio alone equals the same one in a batch up to rounding (the matrix product).

    Raises
    ------
    NotPositiveSemidefiniteError
        The covariance gives an asset or one of these portfolios a negative variance.
    NotFiniteError, ShapeError, NotSymmetricError
    """
    positions = arrays.shaped("weights", weights, (None, None))
    daily_covariance = _covariance(covariance, positions.shape[1])
    split = np.empty(positions.shape)
    volatility = np.empty(len(positions))
    for rows in chunks(len(positions), CHUNK_ROWS):
        share = split[rows]
        variance = _variance(positions[rows], daily_covariance, share)
        _require_variance(positions, daily_covariance, variance, rows.start)
        volatility[rows] = np.sqrt(DAYS_PER_YEAR * np.maximum(variance, 0.0))
        at_risk = volatility[rows] > 0
        share *= (DAYS_PER_YEAR * at_risk / np.where(at_risk, volatility[rows], 1.0))[:, None]
    return RiskContributions(volatility=volatility, contributions=split)


def diversification(weights: ArrayLike, covariance: ArrayLike) -> Diversification:
    """Tell how much of the risk of its positions a portfolio diversifies away.

    The diversification ratio is the weighted mean volatility of the positions over the volatility
    of the portfolio, ``w'σ / √(w'Σw)``; its square counts the equally risky, independent bets that
    would be spread as well (Choueifaty & Coignard 2008, Journal of Portfolio Management 35(1)).

    Parameters
    ----------
    weights : array_like, shape (b, n)
        Fractions, none negative; they need not sum to one, cash and scale change nothing.
    covariance : array_like, shape (n, n)
        Of returns, of any period.

    Raises
    ------
    ZeroVolatilityError
        A portfolio without risk: nothing is diversified.
    NegativeWeightError, NotPositiveSemidefiniteError, NotFiniteError, ShapeError,
    NotSymmetricError
    """
    positions = _long_only(weights)
    asset_covariance = _covariance(covariance, positions.shape[1])
    volatility = _volatility(positions, asset_covariance)
    ratio = positions @ np.sqrt(np.diag(asset_covariance)) / volatility
    return Diversification(ratio=ratio, effective_bets=ratio**2)


def relation_to_benchmark(
    weights: ArrayLike, covariance: ArrayLike, benchmark: ArrayLike
) -> BenchmarkRelation:
    """Tell how each portfolio moves with a benchmark made of the same assets.

    Parameters
    ----------
    weights : array_like, shape (b, n)
        Fractions of each portfolio.
    covariance : array_like, shape (n, n)
        Of returns, of any period.
    benchmark : array_like, shape (n,)
        Weights of the benchmark: 1 for Bitcoin and 0 elsewhere, or those of a model portfolio.

    Returns
    -------
    BenchmarkRelation
        Beta is the slope of the portfolio's returns on the benchmark's.

    Raises
    ------
    ZeroVolatilityError
        A portfolio or the benchmark is without risk and moves with nothing.
    NotPositiveSemidefiniteError, NotFiniteError, ShapeError, NotSymmetricError
    """
    positions = arrays.floats("weights", weights, (None, None))
    asset_covariance = _covariance(covariance, positions.shape[1])
    reference = arrays.floats("benchmark", benchmark, (positions.shape[1],))
    reference_volatility = _volatility(reference[None], asset_covariance, name="benchmark")
    beta = positions @ (asset_covariance @ reference) / reference_volatility**2
    correlation = beta * reference_volatility / _volatility(positions, asset_covariance)
    return BenchmarkRelation(beta=beta, correlation=np.clip(correlation, -1.0, 1.0))


def average_correlation(correlation: ArrayLike, held: ArrayLike) -> FloatArray:
    """Return the mean correlation over the pairs of risky assets that a portfolio holds.

    Stablecoins do not count as held here: they move with nothing, and would make any portfolio
    look diversified.

    Parameters
    ----------
    correlation : array_like, shape (n, n)
    held : array_like of bool, shape (b, n)
        Where a portfolio holds a risky asset; at least two each.

    Returns
    -------
    ndarray, shape (b,)
        In [-1, 1]; pairs count alike, whatever their weights.

    Raises
    ------
    TooFewHoldingsError
        A portfolio with fewer than two risky assets has no pair.
    OutOfRangeError, NotFiniteError, ShapeError, NotSymmetricError
    """
    pairwise = arrays.symmetric("correlation", correlation)
    largest = float(np.abs(pairwise).max(initial=0.0))
    arrays.require(largest <= 1 + 1e-9, "the largest correlation", largest, "in [-1, 1]")
    member = arrays.shaped("held", held, (None, len(pairwise)))
    arrays.require_finite("held", member)
    member = (member != 0).astype(np.float64)
    count = member.sum(axis=1)
    if (count < 2).any():
        raise TooFewHoldingsError(f"held has fewer than two assets at {arrays.first(count < 2)}")
    distinct = pairwise - np.diag(np.diag(pairwise))
    total = np.empty(len(member))
    for rows in chunks(len(member), CHUNK_ROWS):
        total[rows] = _variance(member[rows], distinct, np.empty(member[rows].shape))
    return np.asarray(np.clip(total / (count * (count - 1)), -1.0, 1.0))


def risk_score(weights: ArrayLike, levels: ArrayLike) -> FloatArray:
    """Return the weighted mean risk level of each portfolio.

    Parameters
    ----------
    weights : array_like, shape (b, n)
        Fractions, none negative, each row summing to one.
    levels : array_like, shape (n,)
        Of each asset, 0 or more; from 0 (very low) to 3 (higher) in the catalogue.

    Returns
    -------
    ndarray, shape (b,)
        Between the lowest and the highest level held.

    Raises
    ------
    WeightsSumError, NegativeWeightError, OutOfRangeError, NotFiniteError, ShapeError
    """
    positions = _long_only(weights)
    level = arrays.floats("levels", levels, (positions.shape[1],))
    lowest = float(level.min(initial=0.0))
    arrays.require(lowest >= 0, "the lowest of levels", lowest, "0 or more")
    total = positions.sum(axis=1)
    uneven = np.abs(total - 1) > WEIGHTS_SUM_ROUNDING
    if uneven.any():
        row = int(np.argmax(uneven))
        raise WeightsSumError(f"weights sum to {total[row]:.9g} at row {row}, not to 1")
    return np.asarray(positions @ level)


def _long_only(weights: ArrayLike) -> FloatArray:
    positions = arrays.floats("weights", weights, (None, None))
    if (positions < 0).any():
        raise NegativeWeightError(f"weights is negative at {arrays.first(positions < 0)}")
    return positions


def _covariance(covariance: ArrayLike, size: int) -> FloatArray:
    matrix = arrays.symmetric("covariance", covariance, size)
    own_variance = np.diag(matrix)
    if (own_variance < 0).any():
        raise NotPositiveSemidefiniteError(
            f"covariance has a negative variance in {arrays.columns(own_variance < 0)}"
        )
    return matrix


def _variance(weights: FloatArray, covariance: FloatArray, shares: FloatArray) -> FloatArray:
    """Return ``w'Σw`` of each row, leaving its terms in `shares`."""
    with np.errstate(over="ignore", invalid="ignore"):  # refused by name, by the caller
        np.matmul(weights, covariance, out=shares)
        shares *= weights
        return np.asarray(shares.sum(axis=1))


def _volatility(
    weights: FloatArray, covariance: FloatArray, *, name: str = "weights"
) -> FloatArray:
    variance = np.empty(len(weights))
    for rows in chunks(len(weights), CHUNK_ROWS):
        held = weights[rows]
        variance[rows] = _variance(held, covariance, np.empty(held.shape))
        _require_variance(weights, covariance, variance[rows], rows.start)
    if (variance <= 0).any():
        raise ZeroVolatilityError(f"{name} has no risk at {arrays.first(variance <= 0)}")
    return np.asarray(np.sqrt(variance))


def _require_variance(
    weights: FloatArray, covariance: FloatArray, variance: FloatArray, start: int
) -> None:
    """Refuse what a variance betrays: it is finite only if every weight of its row is."""
    if not np.isfinite(variance).all():
        arrays.require_finite("weights", weights)
        row = start + int(np.argmax(~np.isfinite(variance)))
        raise NotFiniteError(f"the variance of weights is not finite at row {row}")
    rows = np.flatnonzero(variance < 0)
    if len(rows):
        largest = (np.abs(weights[start + rows]) @ np.sqrt(np.diag(covariance))) ** 2
        negative = variance[rows] < -VARIANCE_ROUNDING * largest
        if negative.any():
            row = start + rows[np.argmax(negative)]
            raise NotPositiveSemidefiniteError(
                f"covariance gives the weights of row {row} a negative variance"
            )
