"""What the worst days cost: historical value at risk, plain and scaled to today's volatility."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays
from analytics.core.arrays import FloatArray
from analytics.core.errors import TooLittleHistoryError, ZeroVolatilityError
from analytics.core.moving_sums import decayed_sum

# So many daily returns of portfolios that they stay in the second-level cache.
CHUNK_RETURNS = 64_000


@dataclass(frozen=True)
class TailLosses:
    """Losses of one day as positive fractions of the portfolio (a negative one is a gain).

    Attributes
    ----------
    value_at_risk : (b,)
        Lost or exceeded on a share of 1 - level of the days.
    conditional_value_at_risk : (b,)
        The mean loss of those days, never less than `value_at_risk`.
    """

    value_at_risk: FloatArray
    conditional_value_at_risk: FloatArray


def historical(weights: ArrayLike, returns: ArrayLike, *, level: float = 0.95) -> TailLosses:
    """Read the tail off the days as they were, had the portfolio held these weights on each.

    The quantile is interpolated linearly between the two days around it (Hyndman & Fan 1996,
    type 7, as NumPy and empyrical); the conditional one is the mean of the days at or below it.

    Parameters
    ----------
    weights : array_like, shape (b, n)
        Fractions of each portfolio; what is missing to one is cash.
    returns : array_like, shape (n_days, n)
        Simple daily returns; enough days for one of them to lie in the tail, 20 for 95 %.
    level : float
        In (0, 1).

    Raises
    ------
    TooLittleHistoryError
        Not one whole day lies in the tail.
    NotFiniteError, OutOfRangeError, ShapeError
    """
    positions, moves = _checked(weights, returns, level)
    return _in_chunks(positions, moves, lambda series, _: series, level)


def filtered(
    weights: ArrayLike,
    returns: ArrayLike,
    *,
    level: float = 0.95,
    halflife: float = 30.0,
    warm_up: int = 30,
) -> TailLosses:
    """Read the tail off the days, each scaled from the volatility of its time to today's.

    A day's return is divided by the volatility forecast the evening before and multiplied by the
    one for tomorrow (Hull & White 1998, Journal of Risk 1(1)). The forecast is the exponentially
    weighted mean square of the portfolio's own returns, begun with the plain one over the first
    `warm_up` days; those days are not part of the sample.

    Parameters
    ----------
    weights, returns, level
        As for `historical`; the days after the warm-up must be enough for the tail.
    halflife : float
        Days, above 0.
    warm_up : int
        Days, at least 2.

    Raises
    ------
    TooLittleHistoryError
        Not one whole day after the warm-up lies in the tail.
    ZeroVolatilityError
        A portfolio stood still through the warm-up and moved after it: no scale is known. One
        that never moves is no error, it loses nothing.
    NotFiniteError, OutOfRangeError, ShapeError
    """
    arrays.require(0 < halflife < np.inf, "halflife", halflife, "above 0, and finite")
    arrays.require(warm_up >= 2, "warm_up", warm_up, "2 or more")
    positions, moves = _checked(weights, returns, level, unused=warm_up)
    decay = 0.5 ** (1 / halflife)
    return _in_chunks(
        positions, moves, lambda series, row: _scaled_to_today(series, row, decay, warm_up), level
    )


def _checked(
    weights: ArrayLike, returns: ArrayLike, level: float, unused: int = 0
) -> tuple[FloatArray, FloatArray]:
    arrays.require(0 < level < 1, "level", level, "in (0, 1)")
    positions = arrays.floats("weights", weights, (None, None))
    moves = arrays.floats("returns", returns, (None, positions.shape[1]))
    needed = int(np.ceil(round(1 / (1 - level), 9))) + unused
    if len(moves) < needed:
        raise TooLittleHistoryError(
            f"returns has {len(moves)} days, a tail of {1 - level:.3g} needs {needed}"
        )
    return positions, moves


def _in_chunks(
    weights: FloatArray,
    returns: FloatArray,
    scale: Callable[[FloatArray, int], FloatArray],
    level: float,
) -> TailLosses:
    losses = TailLosses(np.empty(len(weights)), np.empty(len(weights)))
    step = max(1, CHUNK_RETURNS // len(returns))
    for start in range(0, len(weights), step):
        rows = slice(start, start + step)
        with np.errstate(over="ignore", invalid="ignore"):  # refused below, by name
            portfolio_returns = weights[rows] @ returns.T
        arrays.require_finite("the return of weights", portfolio_returns)
        _read_tail(scale(portfolio_returns, start), level, losses, rows)
    return losses


def _read_tail(returns: FloatArray, level: float, losses: TailLosses, rows: slice) -> None:
    # Rounded, for 1 - 0.9 is a little less than 0.1.
    position = round((returns.shape[1] - 1) * (1 - level), 9)
    last = min(int(position), returns.shape[1] - 2)
    ordered = np.partition(returns, last + 1, axis=1)
    worst = ordered[:, : last + 1]
    edge, beyond = worst.max(axis=1), ordered[:, last + 1]
    losses.value_at_risk[rows] = -(edge + (position - last) * (beyond - edge))
    losses.conditional_value_at_risk[rows] = -worst.mean(axis=1)


def _scaled_to_today(returns: FloatArray, row: int, decay: float, warm_up: int) -> FloatArray:
    squares = returns**2
    begun = squares[:, :warm_up].mean(axis=1, keepdims=True)
    later = (1 - decay) * squares[:, warm_up:]
    later[:, :1] += decay * begun
    later = decayed_sum(later, decay)
    volatility = np.sqrt(np.concatenate([begun, later], axis=1))
    sample, forecast, tomorrow = returns[:, warm_up:], volatility[:, :-1], volatility[:, -1:]
    unscaled = (forecast == 0) & (sample != 0)
    if unscaled.any():
        row += int(np.argmax(unscaled.any(axis=1)))
        raise ZeroVolatilityError(f"the weights of row {row} stand still at first, and move later")
    return np.asarray(sample / np.where(forecast > 0, forecast, 1.0) * tomorrow)
