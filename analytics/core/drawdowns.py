"""How far below its peak a portfolio stood, how deep at worst, and how long it took to return."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays, batches
from analytics.core.arrays import BoolArray, DayArray, FloatArray, IntArray
from analytics.core.errors import NotPositivePriceError, ShapeError

NO_DAY = np.datetime64("NaT", "D")
# So many values that what is made of them stays small beside the input.
CHUNK_VALUES = 250_000


@dataclass(frozen=True)
class DrawdownStatistics:
    """The worst of b portfolios.

    Attributes
    ----------
    max_drawdown : (b,)
        In [-1, 0]; 0 for a portfolio that never fell.
    peak, trough, recovery : (b,) datetime64[D]
        The day of the peak it fell from (the last one at that value), of its lowest value, and of
        the first value at or above the peak again. NaT: never fell, or has not recovered.
    days_to_recover : (b,) int
        From the trough to the recovery; -1 where there is none (yet).
    longest_under_water : (b,) int
        The most days from a peak to its recovery, or to the last day.
    ulcer_index : (b,)
        Root mean square of the drawdowns of all days (Martin & McCann 1989).
    """

    max_drawdown: FloatArray
    peak: DayArray
    trough: DayArray
    recovery: DayArray
    days_to_recover: IntArray
    longest_under_water: IntArray
    ulcer_index: FloatArray


def series(values: ArrayLike) -> FloatArray:
    """Return the distance of each value from the highest so far.

    Parameters
    ----------
    values : array_like, shape (b, n_days)
        Values or prices above zero, oldest first, at least one day.

    Returns
    -------
    ndarray, shape (b, n_days)
        ``value / running peak - 1``, in [-1, 0].

    Raises
    ------
    NotPositivePriceError, NotFiniteError, ShapeError
    """
    worth = _values(values)
    return np.asarray(worth / np.maximum.accumulate(worth, axis=1) - 1)


def statistics(values: ArrayLike, days: ArrayLike) -> DrawdownStatistics:
    """Find the deepest drawdown of each portfolio with its days, and the longest.

    Parameters
    ----------
    values : array_like, shape (b, n_days)
        Values or prices above zero, oldest first, at least one day.
    days : array_like, shape (n_days,)
        Ascending UTC days, datetime64[D] or integers since 1970-01-01; days may be missing.

    Raises
    ------
    UnsortedDaysError, NotPositivePriceError, NotFiniteError, ShapeError
    """
    worth = _values(values)
    calendar = arrays.days("days", days, worth.shape[1])
    size = max(1, CHUNK_VALUES // worth.shape[1])
    return batches.joined(lambda rows: _statistics(worth[rows], calendar), len(worth), size)


def _values(values: ArrayLike) -> FloatArray:
    worth = arrays.floats("values", values, (None, None))
    if worth.shape[1] == 0:
        raise ShapeError("values has no day")
    if (worth <= 0).any():
        raise NotPositivePriceError(f"values is not positive at {arrays.first(worth <= 0)}")
    return worth


def _statistics(worth: FloatArray, calendar: DayArray) -> DrawdownStatistics:
    peaks = np.maximum.accumulate(worth, axis=1)
    drawdown = worth / peaks - 1
    row, position = np.arange(len(worth)), np.arange(worth.shape[1])
    at_peak = worth == peaks
    last_peak = np.maximum.accumulate(np.where(at_peak, position, 0), axis=1)
    trough = drawdown.argmin(axis=1)
    recovers = at_peak & (position > trough[:, None])
    recovery = recovers.argmax(axis=1)
    fell, recovered = drawdown[row, trough] < 0, recovers.any(axis=1)
    recovered &= fell
    days_to_recover = (calendar[recovery] - calendar[trough]).astype(np.int64)
    return DrawdownStatistics(
        max_drawdown=drawdown[row, trough],
        peak=np.where(fell, calendar[last_peak[row, trough]], NO_DAY),
        trough=np.where(fell, calendar[trough], NO_DAY),
        recovery=np.where(recovered, calendar[recovery], NO_DAY),
        days_to_recover=np.where(recovered, days_to_recover, -1),
        longest_under_water=_longest_under_water(at_peak, last_peak, calendar),
        ulcer_index=np.sqrt(np.einsum("bt,bt->b", drawdown, drawdown) / worth.shape[1]),
    )


def _longest_under_water(at_peak: BoolArray, last_peak: IntArray, calendar: DayArray) -> IntArray:
    """A day under water, and the one after it, are counted from the peak before it."""
    under = ~at_peak
    number = calendar.astype(np.int64)
    since = (number - number[last_peak]) * under
    until_next = (number[1:] - number[last_peak[:, :-1]]) * under[:, :-1]
    return np.asarray(np.maximum(since.max(axis=1), until_next.max(axis=1, initial=0)))
