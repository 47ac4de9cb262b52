"""What switching between targets by a label of each day would have done with past prices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays, self_financing
from analytics.core.arrays import BoolArray, FloatArray, IntArray
from analytics.core.errors import NotPositivePriceError, OutOfRangeError, ShapeError
from analytics.core.rebalancing import require_fee_rate


@dataclass(frozen=True)
class Switching:
    """p policies over n_days closes.

    Attributes
    ----------
    nav : (n_days, p)
        Value after the trades of the day; 1 before the first.
    traded : (p,)
        All that was bought and sold, each trade as a fraction of the value at its time, summed.
    cost : (p,)
        Paid in all, likewise.
    trades : (p,) int
        Days on which a policy traded, the first purchase included.
    """

    nav: FloatArray
    traded: FloatArray
    cost: FloatArray
    trades: IntArray


def run(
    closes: ArrayLike,
    labels: ArrayLike,
    targets: ArrayLike,
    *,
    rebalances: ArrayLike | None = None,
    fee_rate: ArrayLike = 0.0,
    delay: int = 1,
) -> Switching:
    """Backtest p policies, each with a target for every label, on the same prices.

    A policy trades to the target of the label of `delay` days ago, on the first day on which
    there is one and whenever that target changes, or, if it `rebalances`, whenever the label
    does; in between nobody trades and weights drift. What a target leaves of one is cash, which
    earns nothing and trades without a fee.

    Parameters
    ----------
    closes : array_like, shape (n_days, n)
        Prices, oldest first.
    labels : array_like of int, shape (n_days,)
        As known at each close, from 0 to k - 1.
    targets : array_like, shape (p, k, n)
        0 or more, each row summing to one at most.
    rebalances : array_like of bool, shape (p,), optional
        Who trades back to the same target, too, when the label changes.
    fee_rate : array_like, shape () or (p,)
        Of the traded amount, in [0, 1), paid by the portfolio: trades are self-financing.
    delay : int
        At least 1: nobody trades at the very close that is judged.

    Raises
    ------
    NotPositivePriceError, NotFiniteError, OutOfRangeError, ShapeError
    """
    arrays.require(delay >= 1, "delay", delay, "1 or more")
    prices = _prices(closes)
    wanted = _targets(targets, prices.shape[1])
    label = _labels(labels, len(prices), wanted.shape[1])
    fee = require_fee_rate(np.broadcast_to(fee_rate, len(wanted)), len(wanted))
    always = np.zeros(len(wanted), np.bool_)
    if rebalances is not None:
        always = arrays.booleans("rebalances", rebalances, always.shape)
    walk = _Walk(prices, wanted, always, fee)
    if len(prices) > delay:
        in_force = label[: len(label) - delay]
        changes = np.flatnonzero(np.diff(in_force, prepend=-1))
        for row in changes:
            walk.trade(int(row) + delay, int(in_force[row]))
    walk.drift(len(prices) - 1)
    return Switching(nav=walk.nav, traded=walk.traded, cost=walk.cost, trades=walk.trades)


class _Walk:
    """Where all policies stand: units of value, weights and the day of their last trade."""

    def __init__(
        self, prices: FloatArray, targets: FloatArray, always: BoolArray, fee: FloatArray
    ) -> None:
        self.prices, self.targets, self.always, self.fee = prices, targets, always, fee
        n_policies, n_assets = len(targets), prices.shape[1]
        self.nav = np.ones((len(prices), n_policies))
        self.weights = np.zeros((n_assets, n_policies))
        self.target = np.full((n_assets, n_policies), np.nan)
        self.traded, self.cost = np.zeros(n_policies), np.zeros(n_policies)
        self.trades = np.zeros(n_policies, np.int64)
        self.day = 0

    def drift(self, day: int) -> None:
        """Hold everything until the close of `day`."""
        if day <= self.day:
            return
        growth = self.prices[self.day + 1 : day + 1] / self.prices[self.day]
        cash = 1 - self.weights.sum(axis=0)
        value = growth @ self.weights + cash
        self.nav[self.day + 1 : day + 1] = self.nav[self.day] * value
        self.weights *= growth[-1][:, None] / value[-1]
        self.day = day

    def trade(self, day: int, label: int) -> None:
        """Trade, at the close of `day`, where the target of `label` is another than before."""
        self.drift(day)
        target = self.targets[:, label].T
        switches = (target != self.target).any(axis=0) | self.always
        gap = np.where(switches, target - self.weights, 0.0)
        _, cost, traded = self_financing.solve(
            gap, target, self.fee, free_target=1 - target.sum(axis=0)
        )
        self.weights[:, switches] = target[:, switches]
        self.target = target.copy()
        self.nav[day] *= 1 - cost
        self.traded += traded
        self.cost += cost
        self.trades += traded > 0


def _prices(closes: ArrayLike) -> FloatArray:
    prices = arrays.floats("closes", closes, (None, None))
    if prices.size == 0:
        raise ShapeError("closes has no day or no asset")
    if (prices <= 0).any():
        raise NotPositivePriceError(f"closes is not positive at {arrays.first(prices <= 0)}")
    return prices


def _targets(targets: ArrayLike, n_assets: int) -> FloatArray:
    wanted = arrays.floats("targets", targets, (None, None, n_assets))
    refused = (wanted < 0).any(axis=2) | (wanted.sum(axis=2) > 1 + 1e-12)
    if refused.any():
        policy, label = np.argwhere(refused)[0]
        raise OutOfRangeError(
            f"targets of policy {policy} for label {label} are negative, or sum to more than one"
        )
    return wanted


def _labels(labels: ArrayLike, n_days: int, n_labels: int) -> IntArray:
    label = arrays.integers("labels", labels, (n_days,))
    unknown = (label < 0) | (label >= n_labels)
    if unknown.any():
        raise OutOfRangeError(f"labels has no target at {arrays.first(unknown)}")
    return label
