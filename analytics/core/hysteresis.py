"""States that a series enters beyond one threshold and leaves only beyond another.

A state of a day depends on that day and the days before it, so it is never repainted. It does
depend on where the series begins: give the whole history, or the same start every night.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analytics.core import arrays
from analytics.core.arrays import BoolArray

StateArray = NDArray[np.int8]

# Calibrated on Bitcoin's daily closes 2012-2024: the fewest days that leave no high-volatility
# episode shorter than a fortnight (two days leave one of five), and still confirm the crashes of
# March 2020 and June 2022 while they last. One to five days all do the latter.
CONFIRMATION_DAYS = 3
# What was not observed for longer than a week is not the state of today.
MEMORY_DAYS = 7


@dataclass(frozen=True)
class Thresholds:
    """Where a series enters and leaves its high and its low state; None: it has no such state.

    Attributes
    ----------
    high, low : (float, float) or None
        Enter and leave. High is entered at or above the first and left below the second; low is
        entered at or below the first and left above the second.
    """

    high: tuple[float, float] | None = None
    low: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.high:
            arrays.require(self.high[1] <= self.high[0], "high", self.high[1], "left at or below")
        if self.low:
            arrays.require(self.low[1] >= self.low[0], "low", self.low[1], "left at or above")
        if self.high and self.low:
            apart = self.low[0] < self.high[1] and self.low[1] < self.high[0]
            arrays.require(apart, "low", self.low[0], "below what high is left at")


def states(
    series: ArrayLike,
    thresholds: Thresholds,
    *,
    confirmation_days: int = CONFIRMATION_DAYS,
    memory_days: int = MEMORY_DAYS,
) -> StateArray:
    """Tell on which days each series is in its high (1) or its low state (-1), or in neither (0).

    A state begins on the day that completes `confirmation_days` consecutive days beyond its
    first threshold, and ends on the day that completes as many beyond its second. A day without
    an observation interrupts a confirmation and has no state; the state before it is remembered
    through `memory_days` such days in a row.

    Parameters
    ----------
    series : array_like, shape (..., n_days)
        Oldest first. NaN means "not observed".
    thresholds : Thresholds
    confirmation_days : int
        At least 1.
    memory_days : int
        At least 0.

    Returns
    -------
    ndarray of int8, shape (..., n_days)

    Raises
    ------
    NotFiniteError, OutOfRangeError
    """
    arrays.require(confirmation_days >= 1, "confirmation_days", confirmation_days, "1 or more")
    arrays.require(memory_days >= 0, "memory_days", memory_days, "0 or more")
    values = np.asarray(series, dtype=np.float64)
    arrays.require_finite("series", values, nan_is_unobserved=True)
    unobserved = np.isnan(values)
    forgotten = _streak(unobserved) > memory_days
    state = np.zeros(values.shape, np.int8)
    for sign, pair in ((1, thresholds.high), (-1, thresholds.low)):
        if pair is not None:
            beyond, back = sign * values >= sign * pair[0], sign * values < sign * pair[1]
            entered = _streak(beyond) >= confirmation_days
            left = (_streak(back) >= confirmation_days) | forgotten
            state[(_last(entered) > _last(left)) & ~unobserved] = sign
    return state


def days_in_state(state: ArrayLike) -> NDArray[np.int64]:
    """Return how many days in a row, this one included, each day's state has lasted.

    Parameters
    ----------
    state : array_like of int, shape (..., n_days)
    """
    values = np.asarray(state)
    same = np.zeros(values.shape, np.bool_)
    same[..., 1:] = values[..., 1:] == values[..., :-1]
    return _streak(same) + 1


def _streak(holds: BoolArray) -> NDArray[np.int64]:
    """Return for how many days in a row, up to each, something has held."""
    days = np.arange(holds.shape[-1], dtype=np.int64)
    return np.asarray(days - _last(~holds), dtype=np.int64)


def _last(holds: BoolArray) -> NDArray[np.int64]:
    """Return the row of the last day, up to each, on which something held; -1 before the first."""
    days = np.arange(holds.shape[-1], dtype=np.int64)
    return np.maximum.accumulate(np.where(holds, days, -1), axis=-1)
