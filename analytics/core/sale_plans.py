"""Which lots to sell, and what the sale gains and is taxed.

A plan in float64, for looking ahead. What was sold in fact is matched exactly, in decimals, by the
ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays
from analytics.core.arrays import BoolArray, DayArray, FloatArray, IntArray
from analytics.core.errors import (
    NegativeQuantityError,
    NotEnoughToSellError,
    NotPositivePriceError,
    OutOfRangeError,
)

# A sale this much above all lots, as a fraction of them, is a sale of all of them.
QUANTITY_ROUNDING = 1e-12


class Order(StrEnum):
    """Which lots of an asset go first; of equal ones the older, then the upper row."""

    FIFO = "fifo"
    LIFO = "lifo"  # of equally young ones the lower row
    HIFO = "hifo"  # the highest unit cost first: the least gain
    LEAST_TAX = "least-tax"


@dataclass(frozen=True)
class Lots:
    """k lots of n assets.

    Attributes
    ----------
    asset : (k,) int
        Column of `closes`.
    quantity : (k,)
        Units, 0 or more.
    unit_cost : (k,)
        Money paid for a unit, fees included; 0 or more.
    acquired : (k,) datetime64[D], or int days since 1970-01-01
    """

    asset: ArrayLike
    quantity: ArrayLike
    unit_cost: ArrayLike
    acquired: ArrayLike


@dataclass(frozen=True)
class TaxRates:
    """Fractions of a gain; long-term is held for more than `long_term_days`.

    Each is one number, or one for each lot (k,): lots of several people are planned in one call.
    """

    short_term: ArrayLike = 0.0
    long_term: ArrayLike = 0.0
    long_term_days: ArrayLike = 365


@dataclass(frozen=True)
class SalePlan:
    """Of k lots, in their given order.

    Attributes
    ----------
    sold : (k,)
        Units.
    gain : (k,)
        Proceeds less the fee and the cost of what is sold; negative is a loss.
    tax : (k,)
        Rate times gain. Negative for a loss: what it saves where there are gains to set it off.
    holding_days : (k,) int
    long_term : (k,) bool
    loss_per_unit : (k,)
        What a sale of the lot would lose on each unit, 0 where it would not.
    """

    sold: FloatArray
    gain: FloatArray
    tax: FloatArray
    holding_days: IntArray
    long_term: BoolArray
    loss_per_unit: FloatArray


def plan(
    lots: Lots,
    closes: ArrayLike,
    quantities: ArrayLike,
    day: np.datetime64 | int,
    *,
    order: Order | ArrayLike = Order.FIFO,
    rates: TaxRates = TaxRates(),
    fee_rate: ArrayLike = 0.0,
) -> SalePlan:
    """Choose the lots of every asset that a sale takes.

    The tax is linear in what is sold of each lot, so taking the lots with the least tax a unit
    first is the least tax of all choices.

    Parameters
    ----------
    lots : Lots
    closes : array_like, shape (n,)
        Money a unit, above 0.
    quantities : array_like, shape (n,)
        Units to sell of each asset, 0 or more.
    day : datetime64[D] or int
        Of the sale, no lot acquired later.
    order : Order, or array_like, shape (k,)
        Or a rank of each lot, the lowest first: lots named one by one.
    rates : TaxRates
    fee_rate : array_like, shape () or (n,)
        Fraction of the proceeds, in [0, 1).

    Raises
    ------
    NotEnoughToSellError
        More units to sell than the lots hold, by asset column.
    NegativeQuantityError, NotPositivePriceError, OutOfRangeError, NotFiniteError, ShapeError
    """
    prices = arrays.floats("closes", closes, (None,))
    if (prices <= 0).any():
        raise NotPositivePriceError(f"closes is not positive in {arrays.columns(prices <= 0)}")
    fee = arrays.floats("fee_rate", np.broadcast_to(fee_rate, prices.shape), prices.shape)
    if ((fee < 0) | (fee >= 1)).any():
        raise OutOfRangeError(
            f"fee_rate is not in [0, 1) in {arrays.columns((fee < 0) | (fee >= 1))}"
        )
    asset, held, unit_cost, holding_days = _checked(lots, len(prices), day)
    wanted = _wanted(quantities, asset, held, len(prices))
    rate, long_term = _rate(holding_days, rates)
    unit_gain = (prices * (1 - fee))[asset] - unit_cost
    rank = _rank(order, holding_days, unit_cost, rate * unit_gain)
    sold = _taken(asset, held, wanted, rank)
    return SalePlan(
        sold=sold,
        gain=sold * unit_gain,
        tax=sold * unit_gain * rate,
        holding_days=holding_days,
        long_term=long_term,
        loss_per_unit=np.maximum(-unit_gain, 0.0),
    )


def harvest(
    lots: Lots,
    closes: ArrayLike,
    day: np.datetime64 | int,
    *,
    rates: TaxRates = TaxRates(),
    fee_rate: ArrayLike = 0.0,
) -> SalePlan:
    """Plan the sale of every lot that would sell at a loss, and of no other.

    Parameters and errors are those of `plan`.
    """
    n_assets = len(arrays.floats("closes", closes, (None,)))
    nothing = plan(lots, closes, np.zeros(n_assets), day, rates=rates, fee_rate=fee_rate)
    sold = np.where(nothing.loss_per_unit > 0, np.asarray(lots.quantity, dtype=np.float64), 0.0)
    gain = -sold * nothing.loss_per_unit + 0.0
    rate, _ = _rate(nothing.holding_days, rates)
    return SalePlan(
        sold=sold,
        gain=gain,
        tax=gain * rate,
        holding_days=nothing.holding_days,
        long_term=nothing.long_term,
        loss_per_unit=nothing.loss_per_unit,
    )


def _taken(asset: IntArray, held: FloatArray, wanted: FloatArray, rank: IntArray) -> FloatArray:
    """Fill each asset's sale from its lots in the order of their ranks."""
    queue = np.lexsort((rank, asset))
    before = np.zeros(len(queue))
    for row, lot in enumerate(queue[:-1]):
        if asset[queue[row + 1]] == asset[lot]:
            before[row + 1] = before[row] + held[lot]
    sold = np.empty(len(queue))
    sold[queue] = np.clip(wanted[asset[queue]] - before, 0.0, held[queue])
    return sold


def _rank(
    order: Order | ArrayLike,
    holding_days: IntArray,
    unit_cost: FloatArray,
    unit_tax: FloatArray,
) -> IntArray:
    row = np.arange(len(holding_days))
    if isinstance(order, str):
        keys: dict[Order, tuple[FloatArray | IntArray, ...]] = {
            Order.FIFO: (row, -holding_days),
            Order.LIFO: (-row, holding_days),
            Order.HIFO: (row, -holding_days, -unit_cost),
            Order.LEAST_TAX: (row, -holding_days, -unit_cost, unit_tax),
        }
        queue = np.lexsort(keys[Order(order)])
    else:
        queue = np.argsort(arrays.floats("order", order, row.shape), kind="stable")
    rank = np.empty(len(queue), np.int64)
    rank[queue] = row
    return rank


def _rate(holding_days: IntArray, rates: TaxRates) -> tuple[FloatArray, BoolArray]:
    shape = holding_days.shape
    fractions = []
    for name, given in (("short_term", rates.short_term), ("long_term", rates.long_term)):
        fraction = arrays.floats(name, np.broadcast_to(given, shape), shape)
        outside = (fraction < 0) | (fraction > 1)
        if outside.any():
            raise OutOfRangeError(f"{name} is not in [0, 1] at {arrays.first(outside)}")
        fractions.append(fraction)
    long_term = holding_days > np.asarray(rates.long_term_days)
    return np.where(long_term, fractions[1], fractions[0]), long_term


def _wanted(quantities: ArrayLike, asset: IntArray, held: FloatArray, n_assets: int) -> FloatArray:
    wanted = arrays.floats("quantities", quantities, (n_assets,))
    if (wanted < 0).any():
        raise NegativeQuantityError(f"quantities is negative in {arrays.columns(wanted < 0)}")
    available = np.bincount(asset, held, n_assets).astype(np.float64)
    lacking = wanted > available * (1 + QUANTITY_ROUNDING)
    if lacking.any():
        raise NotEnoughToSellError(f"lots hold less than quantities in {arrays.columns(lacking)}")
    return wanted


def _checked(
    lots: Lots, n_assets: int, day: np.datetime64 | int
) -> tuple[IntArray, FloatArray, FloatArray, IntArray]:
    asset = arrays.integers("asset", lots.asset, (None,))
    unknown = (asset < 0) | (asset >= n_assets)
    if unknown.any():
        raise OutOfRangeError(f"asset has no close at {arrays.first(unknown)}")
    held = arrays.floats("quantity", lots.quantity, asset.shape)
    if (held < 0).any():
        raise NegativeQuantityError(f"quantity is negative at {arrays.first(held < 0)}")
    unit_cost = arrays.floats("unit_cost", lots.unit_cost, asset.shape)
    if (unit_cost < 0).any():
        raise OutOfRangeError(f"unit_cost is negative at {arrays.first(unit_cost < 0)}")
    sold_on = arrays.days("day", np.asarray(day)[None])[0]
    holding_days = (sold_on - _acquired(lots.acquired, len(asset))).astype(np.int64)
    if (holding_days < 0).any():
        raise OutOfRangeError(f"acquired is after the sale at {arrays.first(holding_days < 0)}")
    return asset, held, unit_cost, holding_days


def _acquired(values: ArrayLike, length: int) -> DayArray:
    """Days in any order, as lots come."""
    given = np.asarray(values)
    if given.dtype != np.dtype("datetime64[D]"):
        given = arrays.integers("acquired", given, (length,)).astype("datetime64[D]")
    ordered, inverse = np.unique(given, return_inverse=True)
    return np.asarray(arrays.days("acquired", ordered)[inverse])
