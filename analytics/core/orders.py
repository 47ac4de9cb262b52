"""Trades as a venue takes them: none too small, whole lots, and never more than there is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays, batches
from analytics.core.arrays import BoolArray, FloatArray
from analytics.core.errors import (
    NegativeValueError,
    NotPositivePriceError,
    OutOfRangeError,
    ShapeError,
)
from analytics.core.rebalancing import require_fee_rate

# A quantity this close below a whole lot is that lot: 0.3 / 0.1 is 2.9999999999999996.
LOT_ROUNDING = 1e-9


@dataclass(frozen=True)
class Orders:
    """What is left of the trades.

    Attributes
    ----------
    quantities, amounts : (b, n)
        In units and in money, buys positive.
    cost, leftover_cash : (b,)
        In money; the cash is never negative.
    too_small, rounded_away, unfunded : (b, n) bool
        Why a trade was skipped: below the minimum, less than a lot, or bought no more because
        the sells that were to pay for it brought too little.
    """

    quantities: FloatArray
    amounts: FloatArray
    cost: FloatArray
    leftover_cash: FloatArray
    too_small: BoolArray
    rounded_away: BoolArray
    unfunded: BoolArray


def place(
    amounts: ArrayLike,
    values: ArrayLike,
    closes: ArrayLike,
    fee_rate: ArrayLike,
    *,
    minimum: ArrayLike = 0.0,
    lot_sizes: ArrayLike = 0.0,
    cash: ArrayLike = 0.0,
) -> Orders:
    """Round trades towards nothing, and buy no more than the sells and the cash pay for.

    Every order stays between nothing and the trade asked for. Where rounded sells no longer pay
    for the buys, all buys shrink alike and are rounded again.

    Parameters
    ----------
    amounts, values : array_like, shape (b, n)
        Money to trade, buys positive; money held, 0 or more. No more is sold than held.
    closes : array_like, shape (n,)
        Prices, above 0.
    fee_rate : array_like, shape (b,)
        Of the traded amount, in [0, 1).
    minimum : array_like, broadcast to (b, n) as NumPy does
        Smallest order in money, 0 or more.
    lot_sizes : array_like, broadcast to (n,), or of shape (b, n)
        Units that can only be traded whole; 0 is any quantity.
    cash : array_like, broadcast to (b,)
        To spend beside what sells bring, 0 or more.

    Raises
    ------
    NotPositivePriceError, NegativeValueError, OutOfRangeError, NotFiniteError, ShapeError
    """
    wanted = arrays.floats("amounts", amounts, (None, None))
    held = arrays.floats("values", values, wanted.shape)
    if (held < 0).any():
        raise NegativeValueError(f"values is negative at {arrays.first(held < 0)}")
    prices = arrays.floats("closes", closes, (wanted.shape[1],))
    if (prices <= 0).any():
        raise NotPositivePriceError(f"closes is not positive at {arrays.first(prices <= 0)}")
    fee = require_fee_rate(fee_rate, len(wanted))
    least = _not_negative("minimum", minimum, wanted.shape)
    lots = _not_negative(
        "lot_sizes", lot_sizes, wanted.shape if np.ndim(lot_sizes) == 2 else prices.shape
    )
    purse = _not_negative("cash", cash, fee.shape)

    return batches.joined(
        lambda rows: _placed(
            np.maximum(wanted[rows], -held[rows]),
            held=held[rows],
            prices=prices,
            fee=fee[rows],
            least=least[rows],
            lots=lots[rows] if lots.ndim == 2 else lots,
            purse=purse[rows],
        ),
        len(wanted),
    )


def _placed(
    wanted: FloatArray,
    *,
    held: FloatArray,
    prices: FloatArray,
    fee: FloatArray,
    least: FloatArray,
    lots: FloatArray,
    purse: FloatArray,
) -> Orders:
    rounded = np.maximum(_rounded(wanted * (1 + LOT_ROUNDING), prices, lots), -held)
    rounded = np.where(lots > 0, rounded, wanted)
    sells = np.where(-rounded >= least, np.minimum(rounded, 0.0), 0.0)
    budget = (purse - (1 - fee) * sells.sum(axis=1)) / (1 + fee)
    asked = np.where(rounded >= least, np.maximum(rounded, 0.0), 0.0)
    buys = _funded(asked, budget, prices, lots)
    buys = np.where(buys >= least, buys, 0.0)
    traded = sells + buys
    cost = fee * np.abs(traded).sum(axis=1)
    return Orders(
        quantities=traded / prices,
        amounts=traded,
        cost=cost,
        leftover_cash=np.maximum(purse - traded.sum(axis=1) - cost, 0.0),
        too_small=(wanted != 0) & (np.abs(wanted) < least),
        rounded_away=(np.abs(wanted) >= least) & (wanted != 0) & (sells + asked == 0),
        unfunded=(asked > 0) & (buys == 0),
    )


def _funded(
    asked: FloatArray, budget: FloatArray, prices: FloatArray, lots: FloatArray
) -> FloatArray:
    """Shrink the buys of each row alike to its budget, and round them again."""
    total = asked.sum(axis=1)
    share = np.divide(budget, total, out=np.ones_like(total), where=total > budget)
    # A rounding error below the budget, so that the cash is not above it by one.
    share = np.where(share < 1, share * (1 - 1e-15 * asked.shape[1]), 1.0)[:, None]
    return np.where(share < 1, _rounded(asked * share, prices, lots), asked)


def _rounded(amounts: FloatArray, prices: FloatArray, lots: FloatArray) -> FloatArray:
    whole = lots > 0
    lot_value = np.where(whole, lots, 1.0) * prices
    counted = np.trunc(amounts / lot_value) * lot_value
    return np.where(whole, counted, amounts)


def _not_negative(name: str, values: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    try:
        wide = np.broadcast_to(np.asarray(values, dtype=np.float64), shape)
    except ValueError:
        raise ShapeError(f"{name} has shape {np.shape(values)}, cannot fill {shape}") from None
    array = arrays.floats(name, wide, shape)
    if (array < 0).any():
        raise OutOfRangeError(f"{name} is negative at {arrays.first(array < 0)}")
    return array
