"""Covariance and correlation of daily returns, estimated once per universe and night."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays, correlation
from analytics.core.arrays import BoolArray, FloatArray, IntArray
from analytics.core.errors import (
    NotFiniteError,
    TooLittleHistoryError,
    ZeroVolatilityError,
)
from analytics.core.nearest_correlation import nearest_correlation

# How closely the estimate is repaired; the sampling error of a correlation is near 0.05.
REPAIR_TOLERANCE = 1e-5


@dataclass(frozen=True)
class CovarianceEstimate:
    """What one night knows about how n assets move together.

    Attributes
    ----------
    daily_volatility : (n,)
    correlation : (n, n)
        Positive semidefinite, ones on the diagonal.
    covariance : (n, n)
        Of daily returns: correlation times both daily volatilities.
    overlap : (n, n) int
        Days on which both assets have a return; the diagonal counts each asset's own.
    shrunk : (n, n) bool
        Pairs with too few common days to stand on their own; never the diagonal.
    effective_days : (n, n)
        As many independent Gaussian days would know the correlation as well, before any
        shrinking: fat tails and fading weights count; see `correlation.effective_days`.
    """

    daily_volatility: FloatArray
    correlation: FloatArray
    covariance: FloatArray
    overlap: IntArray
    shrunk: BoolArray
    effective_days: FloatArray


def ewma(
    returns: ArrayLike,
    *,
    volatility_halflife: float = 30.0,
    correlation_halflife: float = 90.0,
    min_overlap: int = 60,
    groups: ArrayLike,
) -> CovarianceEstimate:
    """Estimate covariance with exponential weights, separately for volatility and correlation.

    Zero-mean, as RiskMetrics (J.P. Morgan & Reuters 1996, section 5.3): a daily mean is small
    beside the volatility and estimated so badly that subtracting it adds noise. A return that
    is h halflives old weighs 0.5**h; the weights of the observed days are normalised to sum to
    one, per asset for volatility and per pair for correlation, so a missing day is left out and
    never counts as a return of zero.

    Correlation is pairwise complete and taken from returns winsorised at ±5 MAD around the
    median of each asset; volatility sees every return as it is. A pair with n < `min_overlap`
    common days is shrunk: weight n / `min_overlap` on its own correlation, the rest on the mean
    over the well-observed pairs between its two groups (over all well-observed pairs if there
    are none; 0 if there are none at all). The matrix is then repaired by `nearest_correlation`.

    Parameters
    ----------
    returns : array_like, shape (n_days, n_assets)
        Simple daily returns, newest last. NaN means "not observed".
    volatility_halflife, correlation_halflife : float
        Days, above 0.
    min_overlap : int
        Common days from which a pair stands on its own, at least 1.
    groups : array_like of int, shape (n_assets,)
        The category of each asset.

    Raises
    ------
    TooLittleHistoryError
        An asset has fewer than two returns (or none recent enough to weigh anything).
    ZeroVolatilityError
        An asset never moved, as cash or a stablecoin held at exactly one: leave it out, its
        covariances are zero.
    OutOfRangeError, NotFiniteError, ShapeError
    """
    daily_returns = arrays.floats("returns", returns, (None, None), nan_is_unobserved=True)
    n_days, n_assets = daily_returns.shape
    categories = arrays.integers("groups", groups, (n_assets,))
    arrays.require(volatility_halflife > 0, "volatility_halflife", volatility_halflife, "above 0")
    arrays.require(
        correlation_halflife > 0, "correlation_halflife", correlation_halflife, "above 0"
    )
    arrays.require(min_overlap >= 1, "min_overlap", min_overlap, "1 or more")

    observed = ~np.isnan(daily_returns)
    daily_volatility = _volatility(
        daily_returns, observed, correlation.fading_weights(n_days, volatility_halflife)
    )
    overlap = _overlap(observed)
    weights = correlation.fading_weights(n_days, correlation_halflife)
    moves = np.where(observed, correlation.winsorised(daily_returns) / daily_volatility, 0.0)
    raw, defined, spread = correlation.zero_mean(moves, observed, weights)
    shrunk = (overlap < min_overlap) | ~defined
    np.fill_diagonal(shrunk, False)
    trust = np.minimum(overlap / min_overlap, 1.0) * defined
    repaired = nearest_correlation(
        _shrink(raw, trust, shrunk, categories), tolerance=REPAIR_TOLERANCE
    )
    return CovarianceEstimate(
        daily_volatility=daily_volatility,
        correlation=repaired,
        covariance=repaired * daily_volatility[:, None] * daily_volatility,
        overlap=overlap,
        shrunk=shrunk,
        effective_days=correlation.effective_days(
            moves, observed, weights, raw, np.where(spread > 0, spread, 1.0)
        ),
    )


def _volatility(returns: FloatArray, observed: BoolArray, weights: FloatArray) -> FloatArray:
    weight_sum = weights @ observed
    too_little = (observed.sum(axis=0) < 2) | (weight_sum == 0)
    if too_little.any():
        raise TooLittleHistoryError(
            f"returns has fewer than two observed days in {arrays.columns(too_little)}"
        )
    with np.errstate(over="ignore"):
        variance = weights @ np.where(observed, returns, 0.0) ** 2 / weight_sum
    if np.isinf(variance).any():
        raise NotFiniteError(
            f"the variance of returns overflows in {arrays.columns(np.isinf(variance))}"
        )
    if (variance == 0).any():
        raise ZeroVolatilityError(f"returns never move in {arrays.columns(variance == 0)}")
    return np.asarray(np.sqrt(variance))


def _overlap(observed: BoolArray) -> IntArray:
    mask = observed.astype(np.float64)
    return np.rint(mask.T @ mask).astype(np.int64)


def _shrink(raw: FloatArray, trust: FloatArray, shrunk: BoolArray, groups: IntArray) -> FloatArray:
    """Blend thinly observed pairs with the mean of the well-observed ones between their groups."""
    well_observed = (~shrunk).astype(np.float64)
    np.fill_diagonal(well_observed, 0.0)
    labels, position = np.unique(groups, return_inverse=True)
    member = (position[:, None] == np.arange(len(labels))).astype(np.float64)
    pairs = member.T @ well_observed @ member
    total = member.T @ (raw * well_observed) @ member
    overall = total.sum() / max(pairs.sum(), 1.0)
    mean = np.where(pairs > 0, total / np.maximum(pairs, 1.0), overall)[position][:, position]
    blended = np.where(shrunk, trust * raw + (1 - trust) * mean, raw)
    np.fill_diagonal(blended, 1.0)
    return (blended + blended.T) / 2
