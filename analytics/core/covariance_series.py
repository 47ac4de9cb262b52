"""Covariance matrices of each day, over the days up to it.

The whole series at once: as many matrices as days, each pair in one sweep over time. It takes
8 bytes × days × assets²: 19 MB for 40 assets over 1,500 days.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays
from analytics.core.arrays import FloatArray
from analytics.core.errors import NotFiniteError
from analytics.core.moving_sums import decayed_sum, moving_sum


def rolling(returns: ArrayLike, *, window: int) -> FloatArray:
    """Return the sample covariance of the last `window` days, on each day.

    Parameters
    ----------
    returns : array_like, shape (n_days, n_assets)
        Simple daily returns, oldest first. NaN means "not observed".
    window : int
        Days, at least 2.

    Returns
    -------
    ndarray, shape (n_days, n_assets, n_assets)
        Of daily returns, with n - 1. NaN while the window is not full, and for a pair where one
        of the two was not observed on one of its days. A day's matrix comes from its window alone,
        to the last bit. In memory the days of a pair lie side by side.

    Raises
    ------
    NotFiniteError, OutOfRangeError, ShapeError
    """
    moves = _moves(returns)
    arrays.require(window >= 2, "window", window, "2 or more")
    # Over the root, so that the product of two is what their means take from a sum of products.
    of_means = moving_sum(moves, window) / np.sqrt(window)

    def covariances(asset: int) -> FloatArray:
        sums = moving_sum(moves[asset] * moves[asset:], window)
        sums -= of_means[asset] * of_means[asset:]
        sums /= window - 1
        return sums

    return _series(moves, covariances)


def ewma(returns: ArrayLike, *, halflife: float, centred: bool = False) -> FloatArray:
    """Return the exponentially weighted covariance up to each day.

    A return that is h halflives old weighs 0.5**h. Each pair is taken over its common days, whose
    weights are normalised to sum to one; a missing day is left out. Zero-mean as the night's
    estimate (J.P. Morgan & Reuters 1996, section 5.3), or about the weighted means.

    Parameters
    ----------
    returns : array_like, shape (n_days, n_assets)
        Simple daily returns, oldest first. NaN means "not observed".
    halflife : float
        Days, above 0.
    centred : bool
        Subtract the product of the weighted means of the common days.

    Returns
    -------
    ndarray, shape (n_days, n_assets, n_assets)
        Of daily returns. On a day without a return the last estimate holds. NaN before the first
        common day of a pair, and after a silence so long that nothing of it is left in float64.
        In memory the days of a pair lie side by side.

    Raises
    ------
    NotFiniteError, OutOfRangeError, ShapeError
    """
    moves = _moves(returns)
    arrays.require(halflife > 0, "halflife", halflife, "above 0")
    decay = 0.5 ** (1 / halflife)
    seen = (~np.isnan(moves)).astype(np.float64)
    complete = bool(seen.all())
    moves = np.nan_to_num(moves)
    every_day = decayed_sum(np.ones(moves.shape[1]), decay)
    mean = decayed_sum(moves, decay) / every_day if complete and centred else moves

    def covariances(asset: int) -> FloatArray:
        later = slice(asset, None)
        weight = every_day if complete else _weight(decayed_sum(seen[asset] * seen[later], decay))
        means = decayed_sum(moves[asset] * moves[later], decay)
        means /= weight
        if centred and complete:
            means -= mean[asset] * mean[later]
        elif centred:
            own = decayed_sum(moves[asset] * seen[later], decay) / weight
            other = decayed_sum(seen[asset] * moves[later], decay) / weight
            means -= own * other
        return means

    return _series(moves, covariances)


def _moves(returns: ArrayLike) -> FloatArray:
    """Return the returns asset by asset, small enough to be squared."""
    daily_returns = arrays.floats("returns", returns, (None, None), nan_is_unobserved=True)
    largest = np.abs(daily_returns).max(axis=0, initial=0.0, where=~np.isnan(daily_returns))
    too_large = largest > np.sqrt(np.finfo(np.float64).max / (len(daily_returns) + 1))
    if too_large.any():
        raise NotFiniteError(f"the variance of returns overflows in {arrays.columns(too_large)}")
    return np.ascontiguousarray(daily_returns.T)


def _weight(total: FloatArray) -> FloatArray:
    return np.asarray(np.where(total >= np.finfo(np.float64).tiny, total, np.nan))


def _series(moves: FloatArray, covariances: Callable[[int], FloatArray]) -> FloatArray:
    """Put the covariances of each asset with those from itself on into whole matrices."""
    n_assets, n_days = moves.shape
    series = np.empty((n_assets, n_assets, n_days))
    for asset in range(n_assets):
        series[asset, asset:] = series[asset:, asset] = covariances(asset)
    return series.transpose(2, 0, 1)
