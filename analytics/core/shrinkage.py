"""Sample covariance, shrunk towards a structure that needs fewer figures (Ledoit & Wolf).

For optimisers: what looks cheap in a sample covariance is often only badly estimated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays
from analytics.core.arrays import FloatArray
from analytics.core.errors import TooLittleHistoryError, ZeroVolatilityError
from analytics.core.nearest_correlation import nearest_correlation
from analytics.core.returns import OPTIMISE_RETURNS

# An eigenvalue this far below zero, relative to the largest, is no longer rounding.
EIGENVALUE_ROUNDING = 1e-12
# A variance this small, relative to the largest squared return, is that of a constant.
VARIANCE_ROUNDING = 1e-24


@dataclass(frozen=True)
class ShrunkCovariance:
    """`covariance` (n, n) of daily returns, positive semidefinite; `intensity` in [0, 1].

    The intensity is the weight of the structure; the sample covariance has the rest.
    """

    covariance: FloatArray
    intensity: float


class _Moments(NamedTuple):
    """Each pair over its common days."""

    moves: FloatArray
    overlap: FloatArray
    sample: FloatArray
    error: FloatArray


def constant_correlation(
    returns: ArrayLike, *, min_overlap: int = OPTIMISE_RETURNS
) -> ShrunkCovariance:
    """Shrink towards the same correlation for all pairs, with each asset's own volatility.

    Ledoit & Wolf 2004, "Honey, I shrunk the sample covariance matrix" (J. Portfolio Management
    30), with all moments divided by the number of days as there. With gaps each pair is taken
    over its common days, and the error of each element is that of its own number of days; the
    matrix is then repaired where it is not positive semidefinite.

    Parameters
    ----------
    returns : array_like, shape (n_days, n_assets)
        Simple daily returns. NaN means "not observed".
    min_overlap : int
        Common days that each pair must have, at least 2.

    Raises
    ------
    TooLittleHistoryError
        A pair has too few common days.
    ZeroVolatilityError
        An asset never moved: leave it out, its covariances are zero.
    OutOfRangeError, NotFiniteError, ShapeError
    """
    moments = _moments(returns, min_overlap)
    sample, n_assets = moments.sample, len(moments.sample)
    volatility = np.sqrt(np.diag(sample))
    scale = volatility[:, None] * volatility
    other_pairs = max(n_assets * (n_assets - 1), 1)
    mean = (np.sum(sample / scale) - n_assets) / other_pairs
    target = mean * scale
    np.fill_diagonal(target, np.diag(sample))
    # How the error of the target goes along with that of the sample: variances drive both.
    cubes = moments.moves * moments.moves * moments.moves
    along = cubes.T @ moments.moves / moments.overlap
    along = (along - np.diag(sample)[:, None] * sample) * (volatility / volatility[:, None])
    np.fill_diagonal(along, 0.0)
    shared = np.trace(moments.error) + mean * np.sum(along / np.diag(moments.overlap)[:, None])
    return _shrunk(sample, target, float(np.sum(moments.error) - shared))


def identity(returns: ArrayLike, *, min_overlap: int = OPTIMISE_RETURNS) -> ShrunkCovariance:
    """Shrink towards equal variances without any correlation.

    Ledoit & Wolf 2004, "A well-conditioned estimator for large-dimensional covariance matrices"
    (J. Multivariate Analysis 88). Otherwise as `constant_correlation`.
    """
    moments = _moments(returns, min_overlap)
    n_assets = len(moments.sample)
    target = np.eye(n_assets) * (np.trace(moments.sample) / max(n_assets, 1))
    return _shrunk(moments.sample, target, float(np.sum(moments.error)))


def _moments(returns: ArrayLike, min_overlap: int) -> _Moments:
    daily_returns = arrays.floats("returns", returns, (None, None), nan_is_unobserved=True)
    arrays.require(min_overlap >= 2, "min_overlap", min_overlap, "2 or more")
    observed = ~np.isnan(daily_returns)
    seen = observed.astype(np.float64)
    overlap = seen.T @ seen
    short = overlap < min_overlap
    if short.any():
        one, other = np.unravel_index(int(np.argmax(short)), short.shape)
        raise TooLittleHistoryError(
            f"returns has fewer than {min_overlap} common days in columns {one} and {other}"
        )
    count = np.diag(overlap)
    moves = np.where(observed, daily_returns, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        moves = (moves - moves.sum(axis=0) / count) * seen
        sample = moves.T @ moves / overlap
        squares = moves**2
        error = (squares.T @ squares / overlap - sample**2) / overlap
    arrays.require_finite("the variance of returns", np.diag(error))
    still = np.diag(sample) <= VARIANCE_ROUNDING * np.nanmax(daily_returns**2, axis=0, initial=0.0)
    if still.any():
        raise ZeroVolatilityError(f"returns never move in {arrays.columns(still)}")
    return _Moments(moves, overlap, sample, error)


def _shrunk(sample: FloatArray, target: FloatArray, reducible: float) -> ShrunkCovariance:
    """Blend sample and target so that the expected squared error is least."""
    distance = float(np.sum((target - sample) ** 2))
    intensity = min(max(reducible / distance, 0.0), 1.0) if distance > 0 else 1.0
    return ShrunkCovariance(_repaired(intensity * target + (1 - intensity) * sample), intensity)


def _repaired(covariance: FloatArray) -> FloatArray:
    eigenvalues = np.linalg.eigvalsh(covariance)
    if eigenvalues.size == 0 or eigenvalues[0] >= -EIGENVALUE_ROUNDING * eigenvalues[-1]:
        return covariance
    volatility = np.sqrt(np.diag(covariance))
    scale = volatility[:, None] * volatility
    return np.asarray(nearest_correlation(covariance / scale) * scale)
