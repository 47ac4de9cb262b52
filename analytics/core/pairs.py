"""Two assets through time: how they moved together, how sure that is, and with what leverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from analytics.core import arrays, correlation
from analytics.core.arrays import FloatArray
from analytics.core.correlation import VARIANCE_ROUNDING
from analytics.core.returns import DISPLAY_RETURNS

# Days of windows looked at together: an array of them stays in the cache, near 1 MB.
CHUNK_ELEMENTS = 100_000


@dataclass(frozen=True)
class PairHistory:
    """One entry per day, over the window that ends on it; NaN where not known.

    Attributes
    ----------
    correlation, low, high : (n_days,)
        Pearson's, winsorised, with its 95 % interval. Not known where one of the two stood still.
    beta : (n_days,)
        Move of the first asset for a move of one of the second, by least squares with an
        intercept. Not winsorised. Not known where the second stood still.
    """

    correlation: FloatArray
    low: FloatArray
    high: FloatArray
    beta: FloatArray


def rolling(
    first: ArrayLike, second: ArrayLike, *, window: int, min_overlap: int = DISPLAY_RETURNS
) -> PairHistory:
    """Follow a pair over the last `window` days of each day.

    The figures of a day are those that `correlation.pairwise` tells of its window, so that the
    last of them is the one in the matrix, and nothing is ever repainted.

    Parameters
    ----------
    first, second : array_like, shape (n_days,)
        Simple daily returns, oldest first. NaN means "not observed".
    window : int
        Days, at least 2.
    min_overlap : int
        Common days from which a window tells anything, at least 2; a shorter window must be full.

    Raises
    ------
    OutOfRangeError, NotFiniteError, ShapeError
    """
    one = arrays.floats("first", first, (None,), nan_is_unobserved=True)
    other = arrays.floats("second", second, one.shape, nan_is_unobserved=True)
    arrays.require(window >= 2, "window", window, "2 or more")
    arrays.require(min_overlap >= 2, "min_overlap", min_overlap, "2 or more")
    figures = np.full((4, len(one)), np.nan)
    if len(one) >= window:
        ones, others = (sliding_window_view(returns, window) for returns in (one, other))
        step = max(CHUNK_ELEMENTS // window, 1)
        for start in range(0, len(ones), step):
            days = slice(start, start + step)
            figures[:, window - 1 :][:, days] = _figures(
                ones[days].T, others[days].T, min(min_overlap, window)
            )
    return PairHistory(*figures)


def _figures(one: FloatArray, other: FloatArray, min_overlap: int) -> FloatArray:
    """Return correlation, low, high and beta of each column of two (window, n) matrices."""
    common = ~(np.isnan(one) | np.isnan(other))
    count = np.maximum(common.sum(axis=0), 1)
    enough = common.sum(axis=0) >= min_overlap

    def centred(returns: FloatArray) -> FloatArray:
        filled = np.where(common, returns, 0.0)
        return np.where(common, filled - filled.sum(axis=0) / count, 0.0)

    def root_mean_square(moves: FloatArray, returns: FloatArray) -> FloatArray:
        square = (moves**2).sum(axis=0)
        largest = (np.where(common, returns, 0.0) ** 2).sum(axis=0)
        moved = np.where(square > VARIANCE_ROUNDING * largest, square, np.nan)
        return np.asarray(np.sqrt(moved / count))

    x, y = centred(correlation.winsorised(one)), centred(correlation.winsorised(other))
    x, y = x / root_mean_square(x, one), y / root_mean_square(y, other)
    rho = np.clip((x * y).sum(axis=0) / count, -1.0, 1.0)
    influence = x * y - rho * (x**2 + y**2) / 2
    days = correlation.days_of_variance(rho, (influence**2).sum(axis=0) / count**2, count)
    known = enough & ~np.isnan(rho)
    rho = np.where(known, rho, np.nan)
    interval = correlation.fisher_interval(rho, np.where(known, days, np.nan))
    moves, driver = centred(one), centred(other)
    driven = np.where(enough, root_mean_square(driver, other) ** 2 * count, np.nan)
    return np.stack([rho, interval.low, interval.high, (moves * driver).sum(axis=0) / driven])
