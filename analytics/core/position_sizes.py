"""How much to buy or sell so that a trade that goes wrong costs no more than was decided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays
from analytics.core.arrays import BoolArray, FloatArray
from analytics.core.errors import (
    InconsistentTradeError,
    NegativeWeightError,
    NotPositivePriceError,
    OutOfRangeError,
    ShapeError,
    WeightsSumError,
)
from analytics.core.rebalancing import require_fee_rate

SHARES_SUM_TOLERANCE = 1e-9


@dataclass(frozen=True)
class PositionSizes:
    """Of b trades with k take-profits each; money in the currency of the account.

    Attributes
    ----------
    is_long : (b,) bool
        The stop is below the entry.
    risk_amount : (b,)
        Lost at the stop, fees included.
    quantity, value : (b,)
        Units, and what they cost at the entry. More than the account needs borrowed money.
    stop_return : (b,)
        Of the price from entry to stop, as it counts for the trade: negative, long or short.
    target_returns : (b, k)
        From entry to each take-profit; positive.
    profits : (b, k)
        Of the part that is closed at each take-profit, after fees.
    profit : (b,)
        Of all of them.
    reward_to_risk : (b,)
        `profit` over `risk_amount`; negative where fees eat more than the targets bring.
    break_even : (b,)
        The price at which closing the whole pays just the fees.
    """

    is_long: BoolArray
    risk_amount: FloatArray
    quantity: FloatArray
    value: FloatArray
    stop_return: FloatArray
    target_returns: FloatArray
    profits: FloatArray
    profit: FloatArray
    reward_to_risk: FloatArray
    break_even: FloatArray


def size(
    account: ArrayLike,
    risk: ArrayLike,
    entries: ArrayLike,
    stops: ArrayLike,
    targets: ArrayLike,
    *,
    target_shares: ArrayLike | None = None,
    fee_rate: ArrayLike = 0.0,
) -> PositionSizes:
    """Size trades so that each loses `risk` of its account at its stop.

    ``quantity = account * risk / (|entry - stop| + fee_rate * (entry + stop))``: fixed fractional
    sizing (Vince 1990, Portfolio Management Formulas). The fee is paid on both the way in and the
    way out, and a stop is taken to be filled at its price, which a gap does not grant.

    Parameters
    ----------
    account : array_like, shape (b,)
        Money, above 0.
    risk : array_like, shape (b,)
        Fraction of the account, above 0 and at most 1.
    entries, stops : array_like, shape (b,)
        Prices, above 0. A stop below its entry makes a long trade, one above it a short one.
    targets : array_like, shape (b, k)
        Take-profits, prices above 0, on the other side of the entry than the stop; one or more.
    target_shares : array_like, shape (b, k), optional
        Of the quantity that is closed at each, 0 or more, each row summing to one within 1e-9;
        the same for all by default.
    fee_rate : array_like, shape () or (b,)
        Of the traded amount, in [0, 1).

    Raises
    ------
    InconsistentTradeError
        A stop is at its entry, or a target is not on the other side; row (and column) are named.
    NotPositivePriceError, OutOfRangeError, NegativeWeightError, WeightsSumError,
    NotFiniteError, ShapeError
    """
    entry = _prices("entries", entries, (None,))
    b = len(entry)
    stop = _prices("stops", stops, (b,))
    target = _prices("targets", targets, (b, None))
    money = arrays.floats("account", account, (b,))
    fraction = arrays.floats("risk", risk, (b,))
    _require_each("account", money > 0, "above 0")
    _require_each("risk", (fraction > 0) & (fraction <= 1), "in (0, 1]")
    fee = require_fee_rate(np.broadcast_to(fee_rate, (b,)), b)
    closed = _shares(target_shares, target.shape)
    side = _sides(entry, stop, target)

    risk_amount = money * fraction
    with np.errstate(over="ignore"):  # refused below, by name
        quantity = risk_amount / (np.abs(entry - stop) + fee * (entry + stop))
    gains = side[:, None] * (target - entry[:, None])
    fees = fee[:, None] * (target + entry[:, None])
    profits = quantity[:, None] * closed * (gains - fees)
    profit = profits.sum(axis=1)
    arrays.require_finite("the quantity of a trade", quantity)
    arrays.require_finite("the profit of a trade", profit)
    return PositionSizes(
        is_long=side > 0,
        risk_amount=risk_amount,
        quantity=quantity,
        value=quantity * entry,
        stop_return=-np.abs(entry - stop) / entry,
        target_returns=gains / entry[:, None],
        profits=profits,
        profit=profit,
        reward_to_risk=profit / risk_amount,
        break_even=entry * (1 + side * fee) / (1 - side * fee),
    )


def _prices(name: str, values: ArrayLike, shape: tuple[int | None, ...]) -> FloatArray:
    prices = arrays.floats(name, values, shape)
    if (prices <= 0).any():
        raise NotPositivePriceError(f"{name} is not positive at {arrays.first(prices <= 0)}")
    return prices


def _require_each(name: str, holds: BoolArray, bound: str) -> None:
    if not holds.all():
        raise OutOfRangeError(f"{name} at {arrays.first(~holds)} is not {bound}")


def _shares(target_shares: ArrayLike | None, shape: tuple[int, ...]) -> FloatArray:
    if shape[1] == 0:
        raise ShapeError("targets has no column")
    if target_shares is None:
        return np.full(shape, 1 / shape[1])
    shares = arrays.floats("target_shares", target_shares, shape)
    if (shares < 0).any():
        raise NegativeWeightError(f"target_shares is negative at {arrays.first(shares < 0)}")
    total = shares.sum(axis=1)
    off = np.abs(total - 1) > SHARES_SUM_TOLERANCE
    if off.any():
        row = int(np.argmax(off))
        raise WeightsSumError(f"target_shares of row {row} sum to {total[row]:.12g}, not 1")
    return shares


def _sides(entry: FloatArray, stop: FloatArray, target: FloatArray) -> FloatArray:
    """Return 1 for a long trade and -1 for a short one."""
    side = np.sign(entry - stop)
    if (side == 0).any():
        raise InconsistentTradeError(f"stops is the entry itself at {arrays.first(side == 0)}")
    astray = side[:, None] * (target - entry[:, None]) <= 0
    if astray.any():
        raise InconsistentTradeError(
            f"targets at {arrays.first(astray)} is not on the other side of the entry than the stop"
        )
    return np.asarray(side)
