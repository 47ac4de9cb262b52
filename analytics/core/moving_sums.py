"""Sums over the days up to each day, along the last axis."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from analytics.core.arrays import FloatArray


def moving_sum(values: FloatArray, window: int) -> FloatArray:
    """Return the sum of the last `window` values on each day, NaN while there are fewer.

    Sums of 1, 2, 4, … days are doubled and put together. Unlike the difference of two running
    sums, which carries every value of the past along, a sum here is made of its own days only:
    a NaN or a wild value leaves no trace after `window` days, and nothing depends on the start.

    Parameters
    ----------
    values : ndarray, shape (..., n_days)
    window : int
        At least 1.

    Returns
    -------
    ndarray, shape (..., n_days)
    """
    n_days = values.shape[-1]
    sums = np.full(values.shape, np.nan)
    if n_days < window:
        return sums
    known = sums[..., window - 1 :]
    known[...] = 0.0
    doubled, span, reach = values, 1, 0
    while True:
        if window & span:
            known += doubled[..., reach : reach + known.shape[-1]]
            reach += span
        if reach == window:
            return sums
        doubled = doubled[..., :-span] + doubled[..., span:]
        span *= 2


def decayed_sum(values: FloatArray, decay: float) -> FloatArray:
    """Return ``s[t] = decay * s[t - 1] + values[t]`` along the last axis, from zero.

    Parameters
    ----------
    values : ndarray, shape (..., n_days)
        Finite.
    decay : float
        Above 0, below 1.
    """
    if values.size == 0:
        return np.zeros_like(values)
    n_days = values.shape[-1]
    # The bands of a triangular system, solved forwards, in the very steps of the recursion.
    # (scipy.signal.lfilter is the same, and loading scipy.signal takes half a second.)
    bands = np.array([[1.0], [-decay]]).repeat(n_days, axis=1)
    sums, _ = lapack.dtbtrs(bands, values.reshape(-1, n_days).T, uplo="L", diag="U")
    return np.asarray(sums.T).reshape(values.shape)
