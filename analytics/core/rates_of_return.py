"""What a portfolio earned while money came and went: time-weighted, and money-weighted (XIRR).

The first says how well the assets did, whenever their owner paid in; the second what the owner's
money earned, when it was there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import DAYS_PER_YEAR, arrays
from analytics.core.arrays import BoolArray, FloatArray, IntArray
from analytics.core.batches import chunks
from analytics.core.errors import (
    NegativeValueError,
    SeveralRatesError,
    TooLittleHistoryError,
    UndefinedReturnError,
)

# Numbers in one array of a chunk.
CHUNK_SIZE = 1 << 18
# Newton within a bracket that halves when a step fails: practically all end within a dozen.
STEPS = 200
STEP_ROUNDING = 1e-14
OWED_ROUNDING = 1e-9
# Where several rates could be, so many of them are looked at.
SCANNED = 2000


@dataclass(frozen=True)
class TimeWeighted:
    """`returns` (b, n_days - 1) of each day, without what flows did; `total` (b,) compounded."""

    returns: FloatArray
    total: FloatArray


@dataclass(frozen=True)
class MoneyWeighted:
    """`annual` (b,) rate; `total` (b,): the same rate over all the days, for less than a year."""

    annual: FloatArray
    total: FloatArray


def time_weighted(values: ArrayLike, flows: ArrayLike) -> TimeWeighted:
    """Return the growth of each portfolio as if nothing had been paid in or taken out.

    A flow counts from the close of its day on: ``(value - flow) / value before - 1``. So money
    put in at closing prices changes no return (the Global Investment Performance Standards ask
    for a valuation at each flow; a ledger with one close a day has that one). Where that cannot
    be, since the day began with nothing or its flow is worth less by the close than the portfolio
    could have lost, the flow counts from the start of its day.

    Parameters
    ----------
    values : array_like, shape (b, n_days)
        Money at each close, 0 or more, oldest first; at least two days.
    flows : array_like, shape (b, n_days - 1)
        Money put in (taken out if negative) between each close and the next.

    Returns
    -------
    TimeWeighted
        0 on days without any money. To count the first day, begin with a value of 0.

    Raises
    ------
    UndefinedReturnError
        Value appeared out of nothing, or more was taken out than there was; row and column of
        `flows` are named.
    NegativeValueError, TooLittleHistoryError, NotFiniteError, ShapeError
    """
    worth = arrays.floats("values", values, (None, None))
    if worth.shape[1] < 2:
        raise TooLittleHistoryError(f"values has {worth.shape[1]} days, 2 are needed")
    if (worth < 0).any():
        raise NegativeValueError(f"values is negative at {arrays.first(worth < 0)}")
    put_in = arrays.floats("flows", flows, (len(worth), worth.shape[1] - 1))
    returns, total = np.empty(put_in.shape), np.empty(len(worth))
    with np.errstate(over="ignore", invalid="ignore"):  # refused below, by name
        for rows in chunks(len(worth), max(1, CHUNK_SIZE // worth.shape[1])):
            growth = _growth(worth[rows], put_in[rows], rows.start)
            np.subtract(growth, 1.0, out=returns[rows])
            total[rows] = np.prod(growth, axis=1) - 1
    arrays.require_finite("the growth of values", total)
    return TimeWeighted(returns=returns, total=total)


def _growth(worth: FloatArray, put_in: FloatArray, first_row: int) -> FloatArray:
    """Return the growth factor of each day."""
    start, end = worth[:, :-1], worth[:, 1:] - put_in
    early = (start == 0) | (end < 0)
    start = np.where(early, start + put_in, start)
    end = np.where(early, worth[:, 1:], end)
    impossible = (start < 0) | ((start == 0) & (end > 0))
    if impossible.any():
        row, column = np.argwhere(impossible)[0]
        raise UndefinedReturnError(
            f"values do not follow from flows at row {first_row + row}, column {column}"
        )
    return np.divide(end, start, out=np.ones_like(start), where=start > 0)


def money_weighted(flows: ArrayLike, end_values: ArrayLike, days: ArrayLike) -> MoneyWeighted:
    """Return the rate at which every payment would have grown to what there is at the end (XIRR).

    The rate r of ``Σ flow (1 + r) ** ((last day - day) / 365) = end value``. There is exactly one
    where money only goes in before any comes out; and where the portfolio never owed its owner
    anything at that rate (Teichroew, Robichek & Montalbano 1965, Management Science 11). For all
    others several thousand rates are tried.

    Parameters
    ----------
    flows : array_like, shape (b, k)
        Money put in (taken out if negative) on each day, the value at the start included.
    end_values : array_like, shape (b,)
        Money there is on the last day, 0 or more.
    days : array_like, shape (k,)
        Ascending UTC days, datetime64[D] or integers since 1970-01-01.

    Returns
    -------
    MoneyWeighted
        -1 where nothing was left and nothing taken out. Rates of a few days are huge by the year.

    Raises
    ------
    UndefinedReturnError
        Nothing was put in before the last day, or less than nothing would have been there.
    SeveralRatesError
        Several rates explain the flows.
    TooLittleHistoryError
        Fewer than two days.
    NegativeValueError, UnsortedDaysError, NotFiniteError, ShapeError
    """
    put_in = arrays.floats("flows", flows, (None, None))
    left = arrays.floats("end_values", end_values, (len(put_in),))
    if (left < 0).any():
        raise NegativeValueError(f"end_values is negative at {arrays.first(left < 0)}")
    calendar = arrays.days("days", days, put_in.shape[1])
    if len(calendar) < 2:
        raise TooLittleHistoryError(f"days has {len(calendar)} days, 2 are needed")
    years = (calendar - calendar[0]).astype(np.float64) / DAYS_PER_YEAR
    log_rate = np.empty(len(put_in))
    for rows in chunks(len(put_in), max(1, CHUNK_SIZE // len(years))):
        log_rate[rows] = _log_rates(put_in[rows], left[rows], years, rows.start)
    with np.errstate(over="ignore"):
        annual, total = np.expm1(log_rate), np.expm1(log_rate * years[-1])
    arrays.require_finite("the annual rate of flows", annual)
    return MoneyWeighted(annual=annual, total=total)


@dataclass(frozen=True)
class _Payments:
    """What owners receive (paid in is negative), with the times of their first and last payment."""

    received: FloatArray  # (b, k)
    years: FloatArray  # (k,)
    first: FloatArray  # (b,)
    last: FloatArray  # (b,)

    def of(self, rows: BoolArray | IntArray) -> _Payments:
        return _Payments(self.received[rows], self.years, self.first[rows], self.last[rows])

    def discounted(self, log_rate: FloatArray) -> FloatArray:
        """Return the payments at a log rate (b,), to the end of them at which none overflows."""
        to = np.where(log_rate >= 0, self.first, self.last)
        return np.asarray(self.received * np.exp(log_rate[:, None] * (to[:, None] - self.years)))


def _log_rates(
    put_in: FloatArray, left: FloatArray, years: FloatArray, first_row: int
) -> FloatArray:
    _require_start(put_in, first_row)
    received = -put_in
    received[:, -1] += left
    paid = received != 0
    rates = np.full(len(put_in), -np.inf)
    rows = np.flatnonzero(received.max(axis=1, initial=0.0) > 0)  # of the others nothing is left
    last = len(years) - 1 - paid[rows, ::-1].argmax(axis=1)
    payments = _Payments(received[rows], years, years[paid[rows].argmax(axis=1)], years[last])
    ends_well = received[rows, last] > 0
    found = payments.of(ends_well)
    low, high = _bracket(found)
    rates[rows[ends_well]] = log_rate = _root(found, low, high)
    worth = found.discounted(log_rate)[:, :-1]
    owed = np.cumsum(worth, axis=1) > OWED_ROUNDING * np.cumsum(np.abs(worth), axis=1)
    # The portfolio had paid out more than it was given.
    owes = np.asarray(owed.any(axis=1), dtype=np.bool_)
    _refuse_several(found.of(owes), first_row + rows[ends_well][owes])
    _refuse_several(payments.of(~ends_well), first_row + rows[~ends_well])
    if not ends_well.all():
        row = first_row + rows[int(np.argmin(ends_well))]
        raise UndefinedReturnError(f"no rate explains the flows of row {row}")
    return rates


def _require_start(put_in: FloatArray, first_row: int) -> None:
    """Refuse rows that put nothing in before the last day, or take out before they put in."""
    paid = put_in[:, :-1] != 0
    begun = np.take_along_axis(put_in, paid.argmax(axis=1)[:, None], axis=1)[:, 0]
    refused = ~paid.any(axis=1) | (begun < 0)
    if refused.any():
        row = first_row + int(np.argmax(refused))
        raise UndefinedReturnError(f"flows of row {row} put nothing in before the last day")


def _bracket(payments: _Payments) -> tuple[FloatArray, FloatArray]:
    """Return log rates beyond which the first payment, or the last one, outweighs all others."""
    received, years, row = payments.received, payments.years, np.arange(len(payments.received))
    if not len(row):
        return np.zeros(0), np.zeros(0)
    paid = received != 0
    first, last = paid.argmax(axis=1), len(years) - 1 - paid[:, ::-1].argmax(axis=1)
    between = paid.copy()
    between[row, first] = between[row, last] = False
    after = np.where(between, years, payments.last[:, None]).min(axis=1)
    before = np.where(between, years, payments.first[:, None]).max(axis=1)
    whole = np.abs(received).sum(axis=1)
    over_first = np.log(whole / np.abs(received[row, first]))
    over_last = np.log(whole / np.abs(received[row, last]))
    return -over_last / (payments.last - before), over_first / (after - payments.first)


def _root(payments: _Payments, low: FloatArray, high: FloatArray) -> FloatArray:
    """Find the log rate at which what is received is worth what is paid, within its bracket.

    Newton on the logarithm of one over the other, which is nearly straight: its slope is the mean
    time of what is paid less that of what is received. A step that leaves the bracket halves it.
    """
    at, moving = np.clip(0.0, low, high), np.arange(len(low))
    for _ in range(STEPS):
        now, lowest, highest = at[moving], low[moving], high[moving]
        terms = payments.of(moving).discounted(now)
        received, paid = np.maximum(terms, 0.0), np.maximum(-terms, 0.0)
        worth, cost = received.sum(axis=1), paid.sum(axis=1)
        low[moving] = lowest = np.where(worth > cost, now, lowest)
        high[moving] = highest = np.where(worth > cost, highest, now)
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = paid @ payments.years / cost - received @ payments.years / worth
            new = now - np.log(worth / cost) / slope
        new = np.where((new >= lowest) & (new <= highest), new, (lowest + highest) / 2)
        at[moving] = new
        moving = moving[np.abs(new - now) > STEP_ROUNDING * (1 + np.abs(new))]
        if not len(moving):
            break
    return np.asarray(at)


def _refuse_several(payments: _Payments, rows: IntArray) -> None:
    """Refuse payments whose present value changes its sign more than once."""
    if not len(rows):
        return
    low, high = _bracket(payments)
    positive = np.empty((SCANNED + 1, len(low)), np.bool_)
    for step, share in enumerate(np.linspace(0.0, 1.0, SCANNED + 1)):
        positive[step] = payments.discounted(low + share * (high - low)).sum(axis=1) > 0
    several = (positive[1:] != positive[:-1]).sum(axis=0) > 1
    if several.any():
        raise SeveralRatesError(
            f"several rates explain the flows of row {rows[int(np.argmax(several))]}"
        )
