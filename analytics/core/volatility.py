"""Annualised volatility of each asset, day by day, from closes alone or from open to close.

All but `ewma` see the logarithms of prices, as their theory does: log prices that diffuse with a
constant volatility. There the squares of these estimates are unbiased: Parkinson's and
Garman–Klass's without drift, the others with any. None but close-to-close and Yang–Zhang counts a
jump between one day's close and the next day's open; a market that never closes has hardly any.

A window of 30 days is known from its last day on. NaN is "not known": the window is not full yet,
or one of its days was not observed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import DAYS_PER_YEAR, arrays
from analytics.core.arrays import FloatArray
from analytics.core.errors import InconsistentPricesError, NotPositivePriceError
from analytics.core.moving_sums import decayed_sum, moving_sum
from analytics.core.returns import log_returns

WINDOW = 30
# Wilder 1978, "New Concepts in Technical Trading Systems".
TRUE_RANGE_WINDOW = 14


class _Day(NamedTuple):
    """Logarithms of high, low and close over that day's open, each (n_days, n_assets)."""

    high: FloatArray
    low: FloatArray
    close: FloatArray


def close_to_close(closes: ArrayLike, *, window: int = WINDOW) -> FloatArray:
    """Return the sample standard deviation of the last `window` log returns.

    Parameters
    ----------
    closes : array_like, shape (n_days, n_assets)
        Prices, oldest first. NaN means "not observed".
    window : int
        Returns, at least 2.

    Returns
    -------
    ndarray, shape (n_days, n_assets)
        Annualised by the square root of 365. NaN where not known: at least on the first `window`
        days.

    Raises
    ------
    NotPositivePriceError, NotFiniteError, OutOfRangeError, ShapeError
    """
    arrays.require(window >= 2, "window", window, "2 or more")
    returns = log_returns(closes)
    unknown = np.full((1, returns.shape[1]), np.nan)
    return np.concatenate([unknown, _annualised(_moving_variance(returns, window))])


def ewma(returns: ArrayLike, *, halflife: float = 30.0) -> FloatArray:
    """Return the volatility that `covariance.ewma` would have told on each day.

    The root of the exponentially weighted mean of the squared returns, zero-mean, over the
    observed days (J.P. Morgan & Reuters 1996, section 5.3).

    Parameters
    ----------
    returns : array_like, shape (n_days, n_assets)
        Simple daily returns, oldest first. NaN means "not observed".
    halflife : float
        Days, above 0.

    Returns
    -------
    ndarray, shape (n_days, n_assets)
        Annualised. On a day without a return the last estimate holds. NaN until an asset has two
        returns, and after a silence so long that nothing of them is left in float64.

    Raises
    ------
    NotFiniteError, OutOfRangeError, ShapeError
    """
    daily_returns = arrays.floats("returns", returns, (None, None), nan_is_unobserved=True)
    arrays.require(halflife > 0, "halflife", halflife, "above 0")
    seen = ~np.isnan(daily_returns)
    with np.errstate(over="ignore"):
        squares = np.where(seen, daily_returns, 0.0) ** 2
    arrays.require_finite("the variance of returns", squares)
    decay = 0.5 ** (1 / halflife)
    total, weight = (decayed_sum(values.T, decay).T for values in (squares, seen + 0.0))
    known = (seen.cumsum(axis=0) >= 2) & (weight >= np.finfo(np.float64).tiny)
    return _annualised(np.where(known, total / np.where(known, weight, 1.0), np.nan))


def parkinson(
    opens: ArrayLike, highs: ArrayLike, lows: ArrayLike, closes: ArrayLike, *, window: int = WINDOW
) -> FloatArray:
    """Estimate volatility from the range of each day: five times fewer days for the same error.

    ``mean(log(high / low)**2) / (4 log 2)`` (Parkinson 1980, J. Business 53). Assumes no drift.

    Parameters
    ----------
    opens, highs, lows, closes : array_like, shape (n_days, n_assets)
        Prices, oldest first. NaN means "not observed": without one of its four a day is unknown.
    window : int
        Days, at least 1.

    Returns
    -------
    ndarray, shape (n_days, n_assets)
        Annualised by the square root of 365. NaN where not known: at least on the first
        `window` - 1 days.

    Raises
    ------
    InconsistentPricesError
        An open or close lies outside the day's range.
    NotPositivePriceError, NotFiniteError, OutOfRangeError, ShapeError
    """
    day = _day(opens, highs, lows, closes)
    return _annualised(_moving_mean((day.high - day.low) ** 2 / (4 * np.log(2)), window))


def garman_klass(
    opens: ArrayLike, highs: ArrayLike, lows: ArrayLike, closes: ArrayLike, *, window: int = WINDOW
) -> FloatArray:
    """Estimate volatility from range and close of each day.

    ``mean(log(high / low)**2 / 2 - (2 log 2 - 1) log(close / open)**2)``, the practical form of
    Garman & Klass 1980 (J. Business 53, equation 20 without its small cross terms). Assumes no
    drift. Otherwise as `parkinson`.
    """
    day = _day(opens, highs, lows, closes)
    variance = (day.high - day.low) ** 2 / 2 - (2 * np.log(2) - 1) * day.close**2
    return _annualised(_moving_mean(variance, window))


def rogers_satchell(
    opens: ArrayLike, highs: ArrayLike, lows: ArrayLike, closes: ArrayLike, *, window: int = WINDOW
) -> FloatArray:
    """Estimate volatility from range and close of each day, whatever the drift.

    The mean of ``log(h / o) log(h / c) + log(l / o) log(l / c)`` (Rogers & Satchell 1991, Annals
    of Applied Probability 1). Otherwise as `parkinson`.
    """
    return _annualised(_moving_mean(_rogers_satchell(_day(opens, highs, lows, closes)), window))


def yang_zhang(
    opens: ArrayLike, highs: ArrayLike, lows: ArrayLike, closes: ArrayLike, *, window: int = WINDOW
) -> FloatArray:
    """Estimate volatility from open to close and from close to open, whatever drift and jumps.

    The variance of the jumps from close to open, plus that from open to close as a blend of its
    sample variance and Rogers–Satchell's estimate, weighed for the least error (Yang & Zhang
    2000, J. Business 73). Otherwise as `parkinson`, with a `window` of at least 2, known from
    one day later on, since the first day has no jump.
    """
    arrays.require(window >= 2, "window", window, "2 or more")
    day = _day(opens, highs, lows, closes)
    jump = np.full_like(day.close, np.nan)
    jump[1:] = np.log(np.asarray(opens, dtype=np.float64)[1:] / np.asarray(closes)[:-1])
    share = 0.34 / (1.34 + (window + 1) / (window - 1))
    return _annualised(
        _moving_variance(jump, window)
        + share * _moving_variance(day.close, window)
        + (1 - share) * _moving_mean(_rogers_satchell(day), window)
    )


def average_true_range(
    highs: ArrayLike, lows: ArrayLike, closes: ArrayLike, *, window: int = TRUE_RANGE_WINDOW
) -> FloatArray:
    """Return Wilder's average true range (1978), in the currency of the prices.

    A true range is the day's range, stretched to the close before it. The first average is the
    mean of `window` true ranges; each later one is ``((window - 1) * before + newest) / window``.

    Parameters
    ----------
    highs, lows, closes : array_like, shape (n_days, n_assets)
        Prices, oldest first. NaN means "not observed": the average then starts anew.
    window : int
        True ranges, at least 1.

    Returns
    -------
    ndarray, shape (n_days, n_assets)
        Not annualised. NaN until `window` true ranges in a row are known; the first day has none.

    Raises
    ------
    InconsistentPricesError
        A close lies outside the day's range.
    NotPositivePriceError, NotFiniteError, OutOfRangeError, ShapeError
    """
    arrays.require(window >= 1, "window", window, "1 or more")
    high, low, close = _prices(highs=highs, lows=lows, closes=closes)
    _require_within_range("closes", close, high, low)
    true_range = np.full_like(close, np.nan)
    true_range[1:] = np.maximum(high[1:], close[:-1]) - np.minimum(low[1:], close[:-1])
    average = moving_sum(true_range.T, window).T / window
    for today in range(1, len(average)):
        before = average[today - 1]
        smoothed = before + (true_range[today] - before) / window
        average[today] = np.where(np.isnan(before), average[today], smoothed)
    return average


def _rogers_satchell(day: _Day) -> FloatArray:
    variance: FloatArray = day.high * (day.high - day.close) + day.low * (day.low - day.close)
    return variance


def _day(opens: ArrayLike, highs: ArrayLike, lows: ArrayLike, closes: ArrayLike) -> _Day:
    """Return a day seen from its open, unknown altogether where one of its four prices is."""
    opened, high, low, close = _prices(opens=opens, highs=highs, lows=lows, closes=closes)
    _require_within_range("opens", opened, high, low)
    _require_within_range("closes", close, high, low)
    unknown = np.isnan(opened + high + low + close)
    with np.errstate(over="ignore", divide="ignore"):
        seen_from_open = [np.log(price / opened) for price in (high, low, close)]
    for name, logarithm in zip(("highs", "lows", "closes"), seen_from_open, strict=True):
        arrays.require_finite(f"{name} over opens", logarithm, nan_is_unobserved=True)
        logarithm[unknown] = np.nan
    return _Day(*seen_from_open)


def _prices(**named: ArrayLike) -> list[FloatArray]:
    prices: list[FloatArray] = []
    for name, values in named.items():
        shape = prices[0].shape if prices else (None, None)
        price = arrays.floats(name, values, shape, nan_is_unobserved=True)
        if (price <= 0).any():
            raise NotPositivePriceError(f"{name} is not positive at {arrays.first(price <= 0)}")
        prices.append(price)
    return prices


def _require_within_range(name: str, price: FloatArray, high: FloatArray, low: FloatArray) -> None:
    outside = (price > high) | (price < low) | (low > high)
    if outside.any():
        raise InconsistentPricesError(
            f"{name} lies outside the range from lows to highs at {arrays.first(outside)}"
        )


def _moving_mean(values: FloatArray, window: int) -> FloatArray:
    arrays.require(window >= 1, "window", window, "1 or more")
    return moving_sum(values.T, window).T / window


def _moving_variance(values: FloatArray, window: int) -> FloatArray:
    """Return the sample variance of each window, about the window's own mean."""
    mean = _moving_mean(values, window)
    variance = (_moving_mean(values**2, window) - mean**2) * (window / (window - 1))
    return np.asarray(np.maximum(variance, 0.0))


def _annualised(daily_variance: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(daily_variance * DAYS_PER_YEAR))
