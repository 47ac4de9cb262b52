"""Who trades when in a backtest, and at what cost: the walk through its days.

Everything here is checked input of `backtests.run`, assets in rows and policies in columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.core import self_financing
from analytics.core.arrays import BoolArray, FloatArray, IntArray
from analytics.core.batches import chunks
from analytics.core.rebalancing import EDGE_ROUNDING, band_edge_weights

# So many trades that their rows stay in the second-level cache.
CHUNK_TRADES = 1024


@dataclass(frozen=True)
class Market:
    """Prices with a last column for waiting cash; 1 before an asset's first price.

    A day's weights are judged by its own regime, and its trades made for the regime in which they
    were called for.
    """

    prices: FloatArray  # (n_days, n + 1)
    listed: BoolArray  # (n_days, n)
    judged: IntArray  # (n_days,)
    traded: IntArray  # (n_days,)

    def changes(self) -> BoolArray:
        """The days on which an asset appears or a regime changes."""
        differs = (self.listed[1:] != self.listed[:-1]).any(axis=1)
        for regime in (self.judged, self.traded):
            differs |= regime[1:] != regime[:-1]
        return np.append(True, differs)


@dataclass(frozen=True)
class Policies:
    """A chunk of policies in r regimes, assets in rows as the loop over the days wants them."""

    targets: FloatArray  # (r, n, p)
    bands: FloatArray  # (r, n, p)
    fee: FloatArray  # (p,)
    signals: BoolArray  # (s, n_days)
    schedule: IntArray  # (p,), -1 without one
    to_edge: bool

    def goals(self, regime: int, listed: BoolArray) -> FloatArray:
        """Target weights (n + 1, p) of a day, what is not listed being cash."""
        targets = self.targets[regime]
        return np.vstack([targets * listed[:, None], targets[~listed].sum(axis=0)])

    def called(self, outside: BoolArray, day: int) -> BoolArray:
        """Who calls for a trade: its band, or its schedule."""
        if len(self.signals) == 0:
            return outside
        return np.asarray(outside | (self.signals[self.schedule, day] & (self.schedule >= 0)))


@dataclass(frozen=True)
class Trades:
    """By day and policy, (k,) each; weights (n + 1, k) where they are not the targets."""

    policy: IntArray
    day: IntArray
    since: IntArray  # the day of the policy's trade before, or the first
    weights_since: FloatArray | None
    weights_after: FloatArray | None


def walk(
    market: Market, policies: Policies, delay: int, growth: FloatArray
) -> tuple[IntArray, Trades]:
    """Return breaches and trades; fill in the growth (n_days, p) since each policy's last trade."""
    book = _Book(market, policies)
    n_policies = growth.shape[1]
    breaches, pending = np.zeros(n_policies, np.int64), np.zeros(n_policies, np.bool_)
    for day, renewed in enumerate(market.changes()):
        if renewed:
            book.renew(day)
        outside = book.outside(day, growth[day])
        if delay:
            due = pending
            outside &= ~due  # today's trade mends what the bands find today
            pending = policies.called(outside, day)
        else:
            due = policies.called(outside, day)
        breaches += outside
        columns = due.nonzero()[0]
        if len(columns):
            book.trade(day, columns, growth[day])
        if len(columns) and market.traded[day] != market.judged[day]:
            # Today's trade was for yesterday's regime; today's may want another.
            still = book.outside(day, np.empty(n_policies))[columns]
            breaches[columns] += still
            pending[columns] |= still
    return breaches, book.trades()


class _Book:
    """Units and edges of a chunk of policies, per unit of value at each one's last trade.

    A weight w above its upper edge u is ``units * price / u > value``, and the same the other way
    round for the lower edge: with the units divided by the edges beforehand, a day costs one
    product and one maximum. Rows: units over upper edges (n), minus units over lower edges (n),
    units (n), waiting cash.
    """

    def __init__(self, market: Market, policies: Policies) -> None:
        n, n_policies = policies.targets.shape[1:]
        self.market, self.policies, self.n = market, policies, n
        self.prices = market.prices[:, [*range(n), *range(n), *range(n + 1)]][:, :, None]
        self.unit_per_money = 1 / self.prices
        self.rows = np.empty((3 * n + 1, n_policies))
        self.weights = policies.goals(market.traded[0], market.listed[0])  # after the last trade
        self.rows[2 * n :] = self.weights * self.unit_per_money[0, 2 * n :]
        self.at_edges = np.empty((2 * n, n_policies))
        self.extremes = np.empty((2, n_policies))
        self.traded: list[tuple[int, IntArray, IntArray]] = []
        self.last_trade = np.zeros(n_policies, np.int64)
        self.weights_traded: list[tuple[FloatArray, FloatArray]] = []

    def renew(self, day: int) -> None:
        """Follow a change of the listed assets or of the regime."""
        listed, traded = self.market.listed[day], self.market.traded[day]
        self.listed = listed[:, None]
        self.targets = self.policies.targets[self.market.judged[day]]
        self.band = self.policies.bands[self.market.judged[day]]
        self.traded_band = self.policies.bands[traded]
        self.goals = self.policies.goals(traded, listed)
        everyone = slice(None)
        self.at_goals = self._with_edges(self.goals, everyone)
        self.rows = self._with_edges(self.rows[2 * self.n :], everyone)

    def outside(self, day: int, value: FloatArray) -> BoolArray:
        """Tell who has a weight outside its band, and fill in what everyone is worth."""
        np.dot(self.market.prices[day], self.rows[2 * self.n :], out=value)
        np.multiply(self.rows[: 2 * self.n], self.prices[day, : 2 * self.n], out=self.at_edges)
        np.maximum.reduce(self.at_edges.reshape(2, self.n, -1), axis=1, out=self.extremes)
        return np.asarray((self.extremes[0] > value) | (self.extremes[1] > -value))

    def trade(self, day: int, columns: IntArray, value: FloatArray) -> None:
        """Trade some policies, to their targets or to the nearest edge."""
        self.traded.append((day, columns, self.last_trade[columns]))
        self.last_trade[columns] = day
        if self.policies.to_edge:
            after = self._edge_weights(day, columns, value)
            self.weights_traded.append((self.weights[:, columns], after))
            self.weights[:, columns] = after
            rows = self._with_edges(after, columns)
        else:
            rows = self.at_goals.take(columns, axis=1)
        rows *= self.unit_per_money[day]
        self.rows[:, columns] = rows

    def trades(self) -> Trades:
        counts = [len(columns) for _, columns, _ in self.traded]
        none = np.empty(0, np.int64)
        since, after = (
            (np.concatenate(part, axis=1) for part in zip(*self.weights_traded, strict=True))
            if self.weights_traded
            else (None, None)
        )
        return Trades(
            policy=np.concatenate([none, *(columns for _, columns, _ in self.traded)]),
            day=np.repeat(np.array([day for day, _, _ in self.traded], np.int64), counts),
            since=np.concatenate([none, *(last for _, _, last in self.traded)]),
            weights_since=since,
            weights_after=after,
        )

    def _edge_weights(self, day: int, columns: IntArray, value: FloatArray) -> FloatArray:
        """The nearest weights within the bands; waiting cash is not judged, it may be anything."""
        weights = self.rows[2 * self.n :, columns] * self.prices[day, 2 * self.n :]
        band = np.vstack([self.traded_band[:, columns], np.ones(len(columns))])
        goals = self.goals[:, columns]
        weights /= value[columns]
        return band_edge_weights(weights.T, goals.T, np.minimum(band, 1.0).T).T

    def _with_edges(self, units: FloatArray, columns: IntArray | slice) -> FloatArray:
        targets, band = self.targets[:, columns], self.band[:, columns]
        low, high = targets - band - EDGE_ROUNDING, targets + band + EDGE_ROUNDING
        can_fall_out = self.listed & (low > 0)
        over_low = np.full(low.shape, -np.inf)
        np.divide(-units[:-1], low, out=over_low, where=can_fall_out)
        return np.vstack([units[:-1] / high, over_low, units])


def costs(market: Market, policies: Policies, trades: Trades) -> tuple[FloatArray, FloatArray]:
    """Return one-way turnover and cost (k,) of the trades, as fractions of the value before."""
    turnover, cost = np.empty(len(trades.day)), np.empty(len(trades.day))
    fee, prices = policies.fee[trades.policy], market.prices.T.copy()
    for rows in chunks(len(trades.day), CHUNK_TRADES):
        since, day = trades.since[rows], trades.day[rows]
        if trades.weights_since is None or trades.weights_after is None:
            held = _at_target(market, policies, trades.policy[rows], since)
            after = _at_target(market, policies, trades.policy[rows], day)
        else:
            held, after = trades.weights_since[:, rows].copy(), trades.weights_after[:, rows]
        held *= prices.take(day, axis=1)
        held /= prices.take(since, axis=1)
        held /= held.sum(axis=0)
        gap = after - held
        _, cost[rows], traded = self_financing.solve(
            gap[:-1], after[:-1], fee[rows], free_target=after[-1]
        )
        turnover[rows] = (traded + np.abs(gap[-1] - after[-1] * cost[rows])) / 2
    return turnover, cost


def _at_target(market: Market, policies: Policies, policy: IntArray, day: IntArray) -> FloatArray:
    """Weights (n + 1, k) after trading to target on these days."""
    n_regimes, n, _ = policies.targets.shape
    weights = np.zeros((n + 1, len(policy)))
    if n_regimes == 1:
        policies.targets[0].take(policy, axis=1, out=weights[:-1])
    else:
        weights[:-1] = policies.targets[market.traded[day], :, policy].T
    if not market.listed.all():
        waiting = np.where(market.listed[day].T, 0.0, weights[:-1])
        weights[:-1] -= waiting
        weights[-1] = waiting.sum(axis=0)
    return weights
