"""How assets move together, pair by pair, and how well that is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from analytics.core import arrays
from analytics.core.arrays import BoolArray, FloatArray, IntArray
from analytics.core.errors import (
    NotPositiveSemidefiniteError,
    OutOfRangeError,
    ShapeError,
    ZeroVolatilityError,
)
from analytics.core.returns import DISPLAY_RETURNS

# Winsorising bound in median absolute deviations (unscaled): 3.4 standard deviations of a Gaussian.
WINSOR_DEVIATIONS = 5.0
# What is left of a variance after subtracting the mean's part, when it is rounding.
VARIANCE_ROUNDING = 1e-12
# Below this, one minus the square of a correlation is rounding: a coin and its own double.
PERFECT_ROUNDING = 1e-10
# How often unrelated assets may look related at all, over all pairs together.
CHANCE = 0.05


@dataclass(frozen=True)
class PairwiseCorrelation:
    """Correlations of n assets, each pair over its common days.

    Attributes
    ----------
    correlation : (n, n)
        Ones on the diagonal. NaN where a pair has too few common days, or one of the two stood
        still on all of them. Each pair for itself: the whole need not be positive semidefinite.
    overlap : (n, n) int
        Days on which both assets have a return.
    effective_days : (n, n)
        As many independent Gaussian days would know the correlation as well; see
        `effective_days`. NaN where the correlation is.
    """

    correlation: FloatArray
    overlap: IntArray
    effective_days: FloatArray


@dataclass(frozen=True)
class Interval:
    """`low` and `high`, of the shape of the correlations they enclose."""

    low: FloatArray
    high: FloatArray


def pairwise(returns: ArrayLike, *, min_overlap: int = DISPLAY_RETURNS) -> PairwiseCorrelation:
    """Correlate each pair of assets over its common days, all of which weigh the same.

    Pearson's correlation of returns winsorised at ±5 MAD around the median of each asset.

    Parameters
    ----------
    returns : array_like, shape (n_days, n_assets)
        Simple daily returns. NaN means "not observed".
    min_overlap : int
        Common days from which a correlation is told, at least 2.

    Raises
    ------
    OutOfRangeError, NotFiniteError, ShapeError
    """
    daily_returns = arrays.floats("returns", returns, (None, None), nan_is_unobserved=True)
    arrays.require(min_overlap >= 2, "min_overlap", min_overlap, "2 or more")
    observed = ~np.isnan(daily_returns)
    seen = observed.astype(np.float64)
    moves = standardised(winsorised(daily_returns), observed)
    overlap = seen.T @ seen
    mean = moves.T @ seen / np.maximum(overlap, 1.0)
    square = (moves**2).T @ seen
    variance = square - overlap * mean**2
    stirred = variance > VARIANCE_ROUNDING * square
    defined = (overlap >= min_overlap) & stirred & stirred.T
    spread = np.sqrt(np.where(defined, variance, 1.0))
    correlation = np.clip(
        (moves.T @ moves - overlap * (mean * mean.T)) / (spread * spread.T), -1, 1
    )
    np.fill_diagonal(correlation, 1.0)
    days = effective_days(moves, observed, np.ones(len(moves)), correlation, spread)
    return PairwiseCorrelation(
        correlation=np.where(defined, correlation, np.nan),
        overlap=np.rint(overlap).astype(np.int64),
        effective_days=np.where(defined, days, np.nan),
    )


def of_covariance(covariance: ArrayLike) -> FloatArray:
    """Return the correlation matrix of a covariance matrix, or of each of a batch.

    Parameters
    ----------
    covariance : array_like, shape (..., n, n)
        NaN means "not known", and its correlation is NaN.

    Raises
    ------
    ZeroVolatilityError
        An asset has a variance of zero.
    NotPositiveSemidefiniteError
        An asset has a negative variance.
    ShapeError, NotFiniteError
    """
    matrices = np.asarray(covariance, dtype=np.float64)
    if matrices.ndim < 2 or matrices.shape[-1] != matrices.shape[-2]:
        raise ShapeError(f"covariance has shape {matrices.shape}, expected (..., n, n)")
    arrays.require_finite("covariance", matrices, nan_is_unobserved=True)
    variance = np.diagonal(matrices, axis1=-2, axis2=-1)
    leading = tuple(range(variance.ndim - 1))
    for refused, error, words in (
        (variance < 0, NotPositiveSemidefiniteError, "a negative variance"),
        (variance == 0, ZeroVolatilityError, "no variance"),
    ):
        if refused.any():
            columns = arrays.columns(np.logical_or.reduce(refused, axis=leading))
            raise error(f"covariance has {words} in {columns}")
    scale = 1 / np.sqrt(variance)
    correlation = np.clip(matrices * scale[..., :, None] * scale[..., None, :], -1.0, 1.0)
    diagonal = np.arange(matrices.shape[-1])
    correlation[..., diagonal, diagonal] = np.where(np.isnan(variance), np.nan, 1.0)
    return np.asarray(correlation)


def fisher_interval(
    correlation: ArrayLike, effective_days: ArrayLike, *, confidence: float = 0.95
) -> Interval:
    """Enclose correlations as Fisher 1921 does: z = artanh ρ has a standard error of 1/√(n - 3).

    Parameters
    ----------
    correlation : array_like
        In [-1, 1]. NaN means "not known", and so is its interval.
    effective_days : array_like, broadcasting with `correlation`
        Independent Gaussian days. Three or fewer know nothing: the interval is [-1, 1].
    confidence : float
        Above 0, below 1.

    Raises
    ------
    OutOfRangeError
    """
    told = np.asarray(correlation, dtype=np.float64)
    arrays.require(0 < confidence < 1, "confidence", confidence, "in (0, 1)")
    if (np.abs(told) > 1).any():
        raise OutOfRangeError(f"correlation at {arrays.first(np.abs(told) > 1)} is not in [-1, 1]")
    days = np.asarray(effective_days, dtype=np.float64)
    reach = np.where(
        days > 3, ndtri((1 + confidence) / 2) / np.sqrt(np.where(days > 3, days - 3, 1.0)), np.inf
    )
    perfect = np.abs(told) == 1
    centre = np.arctanh(np.where(perfect, 0.0, told))
    return Interval(
        low=np.where(perfect & (days > 3), told, np.tanh(centre - reach)),
        high=np.where(perfect & (days > 3), told, np.tanh(centre + reach)),
    )


def chance_level(effective_days: ArrayLike, *, pairs: int, chance: float = CHANCE) -> FloatArray:
    """Tell the correlation that one of so many unrelated pairs exceeds with this probability.

    Fisher 1921's z of no correlation is normal with a standard error of 1/√(n - 3); the
    probability is shared among the pairs (Bonferroni), whose correlations need not be
    independent.

    Parameters
    ----------
    effective_days : array_like
        Independent Gaussian days of a pair. Three or fewer know nothing: the level is 1. NaN
        means "not known", and so is the level.
    pairs : int
        How many pairs are looked at, at least 1.
    chance : float
        Above 0, below 1.

    Raises
    ------
    OutOfRangeError
    """
    arrays.require(pairs >= 1, "pairs", pairs, "1 or more")
    arrays.require(0 < chance < 1, "chance", chance, "in (0, 1)")
    days = np.asarray(effective_days, dtype=np.float64)
    reach = ndtri(1 - chance / pairs) / np.sqrt(np.where(days > 3, days - 3, 1.0))
    level = np.where(days > 3, np.tanh(np.maximum(reach, 0.0)), 1.0)
    return np.asarray(np.where(np.isnan(days), np.nan, level))


def effective_days(
    moves: FloatArray,
    observed: BoolArray,
    weights: FloatArray,
    correlation: FloatArray,
    spread: FloatArray,
) -> FloatArray:
    """Tell how many independent Gaussian days would know each correlation as well.

    On those days its variance is ``(1 - ρ²)² / n``. Here it is that of the mean of the influence
    of each day, ``x y - ρ (x² + y²) / 2`` in units of the standard deviations, weighed as the day
    is. So fat tails, days of high volatility and unequal weights all lower n; it is never more
    than the effective number of the weights, ``(Σw)² / Σw²`` (Kish 1965).

    Parameters
    ----------
    moves : ndarray, shape (n_days, n_assets)
        Centred returns in units near one, 0 where not observed.
    observed : ndarray of bool, shape (n_days, n_assets)
    weights : ndarray, shape (n_days,)
    correlation : ndarray, shape (n_assets, n_assets)
    spread : ndarray, shape (n_assets, n_assets)
        Root of the weighted sum of squares of the row's asset over the days common with the
        column's; above 0.
    """
    seen = observed.astype(np.float64)
    weighted = weights[:, None] * moves
    squares = weighted * moves
    cubes = (squares * weighted).T @ moves / (spread**3 * spread.T)
    both = squares.T @ squares / (spread * spread.T) ** 2
    own = (squares**2).T @ seen / spread**4
    variance = (
        both + correlation**2 / 4 * (own + own.T + 2 * both) - correlation * (cubes + cubes.T)
    )
    sums = (weights[:, None] * seen).T @ seen
    kish = sums**2 / np.maximum((weights[:, None] ** 2 * seen).T @ seen, np.finfo(np.float64).tiny)
    return days_of_variance(correlation, variance, kish)


def days_of_variance(
    correlation: FloatArray, variance: FloatArray, most: FloatArray | IntArray
) -> FloatArray:
    """Return the independent Gaussian days on which a correlation has this variance."""
    gaussian = 1 - correlation**2
    uncertain = (gaussian > PERFECT_ROUNDING) & (variance > 0)
    days = gaussian**2 / np.where(uncertain, variance, 1.0)
    return np.asarray(np.where(uncertain, np.minimum(days, most), most), dtype=np.float64)


def zero_mean(
    moves: FloatArray, observed: BoolArray, weights: FloatArray
) -> tuple[FloatArray, BoolArray, FloatArray]:
    """Correlate each pair over its common days; undefined (0) where one stood still on them all.

    The last matrix is the root of the weighted squares of the row's asset on the common days.
    """
    rooted = moves * np.sqrt(weights)[:, None]
    moments = rooted.T @ rooted
    if observed.all():
        squares = np.broadcast_to(np.diag(moments)[:, None], moments.shape)
    else:
        squares = (rooted * rooted).T @ observed.astype(np.float64)
    spread = np.sqrt(squares)
    scale = spread * spread.T
    defined = scale > 0
    raw = moments / np.where(defined, scale, 1.0)
    return np.clip(np.where(defined, raw, 0.0), -1.0, 1.0), defined, spread


def fading_weights(n_days: int, halflife: float) -> FloatArray:
    """Return ``0.5**(age / halflife)`` of each day, the newest last and one."""
    age = np.arange(n_days - 1, -1, -1, dtype=np.float64)
    return np.asarray(0.5 ** (age / halflife))


def winsorised(returns: FloatArray) -> FloatArray:
    """Clip each asset at ±5 MAD, or leave it alone where more than half of its days are equal."""
    median = _median(returns)
    deviation = _median(np.abs(returns - median))
    reach = np.where(deviation > 0, WINSOR_DEVIATIONS * deviation, np.inf)
    return np.clip(returns, median - reach, median + reach)


def standardised(returns: FloatArray, observed: BoolArray) -> FloatArray:
    """Return each asset's moves about its mean in units of their root mean square; 0 for NaN."""
    count = np.maximum(observed.sum(axis=0), 1)
    filled = np.where(observed, returns, 0.0)
    largest = np.abs(filled).max(axis=0, initial=0.0)
    filled /= np.where(largest > 0, largest, 1.0)
    moves = np.where(observed, filled - filled.sum(axis=0) / count, 0.0)
    scale = np.sqrt((moves**2).sum(axis=0) / count)
    return np.asarray(moves / np.where(scale > 0, scale, 1.0))


def _median(values: FloatArray) -> FloatArray:
    """Return the median of the observed values of each column (nanmedian, several times faster)."""
    if len(values) == 0:
        return np.full(values.shape[1], np.nan)
    ordered = np.sort(values, axis=0)  # NaN last
    count = (~np.isnan(values)).sum(axis=0)
    column = np.arange(values.shape[1])
    middle = ordered[(count - 1) // 2, column] + ordered[count // 2, column]
    return np.asarray(middle / 2)
