"""Daily returns, and which assets have enough of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analytics.core import arrays
from analytics.core.arrays import BoolArray, FloatArray, IntArray
from analytics.core.errors import NotPositivePriceError, ShapeError, UnsortedDaysError

# The returns from which a figure is shown, and from which it may decide weights: at 60 days a
# correlation of 0.7 has a standard error of 0.07, at 120 days of 0.05.
DISPLAY_RETURNS = 60
OPTIMISE_RETURNS = 120
# A newest return older than this is history: a delisted asset, or a source that fell silent.
RECENT_DAYS = 7


@dataclass(frozen=True)
class Panel:
    """Closes on every day from the first to the last; NaN where a day was not observed.

    Attributes
    ----------
    days : (n_days,) datetime64[D]
        Without gaps.
    closes : (n_days, n_assets)
    """

    days: NDArray[np.datetime64]
    closes: FloatArray


@dataclass(frozen=True)
class Eligibility:
    """What each of n assets has enough returns for.

    Attributes
    ----------
    observed : (n,) int
        Days with a return.
    recent : (n,) bool
        A return on one of the last 7 days.
    moving : (n,) bool
        A return other than zero among the last 60 days. A price carried forward, or a coin held
        at exactly one, has none, and no correlation with anything.
    displayable, optimisable : (n,) bool
        Recent and moving, with at least 60 or 120 returns.
    """

    observed: IntArray
    recent: BoolArray
    moving: BoolArray
    displayable: BoolArray
    optimisable: BoolArray


def panel(days: ArrayLike, closes: ArrayLike) -> Panel:
    """Lay closes out on the calendar, so that a missing row is a day that was not observed.

    Parameters
    ----------
    days : array_like of datetime64, shape (n_rows,)
        UTC days, ascending, each once; at least one.
    closes : array_like, shape (n_rows, n_assets)
        Prices. NaN means "not observed".

    Returns
    -------
    Panel
        Nothing is filled: `closes` is NaN on the days that `days` lacks.

    Raises
    ------
    UnsortedDaysError
        A day does not follow the one before it, or is not a day at all.
    NotPositivePriceError, NotFiniteError, ShapeError
    """
    rows = np.asarray(days, dtype="datetime64[D]")
    prices = _prices(closes)
    if rows.shape != (len(prices),):
        raise ShapeError(f"days has shape {rows.shape}, expected ({len(prices)})")
    unsorted = np.isnat(rows)
    unsorted[1:] |= ~(rows[1:] > rows[:-1])
    if unsorted.any():
        raise UnsortedDaysError(f"days does not ascend at {arrays.first(unsorted)}")
    calendar = np.arange(rows[0], rows[-1] + 1)
    laid_out = np.full((len(calendar), prices.shape[1]), np.nan)
    laid_out[(rows - rows[0]).astype(np.int64)] = prices
    return Panel(calendar, laid_out)


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
    return _growth(closes) - 1


def log_returns(closes: ArrayLike) -> FloatArray:
    """Return the logarithm of each close over the day before it.

    As `simple_returns`, with ``log(closes[t + 1] / closes[t])``: for the volatility estimators,
    whose theory is in logarithms. Returns of a portfolio are simple ones, which add up across
    positions.
    """
    with np.errstate(divide="ignore"):
        returns: FloatArray = np.log(_growth(closes))
    arrays.require_finite("the return of closes", returns, nan_is_unobserved=True)
    return returns


def eligibility(returns: ArrayLike) -> Eligibility:
    """Tell which assets have enough observed, moving and recent returns, and for what.

    Parameters
    ----------
    returns : array_like, shape (n_days, n_assets)
        Daily returns, newest last. NaN means "not observed".

    Raises
    ------
    NotFiniteError
        A return is infinite: that is no missing day but a broken price.
    ShapeError
    """
    daily_returns = arrays.floats("returns", returns, (None, None), nan_is_unobserved=True)
    seen = ~np.isnan(daily_returns)
    observed = seen.sum(axis=0)
    recent = np.logical_or.reduce(seen[-RECENT_DAYS:], axis=0)
    moved = seen & (daily_returns != 0)
    moving = np.logical_or.reduce(moved[-DISPLAY_RETURNS:], axis=0)
    return Eligibility(
        observed=observed,
        recent=recent,
        moving=moving,
        displayable=recent & moving & (observed >= DISPLAY_RETURNS),
        optimisable=recent & moving & (observed >= OPTIMISE_RETURNS),
    )


def _growth(closes: ArrayLike) -> FloatArray:
    prices = _prices(closes)
    with np.errstate(over="ignore"):
        growth: FloatArray = prices[1:] / prices[:-1]
    arrays.require_finite("the return of closes", growth, nan_is_unobserved=True)
    return growth


def _prices(closes: ArrayLike) -> FloatArray:
    prices = arrays.floats("closes", closes, (None, None), nan_is_unobserved=True)
    if len(prices) == 0:
        raise ShapeError("closes has no day")
    not_positive = prices <= 0
    if not_positive.any():
        raise NotPositivePriceError(f"closes is not positive at {arrays.first(not_positive)}")
    return prices
