"""How a series of daily returns did: growth, risk, and one over the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import DAYS_PER_YEAR, arrays
from analytics.core.arrays import FloatArray
from analytics.core.errors import (
    TooLittleHistoryError,
    UndefinedReturnError,
    ZeroVolatilityError,
)

# A deviation this small beside the mean is the rounding of a constant.
CONSTANT_ROUNDING = 1e-13
# So many returns that what is made of them stays in the second-level cache.
CHUNK_RETURNS = 60_000
# Days walked one after the other; the spans of so many days are walked side by side.
SPAN_DAYS = 12


@dataclass(frozen=True)
class PerformanceStatistics:
    """What b series of returns amount to; all annual figures are of 365 days.

    Attributes
    ----------
    cagr : (b,)
        Compound annual growth, ``growth ** (365 / days) - 1``.
    volatility : (b,)
        Sample standard deviation (n - 1) times √365.
    sharpe : (b,)
        Mean over standard deviation, times √365.
    sharpe_standard_error : (b,)
        ``√((1 + SR² / 2) / days)`` of the daily ratio SR, times √365: for returns that are
        independent, alike and nearly normal (Lo 2002, Financial Analysts Journal 58(4)).
        `sharpe_ratios` has the one for returns that are not.
    sortino : (b,)
        Mean over the root mean square of the losses (gains count as zero), times √365; positive
        infinity where no day lost.
    max_drawdown : (b,)
        In [-1, 0], from the start or a later peak.
    calmar : (b,)
        `cagr` over the depth of `max_drawdown`; positive infinity where there is none.
    """

    cagr: FloatArray
    volatility: FloatArray
    sharpe: FloatArray
    sharpe_standard_error: FloatArray
    sortino: FloatArray
    max_drawdown: FloatArray
    calmar: FloatArray


def statistics(returns: ArrayLike) -> PerformanceStatistics:
    """Summarise each series of daily returns.

    Parameters
    ----------
    returns : array_like, shape (b, n_days)
        Simple daily returns above -1, oldest first, at least two days; for ratios over a
        risk-free rate, the excess over it.

    Raises
    ------
    ZeroVolatilityError
        A series never changes, so it has no ratio of return to risk.
    UndefinedReturnError
        A return of -1 or less: nothing is left to grow.
    TooLittleHistoryError, NotFiniteError, ShapeError
    """
    moves = arrays.shaped("returns", returns, (None, None))
    if moves.shape[1] < 2:
        raise TooLittleHistoryError(f"returns has {moves.shape[1]} days, 2 are needed")
    figures = np.empty((5, len(moves)))
    step = max(1, CHUNK_RETURNS // moves.shape[1])
    for start in range(0, len(moves), step):
        rows = slice(start, start + step)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            figures[:3, rows] = _moments(moves[rows])
            figures[3:, rows] = _growth_and_drawdown(moves[rows])
    _require_real(moves, figures)
    return _annual(*figures, days=moves.shape[1])


def _moments(returns: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return mean, sample standard deviation and root mean square loss of each row."""
    n_days = returns.shape[1]
    mean = returns.sum(axis=1) / n_days
    square = np.vecdot(returns, returns)
    apart = square - n_days * mean**2
    cancelled = ~(apart > square / 2)  # then the difference has lost digits, or met NaN
    if cancelled.any():
        distance = returns[cancelled] - mean[cancelled, None]
        apart[cancelled] = np.vecdot(distance, distance)
    # An array of zeros: NumPy takes a minimum with a scalar three times as slowly.
    losses = np.minimum(returns, np.zeros(n_days))
    return mean, np.sqrt(apart / (n_days - 1)), np.sqrt(np.vecdot(losses, losses) / n_days)


def _growth_and_drawdown(returns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the whole growth of each row, and its least value over the peak before.

    A running product waits for itself at every step, so the days are cut into spans that are
    walked side by side. A span needs to remember its growth, the least growth from its start and
    the least up to its end, and the least of any days in it; then the few spans of a row follow
    one another.
    """
    spans = _days_of_spans(returns)
    growth, from_start, to_end, least = (spans[0].copy() for _ in range(4))
    for factor in spans[1:]:
        to_end *= factor
        np.minimum(to_end, factor, out=to_end)
        np.minimum(least, to_end, out=least)
        growth *= factor
        np.minimum(from_start, growth, out=from_start)
    value = np.cumprod(growth, axis=0)
    peak = np.maximum.accumulate(value / to_end, axis=0)  # from where the least fell
    across = (value[:-1] * from_start[1:] / peak[:-1]).min(axis=0, initial=1.0)
    return value[-1], np.minimum(across, least.min(axis=0))


def _days_of_spans(returns: FloatArray) -> FloatArray:
    """Return growth factors as (SPAN_DAYS, n_spans, b), oldest first: a day of all spans a row."""
    length, n_days = returns.shape
    whole, rest = divmod(n_days, SPAN_DAYS)
    factors = np.empty((SPAN_DAYS, whole + (rest > 0), length))
    days = returns.T.copy()
    in_spans = days[: n_days - rest].reshape(whole, SPAN_DAYS, length)
    np.add(in_spans.transpose(1, 0, 2), 1.0, out=factors[:, :whole])
    factors[:, whole:] = 1.0  # what fills up the last span changes nothing
    factors[:rest, whole:] += days[n_days - rest :, None]
    return factors


def _require_real(returns: FloatArray, figures: FloatArray) -> None:
    """Refuse what the figures betray, and only then look for the day at fault."""
    mean, deviation, _, growth, least = figures
    if not np.isfinite(figures).all() or (least <= 0).any():
        arrays.require_finite("returns", returns)
        if (returns <= -1).any():
            raise UndefinedReturnError(f"returns is -1 or less at {arrays.first(returns <= -1)}")
        arrays.require_finite("the variance of returns", deviation)
        arrays.require_finite("the growth of returns", growth)
    constant = deviation <= CONSTANT_ROUNDING * np.abs(mean)
    if constant.any():
        raise ZeroVolatilityError(f"returns never change at {arrays.first(constant)}")


def _annual(
    mean: FloatArray,
    deviation: FloatArray,
    loss: FloatArray,
    growth: FloatArray,
    least: FloatArray,
    *,
    days: int,
) -> PerformanceStatistics:
    root, daily_sharpe = np.sqrt(DAYS_PER_YEAR), mean / deviation
    with np.errstate(over="ignore", divide="ignore"):
        cagr = growth ** (DAYS_PER_YEAR / days) - 1
        sortino = root * mean / loss
    arrays.require_finite("the annual growth of returns", cagr)
    depth = 1 - least
    return PerformanceStatistics(
        cagr=cagr,
        volatility=root * deviation,
        sharpe=root * daily_sharpe,
        sharpe_standard_error=root * np.sqrt((1 + daily_sharpe**2 / 2) / days),
        sortino=sortino,
        max_drawdown=-depth,
        calmar=np.where(depth > 0, cagr / np.where(depth > 0, depth, 1.0), np.inf),
    )
