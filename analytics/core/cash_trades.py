"""Putting new cash to work by buying only, and raising cash by selling only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays
from analytics.core.arrays import BoolArray, FloatArray
from analytics.core.batches import chunks
from analytics.core.errors import (
    NegativeValueError,
    NotEnoughToSellError,
    OutOfRangeError,
    WorthlessPortfolioError,
)
from analytics.core.rebalancing import levelled, require_fee_rate, require_weights


@dataclass(frozen=True)
class CashTrades:
    """`amounts` (b, n) in money, buys positive; `cost` and `leftover_cash` (b,) in money."""

    amounts: FloatArray
    cost: FloatArray
    leftover_cash: FloatArray


def invest(
    values: ArrayLike,
    target_weights: ArrayLike,
    fee_rate: ArrayLike,
    cash: ArrayLike,
    *,
    tradable: ArrayLike | None = None,
) -> CashTrades:
    """Spend new cash on the positions furthest below their targets, and sell nothing.

    The furthest below in points is raised first, until several are equally far below, and so on:
    of all plans that only buy, this leaves the least sum of squared drifts.

    Parameters
    ----------
    values, target_weights : array_like, shape (b, n)
        As for `rebalancing.trades_to_target`, but a portfolio may be empty.
    fee_rate, cash : array_like, shape (b,)
        Fraction in [0, 1); money, 0 or more, fee included.
    tradable : array_like of bool, shape (b, n), optional
        Nothing else is bought. What this leaves unspent is `leftover_cash`.

    Raises
    ------
    WeightsSumError, NegativeWeightError, NegativeValueError, OutOfRangeError, NotFiniteError,
    ShapeError
    """
    held, targets, fee, money, allowed = _checked(values, target_weights, fee_rate, cash, tradable)
    amounts, cost, leftover = np.zeros(held.shape), np.zeros(len(held)), np.zeros(len(held))
    for rows in chunks(len(held)):
        spendable = money[rows] / (1 + fee[rows])
        total = held[rows].sum(axis=1) + spendable
        missing = np.maximum(targets[rows] * total[:, None] - held[rows], 0.0) * allowed[rows]
        amounts[rows] = levelled(missing, np.ones_like(missing), spendable)
        spent = amounts[rows].sum(axis=1)
        cost[rows] = fee[rows] * spent
        leftover[rows] = np.maximum(money[rows] - spent - cost[rows], 0.0)
    return CashTrades(amounts=amounts, cost=cost, leftover_cash=leftover)


def raise_cash(
    values: ArrayLike,
    target_weights: ArrayLike,
    fee_rate: ArrayLike,
    cash: ArrayLike,
    *,
    tradable: ArrayLike | None = None,
) -> CashTrades:
    """Sell the positions furthest above their targets until the cash is raised, and buy nothing.

    The mirror of `invest`. Where what may be sold is not far enough above its targets, the rest
    comes from all that may be sold, in proportion to what is left of it.

    Parameters
    ----------
    values, target_weights : array_like, shape (b, n)
        As for `rebalancing.trades_to_target`.
    fee_rate, cash : array_like, shape (b,)
        Fraction in [0, 1); money wanted after the fee, 0 or more.
    tradable : array_like of bool, shape (b, n), optional
        Nothing else is sold.

    Returns
    -------
    CashTrades
        `leftover_cash` is 0: the amounts bring the cash and the cost, and no more.

    Raises
    ------
    NotEnoughToSellError
        What may be sold does not bring that much.
    WorthlessPortfolioError, WeightsSumError, NegativeWeightError, NegativeValueError,
    OutOfRangeError, NotFiniteError, ShapeError
    """
    held, targets, fee, money, allowed = _checked(values, target_weights, fee_rate, cash, tradable)
    total = held.sum(axis=1)
    if (total == 0).any():
        raise WorthlessPortfolioError(f"values are all zero in {arrays.first(total == 0)}")
    wanted = money / (1 - fee)
    sellable = (held * allowed).sum(axis=1)
    lacking = wanted > sellable * (1 + 1e-12)
    if lacking.any():
        row = int(np.argmax(lacking))
        most = sellable[row] * (1 - fee[row])
        raise NotEnoughToSellError(f"cash of row {row} is {money[row]:g}, sells bring {most:g}")
    wanted = np.minimum(wanted, sellable)
    amounts = np.zeros(held.shape)
    for rows in chunks(len(held)):
        left = (total[rows] - wanted[rows])[:, None]
        excess = np.maximum(held[rows] - targets[rows] * left, 0.0) * allowed[rows]
        sold = levelled(excess, np.ones_like(excess), wanted[rows])
        rest = held[rows] * allowed[rows] - sold
        rest_sum = rest.sum(axis=1)
        still = np.maximum(wanted[rows] - sold.sum(axis=1), 0.0)
        share = np.divide(still, rest_sum, out=np.zeros_like(still), where=rest_sum > 0)
        amounts[rows] = -np.minimum(sold + rest * np.minimum(share, 1.0)[:, None], held[rows])
    return CashTrades(amounts=amounts, cost=fee * wanted, leftover_cash=np.zeros(len(held)))


def _checked(
    values: ArrayLike,
    target_weights: ArrayLike,
    fee_rate: ArrayLike,
    cash: ArrayLike,
    tradable: ArrayLike | None,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, BoolArray]:
    held = arrays.floats("values", values, (None, None))
    if (held < 0).any():
        raise NegativeValueError(f"values is negative at {arrays.first(held < 0)}")
    targets = require_weights("target_weights", target_weights)
    if targets.shape != held.shape:
        arrays.floats("target_weights", targets, held.shape)
    fee = require_fee_rate(fee_rate, len(held))
    money = arrays.floats("cash", cash, (len(held),))
    if (money < 0).any():
        raise OutOfRangeError(f"cash is negative at {arrays.first(money < 0)}")
    allowed = np.ones(held.shape, np.bool_)
    if tradable is not None:
        allowed = arrays.floats("tradable", tradable, held.shape) != 0
    return held, targets, fee, money, allowed
