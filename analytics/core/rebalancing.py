"""How far portfolios have drifted from their targets, and the trades that bring them back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays
from analytics.core.arrays import BoolArray, FloatArray
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
    """Return weights minus target weights, in fractions of the portfolio, shape (b, n)."""
    held = arrays.floats("weights", weights, (None, None))
    return held - arrays.floats("target_weights", target_weights, held.shape)


def breached(drift: ArrayLike, band: ArrayLike) -> BoolArray:
    """Tell which positions lie outside their portfolio's band.

    Parameters
    ----------
    drift : array_like, shape (b, n)
        Weights minus target weights.
    band : array_like, shape (b,)
        Absolute half-width, 0 or more: 0.05 lets a weight stray 5 percentage points either way.

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
    strayed = arrays.floats("drift", drift, (None, None))
    half_width = arrays.floats("band", band, (len(strayed),))
    if (half_width < 0).any():
        raise OutOfRangeError(f"band is negative at {arrays.first(half_width < 0)}")
    outside: BoolArray = np.abs(strayed) > half_width[:, None] + EDGE_ROUNDING
    return outside


def trades_to_target(values: ArrayLike, target_weights: ArrayLike, fee_rate: ArrayLike) -> Trades:
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
    held = arrays.floats("values", values, (None, None))
    targets = arrays.floats("target_weights", target_weights, held.shape)
    fee = arrays.floats("fee_rate", fee_rate, (len(held),))
    total = held.sum(axis=1)
    target_sum = targets.sum(axis=1)
    _require_tradable(held, total, targets, target_sum, fee)

    targets = targets / target_sum[:, None]
    cost = _self_financing_cost(held, total, targets, fee)
    amounts = targets * (total - cost)[:, None] - held
    return Trades(
        amounts=amounts,
        cost=cost,
        one_way_turnover=np.abs(amounts).sum(axis=1) / total / 2,
    )


def _self_financing_cost(
    held: FloatArray, total: FloatArray, targets: FloatArray, fee: FloatArray
) -> FloatArray:
    """Solve ``c = fee * sum(|targets (total - c) - held|)`` for every row.

    The right side is convex and piecewise linear in c, so Newton's iteration from c = 0 rises
    monotonically and lands on the root's own linear piece, where it is exact. A step that finds
    no new piece ends it: at most n + 2 steps, two or three in practice.
    """
    cost = np.zeros_like(total)
    for _ in range(held.shape[1] + 2):
        side = np.sign(targets * (total - cost)[:, None] - held)
        bought_less_sold = np.einsum("bn,bn->b", side, targets * total[:, None] - held)
        improved = fee * bought_less_sold / (1 + fee * np.einsum("bn,bn->b", side, targets))
        if (improved <= cost).all():
            break
        cost = np.maximum(cost, improved)
    return cost


def _require_tradable(
    held: FloatArray,
    total: FloatArray,
    targets: FloatArray,
    target_sum: FloatArray,
    fee: FloatArray,
) -> None:
    arrays.require_finite("the sum of values", total)
    if (held < 0).any():
        raise NegativeValueError(f"values is negative at {arrays.first(held < 0)}")
    if (total == 0).any():
        raise WorthlessPortfolioError(f"values are all zero in {arrays.first(total == 0)}")
    if (targets < 0).any():
        raise NegativeWeightError(f"target_weights is negative at {arrays.first(targets < 0)}")
    off = np.abs(target_sum - 1) > WEIGHTS_SUM_TOLERANCE
    if off.any():
        row = int(np.argmax(off))
        raise WeightsSumError(f"target_weights of row {row} sum to {target_sum[row]:.12g}, not 1")
    outside = (fee < 0) | (fee >= 1)
    if outside.any():
        raise OutOfRangeError(f"fee_rate at {arrays.first(outside)} is not in [0, 1)")
