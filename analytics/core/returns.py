"""Simple daily returns."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays
from analytics.core.arrays import FloatArray
from analytics.core.errors import NotPositivePriceError, ShapeError


def simple_returns(closes: ArrayLike) -> FloatArray:
    """Return the change of each close over the day before it.

    Parameters
    ----------
    closes : array_like, shape (n_days, n_assets)
        Prices, oldest first. NaN means "not observed".

    Returns
    -------
    ndarray, shape (n_days - 1, n_assets)
        ``closes[t + 1] / closes[t] - 1``, in row t; NaN where either close is not observed. A gap
        therefore costs two returns and is never bridged by a return of several days.

    Raises
    ------
    NotPositivePriceError
        A price is zero or less.
    NotFiniteError
        A price is infinite, or two prices are so far apart that their ratio is.
    ShapeError
        `closes` has no day, or is not a matrix.
    """
    prices = arrays.floats("closes", closes, (None, None), nan_is_unobserved=True)
    if len(prices) == 0:
        raise ShapeError("closes has no day")
    not_positive = prices <= 0
    if not_positive.any():
        raise NotPositivePriceError(f"closes is not positive at {arrays.first(not_positive)}")
    with np.errstate(over="ignore"):
        returns: FloatArray = prices[1:] / prices[:-1] - 1
    arrays.require_finite("the return of closes", returns, nan_is_unobserved=True)
    return returns
