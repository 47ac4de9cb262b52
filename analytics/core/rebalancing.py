"""How far portfolios have drifted from their targets, and the trades that bring them back.

What to trade for is a matter of weights: the targets themselves, `band_edge_weights` or
`part_way_weights`. How to get there, fee included, is `trades_to_target` for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays, self_financing
from analytics.core.arrays import BoolArray, FloatArray
from analytics.core.batches import chunks
from analytics.core.errors import (
    NegativeValueError,
    NegativeWeightError,
    OutOfRangeError,
    WeightsSumError,
    WorthlessPortfolioError,
)

# Weights are rounded to 1e-16; a drift this close to its band's edge is on the edge.
EDGE_ROUNDING = 1e-12
WEIGHTS_SUM_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Trades:
    """`amounts` (b, n) in money, buys positive; `cost` (b,) in money; `one_way_turnover` (b,)."""

    amounts: FloatArray
    cost: FloatArray
    one_way_turnover: FloatArray


def drift(weights: ArrayLike, target_weights: ArrayLike) -> FloatArray:
    """Return weights minus target weights, in fractions of the portfolio.

    Parameters
    ----------
    weights, target_weights : array_like, shape (b, n)
        Of positions or of categories.

    Returns
    -------
    ndarray, shape (b, n)

    Raises
    ------
    NotFiniteError, ShapeError
    """
    held = arrays.shaped("weights", weights, (None, None))
    targets = arrays.shaped("target_weights", target_weights, held.shape)
    strayed = np.empty(held.shape)
    for rows in chunks(len(held)):
        part = strayed[rows]
        with np.errstate(invalid="ignore", over="ignore"):
            np.subtract(held[rows], targets[rows], out=part)
            squares = np.vdot(part, part)
        if not np.isfinite(squares):  # NaN, infinity, or weights that are none
            arrays.require_finite("weights", held)
            arrays.require_finite("target_weights", targets)
    return strayed


def relative_drift(weights: ArrayLike, target_weights: ArrayLike) -> FloatArray:
    """Return drift over target weight: 0.25 is a quarter more than wanted.

    Parameters and errors are those of `drift`.

    Returns
    -------
    ndarray, shape (b, n)
        Of a position that nobody wants, 0 where nothing is held and infinite where something is.
    """
    strayed = drift(weights, target_weights)
    targets = np.asarray(target_weights, dtype=np.float64)
    wanted = targets != 0
    unwanted = np.copysign(np.where(strayed == 0, 0.0, np.inf), strayed)
    return np.asarray(np.divide(strayed, targets, out=unwanted, where=wanted))


def breached(drift: ArrayLike, band: ArrayLike) -> BoolArray:
    """Tell which positions lie outside their band.

    Parameters
    ----------
    drift : array_like, shape (b, n)
        Weights minus target weights, of positions or of categories.
    band : array_like, shape (b,) or (b, n)
        Absolute half-width, 0 or more: 0.05 lets a weight stray 5 percentage points either way.
        One for each portfolio, or one for each position, as `bands.half_widths` makes them.

    Returns
    -------
    ndarray of bool, shape (b, n)
        Exactly on the edge is inside.

    Raises
    ------
    OutOfRangeError
        A band is negative.
    NotFiniteError, ShapeError
    """
    strayed = arrays.shaped("drift", drift, (None, None))
    half_width = np.asarray(band, dtype=np.float64)
    expected = strayed.shape if half_width.ndim == 2 else strayed.shape[:1]
    half_width = arrays.shaped("band", band, expected)
    wide = half_width if half_width.ndim == 2 else half_width[:, None]
    outside = np.empty(strayed.shape, dtype=np.bool_)
    for rows in chunks(len(strayed)):
        distance, edge = np.abs(strayed[rows]), wide[rows]
        if not np.isfinite(distance.max(initial=0.0)):
            arrays.require_finite("drift", strayed)
        if not (edge.min(initial=np.inf) >= 0 and edge.max(initial=0.0) < np.inf):
            arrays.require_finite("band", half_width)
            raise OutOfRangeError(f"band is negative at {arrays.first(half_width < 0)}")
        np.greater(distance, edge + EDGE_ROUNDING, out=outside[rows])
    return outside


def part_way_weights(
    weights: ArrayLike, target_weights: ArrayLike, *, share: float = 0.5
) -> FloatArray:
    """Return the weights `share` of the way from where each portfolio is to its targets.

    Parameters
    ----------
    weights, target_weights : array_like, shape (b, n)
    share : float
        In [0, 1]: 0 leaves the portfolio as it is.

    Returns
    -------
    ndarray, shape (b, n)
        Summing to one where both inputs do.

    Raises
    ------
    OutOfRangeError, NotFiniteError, ShapeError
    """
    arrays.require(0 <= share <= 1, "share", share, "in [0, 1]")
    strayed = drift(weights, target_weights)
    return np.asarray(np.asarray(target_weights, dtype=np.float64) + (1 - share) * strayed)


def band_edge_weights(
    weights: ArrayLike, target_weights: ArrayLike, half_widths: ArrayLike
) -> FloatArray:
    """Return the nearest weights that lie within all bands.

    Leland 1996: with proportional costs it is best to trade to the edge of the band, not to its
    middle. What is outside goes to its edge. If that frees more than it needs, the rest goes to
    the positions below their targets (or comes from those above), the furthest in terms of their
    bands first: all of them end at the same fraction of their bands or less. So no position
    crosses its target, and turnover is the least that ends within the bands.

    Parameters
    ----------
    weights, target_weights : array_like, shape (b, n)
        0 or more, each row summing to one.
    half_widths : array_like, shape (b, n)
        Of the bands, 0 or more.

    Returns
    -------
    ndarray, shape (b, n)
        0 or more, each row summing to one. Weights within their bands come back as they are.

    Raises
    ------
    WeightsSumError, NegativeWeightError, OutOfRangeError, NotFiniteError, ShapeError
    """
    held = require_weights("weights", weights)
    targets = require_weights("target_weights", target_weights)
    strayed = drift(held, targets)
    band = arrays.floats("half_widths", half_widths, held.shape)
    if (band < 0).any():
        raise OutOfRangeError(f"half_widths is negative at {arrays.first(band < 0)}")
    above, below = np.maximum(strayed, 0.0), np.maximum(-strayed, 0.0)
    moved = np.maximum(
        np.maximum(above - band, 0.0).sum(axis=1), np.maximum(below - band, 0.0).sum(axis=1)
    )
    sold, bought = levelled(above, band, moved), levelled(below, band, moved)
    return np.maximum(held - sold + bought, 0.0)


def levelled(excess: FloatArray, width: FloatArray, wanted: FloatArray) -> FloatArray:
    """Take `wanted` (b,) in all from `excess` (b, n), leaving no more than a common level of width.

    Solves ``sum(max(excess - level * width, 0)) == wanted`` for the level of every row. The left
    side is convex, falling and piecewise linear, so Newton's iteration from level 0 rises
    monotonically onto the root's own linear piece. Takes everything where that is not enough.
    """
    level = np.zeros(len(excess))
    for _ in range(excess.shape[1] + 2):
        left = excess - level[:, None] * width
        taken = left > 0
        surplus = np.where(taken, left, 0.0).sum(axis=1) - wanted
        slope = np.where(taken, width, 0.0).sum(axis=1)
        rises = (surplus > 0) & (slope > 0)
        step = np.divide(surplus, slope, out=np.zeros_like(level), where=rises)
        if (level + step <= level).all():
            break
        level = level + step
    return np.maximum(excess - level[:, None] * width, 0.0)


def trades_to_target(
    values: ArrayLike,
    target_weights: ArrayLike,
    fee_rate: ArrayLike,
    *,
    tradable: ArrayLike | None = None,
    never_sold: ArrayLike | None = None,
) -> Trades:
    """Return the trades that bring each portfolio exactly to its targets, fee included.

    The portfolio pays the fee itself: with total value V and cost c, position i ends at
    ``target_i (V - c)`` and ``c = fee_rate * sum(|amounts|)``. So the amounts sum to minus the
    cost, and the weights afterwards equal the targets.

    Parameters
    ----------
    values : array_like, shape (b, n)
        Money in each position, 0 or more; cash is a position like any other, and pays the fee
        like any other.
    target_weights : array_like, shape (b, n)
        0 or more, each row summing to one within 1e-9 (that remainder is spread in proportion).
    fee_rate : array_like, shape (b,)
        Fraction of the traded amount, at least 0 and below 1.
    tradable, never_sold : array_like of bool, shape (b, n), optional
        What is not tradable stays as it is; what is never sold may only be bought. The rest of
        the portfolio is brought to the proportions of its targets. Where the rest has no targets,
        nothing is traded.

    Returns
    -------
    Trades
        `one_way_turnover` is half the sum of the absolute amounts over the value before.

    Raises
    ------
    WeightsSumError, NegativeWeightError, NegativeValueError, WorthlessPortfolioError,
    OutOfRangeError, NotFiniteError, ShapeError
        Each names the row.
    """
    held = arrays.shaped("values", values, (None, None))
    targets = arrays.shaped("target_weights", target_weights, held.shape)
    fee = require_fee_rate(fee_rate, len(held))
    trades = Trades(np.empty(held.shape), np.empty(len(held)), np.empty(len(held)))
    for rows in chunks(len(held)):
        if not _trade(held, targets, fee, trades, rows):
            _refuse(held, targets)
    if tradable is None and never_sold is None:
        return trades
    may_trade = _mask("tradable", tradable, held.shape, default=True)
    may_sell = ~_mask("never_sold", never_sold, held.shape, default=False)
    return _with_holdouts(held, targets, fee, may_trade, may_sell)


def _trade(
    held: FloatArray, targets: FloatArray, fee: FloatArray, trades: Trades, rows: slice
) -> bool:
    """Fill `rows` of `trades`, or return whether they are fit for it.

    Columns first: sums over the positions are then sums of long rows, in the same order whatever
    the batch.
    """
    position, target = held[rows].T.copy(), targets[rows].T.copy()
    total, target_sum = position.sum(axis=0), target.sum(axis=0)
    if not _are_tradable(position, total, target, target_sum):
        return False
    target *= 1 / target_sum
    gap = target * total
    gap -= position
    amounts, cost, traded = self_financing.solve(gap, target, fee[rows])
    trades.amounts[rows] = amounts.T
    trades.cost[rows] = cost
    trades.one_way_turnover[rows] = traded / total / 2
    return True


def _with_holdouts(
    held: FloatArray,
    targets: FloatArray,
    fee: FloatArray,
    may_trade: BoolArray,
    may_sell: BoolArray,
) -> Trades:
    """Freeze what must not trade, and then what would be sold but must not be, until none is.

    Freezing only ever leaves less for the rest, so it is never undone: at most n rounds.
    """
    free = may_trade.copy()
    amounts, cost = np.zeros(held.shape), np.zeros(len(held))
    rows = np.arange(len(held))
    while len(rows):
        value, goal = held[rows] * free[rows], targets[rows] * free[rows]
        total, goal_sum = value.sum(axis=1), goal.sum(axis=1)
        possible = (total > 0) & (goal_sum > 0)
        amounts[rows[~possible]], cost[rows[~possible]] = 0.0, 0.0
        rows = rows[possible]
        goal = goal[possible] / goal_sum[possible, None]
        trades = trades_to_target(value[possible], goal, fee[rows])
        amounts[rows] = np.where(free[rows], trades.amounts, 0.0)
        cost[rows] = trades.cost
        forbidden = free[rows] & ~may_sell[rows] & (trades.amounts < 0)
        free[rows] &= ~forbidden
        rows = rows[forbidden.any(axis=1)]
    turnover = np.abs(amounts).sum(axis=1) / held.sum(axis=1) / 2
    return Trades(amounts=amounts, cost=cost, one_way_turnover=turnover)


def require_fee_rate(fee_rate: ArrayLike, length: int) -> FloatArray:
    """Return the fee rate of each portfolio, in [0, 1)."""
    fee = arrays.floats("fee_rate", fee_rate, (length,))
    outside = (fee < 0) | (fee >= 1)
    if outside.any():
        raise OutOfRangeError(f"fee_rate at {arrays.first(outside)} is not in [0, 1)")
    return fee


def _mask(
    name: str, values: ArrayLike | None, shape: tuple[int, ...], *, default: bool
) -> BoolArray:
    if values is None:
        return np.full(shape, default)
    return np.asarray(arrays.floats(name, values, shape) != 0)


def _are_tradable(
    held: FloatArray, total: FloatArray, targets: FloatArray, target_sum: FloatArray
) -> bool:
    """Whether `_refuse` would find nothing; comparisons with NaN are false."""
    return bool(
        held.min(initial=0.0) >= 0
        and total.min(initial=np.inf) > 0
        and total.max(initial=0.0) < np.inf
        and targets.min(initial=0.0) >= 0
        and np.abs(target_sum - 1).max(initial=0.0) <= WEIGHTS_SUM_TOLERANCE
    )


def _refuse(held: FloatArray, targets: FloatArray) -> None:
    arrays.require_finite("values", held)
    with np.errstate(over="ignore"):
        total = held.sum(axis=1)
    arrays.require_finite("the sum of values", total)
    if (held < 0).any():
        raise NegativeValueError(f"values is negative at {arrays.first(held < 0)}")
    if (total == 0).any():
        raise WorthlessPortfolioError(f"values are all zero in {arrays.first(total == 0)}")
    require_weights("target_weights", targets)


def require_weights(name: str, values: ArrayLike) -> FloatArray:
    """Return weights (b, n), 0 or more and summing to one within 1e-9, or refuse them by row."""
    weights = arrays.floats(name, values, (None, None))
    if (weights < 0).any():
        raise NegativeWeightError(f"{name} is negative at {arrays.first(weights < 0)}")
    weights_sum = weights.sum(axis=1)
    off = np.abs(weights_sum - 1) > WEIGHTS_SUM_TOLERANCE
    if off.any():
        row = int(np.argmax(off))
        raise WeightsSumError(f"{name} of row {row} sum to {weights_sum[row]:.12g}, not 1")
    return weights
