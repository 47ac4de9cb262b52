"""Market regimes as rule-based state machines; so far the volatility axis.

A label depends on that day and the days before it only, so history is never repainted: the label
of day t computed from the data up to t equals the one computed from all data. It does depend on
where the data begin, since hysteresis remembers: give the whole history, or at least the same
start every night.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from analytics.core import DAYS_PER_YEAR, arrays
from analytics.core.arrays import BoolArray, FloatArray
from analytics.core.returns import simple_returns

# Calibrated on Bitcoin's daily closes 2012-2024: the fewest days that leave no high-volatility
# episode shorter than a fortnight (two days leave one of five), and still confirm the crashes of
# March 2020 and June 2022 while they last. One to five days all do the latter.
CONFIRMATION_DAYS = 3


@dataclass(frozen=True)
class VolatilityAxis:
    """One entry per day; `percentile` is NaN and `high` false where `known` is false."""

    realised_volatility: FloatArray
    percentile: FloatArray
    high: BoolArray
    known: BoolArray


def realised_volatility(closes: ArrayLike, *, window: int = 30) -> FloatArray:
    """Return the annualised standard deviation of the last `window` simple returns of each day.

    Parameters
    ----------
    closes : array_like, shape (n_days,)
        Prices, oldest first, without gaps.
    window : int
        Returns, at least 2.

    Returns
    -------
    ndarray, shape (n_days,)
        Sample standard deviation (n - 1) times the square root of 365. NaN on the first `window`
        days, while the window is not full.

    Raises
    ------
    NotPositivePriceError, NotFiniteError, OutOfRangeError, ShapeError
    """
    prices = arrays.floats("closes", closes, (None,))
    arrays.require(window >= 2, "window", window, "2 or more")
    volatility = np.full(len(prices), np.nan)
    if len(prices) > 0:
        returns = simple_returns(prices[:, None])[:, 0]
        if len(returns) >= window:
            daily = sliding_window_view(returns, window).std(axis=1, ddof=1)
            volatility[window:] = daily * np.sqrt(DAYS_PER_YEAR)
    arrays.require_finite("the volatility of closes", volatility[window:])
    return volatility


def volatility_axis(
    closes: ArrayLike,
    *,
    window: int = 30,
    lookback: int = 365,
    enter: float = 0.90,
    leave: float = 0.75,
    confirmation_days: int = CONFIRMATION_DAYS,
) -> VolatilityAxis:
    """Tell on which days volatility is high compared with the year before.

    High begins on the day that completes `confirmation_days` consecutive days with a percentile
    above `enter`, and ends on the day that completes as many below `leave`.

    Parameters
    ----------
    closes : array_like, shape (n_days,)
        Prices, oldest first, without gaps, from the same start every night.
    window : int
        Returns in one realised volatility.
    lookback : int
        Volatilities a day is ranked among, itself included; at least 2.
    enter, leave : float
        Percentiles in [0, 1], `leave` not above `enter`.
    confirmation_days : int
        At least 1.

    Returns
    -------
    VolatilityAxis
        The percentile is the share of the other `lookback` - 1 volatilities that are lower. Known
        from the close number `window` + `lookback` on.

    Raises
    ------
    NotPositivePriceError, NotFiniteError, OutOfRangeError, ShapeError
    """
    arrays.require(lookback >= 2, "lookback", lookback, "2 or more")
    arrays.require(0 <= enter <= 1, "enter", enter, "in [0, 1]")
    arrays.require(0 <= leave <= enter, "leave", leave, "in [0, enter]")
    arrays.require(confirmation_days >= 1, "confirmation_days", confirmation_days, "1 or more")
    volatility = realised_volatility(closes, window=window)
    percentile = np.full(len(volatility), np.nan)
    if len(volatility) >= window + lookback:
        trailing = sliding_window_view(volatility[window:], lookback)
        lower = (trailing[:, :-1] < trailing[:, -1:]).sum(axis=1)
        percentile[window + lookback - 1 :] = lower / (lookback - 1)
    return VolatilityAxis(
        realised_volatility=volatility,
        percentile=percentile,
        high=_confirmed(percentile > enter, percentile < leave, confirmation_days),
        known=~np.isnan(percentile),
    )


def _confirmed(enters: BoolArray, leaves: BoolArray, confirmation_days: int) -> BoolArray:
    """Switch on after so many consecutive days of `enters`, off after as many of `leaves`."""
    states = np.zeros(len(enters), dtype=np.bool_)
    state, streak = False, 0
    for day, (enter, leave) in enumerate(zip(enters, leaves, strict=True)):
        streak = streak + 1 if (leave if state else enter) else 0
        if streak == confirmation_days:
            state, streak = not state, 0
        states[day] = state
    return states
