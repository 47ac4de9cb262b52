"""The cost of trades that pay their own fee out of the portfolio that they change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.core.arrays import FloatArray, IntArray

# How nearly a cost pays for the trades that it leaves, as a fraction of itself.
COST_ROUNDING = 1e-14


def solve(
    gap: FloatArray,
    target: FloatArray,
    fee: FloatArray,
    *,
    free_gap: FloatArray | float = 0.0,
    free_target: FloatArray | float = 0.0,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return amounts, cost c, and what is bought, with ``amounts = gap - target c``.

    Positions in rows. `gap` is the target of the value before the cost less what is held. Cash
    that trades without a fee is given apart, as `free_gap` and `free_target`.

    As targets sum to one, sells of all exceed buys by the cost. So what bears the fee trades
    ``2 buys(c) + c + free_gap - free_target c``, which times the fee is c. Buys are convex,
    falling and piecewise linear in c, so the buys without any cost bound it from above, and
    Newton's iteration from there steps below the root and rises monotonically onto its own
    linear piece, where it is exact: at most n + 2 steps, one in practice.
    """
    kept = 1 - fee * (1 - free_target)
    everyone = _Financing(gap, target, fee, fee * free_gap, kept)
    cost = everyone.improved((2 * fee * np.maximum(gap, 0.0).sum(axis=0) + fee * free_gap) / kept)
    amounts, bought = everyone.at(cost)
    rows = everyone.unsettled(bought, cost)
    for _ in range(len(gap) + 2):
        if len(rows) == 0:
            break
        some = everyone.part(rows)
        improved = some.improved(cost[rows])
        cost[rows] = improved
        amounts[:, rows], bought[rows] = some.at(improved)
        rows = rows[some.unsettled(bought[rows], improved)]
    return amounts, cost, bought


@dataclass(frozen=True)
class _Financing:
    """The equation ``kept c = 2 fee buys(c) + free_fee`` of some portfolios."""

    gap: FloatArray
    target: FloatArray
    fee: FloatArray
    free_fee: FloatArray
    kept: FloatArray

    def part(self, rows: IntArray) -> _Financing:
        gap, target = self.gap[:, rows], self.target[:, rows]
        return _Financing(gap, target, self.fee[rows], self.free_fee[rows], self.kept[rows])

    def at(self, cost: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the amounts that this cost leaves, and what they buy."""
        amounts = self.target * cost
        np.subtract(self.gap, amounts, out=amounts)
        return amounts, np.maximum(amounts, 0.0).sum(axis=0)

    def improved(self, cost: FloatArray) -> FloatArray:
        """Return Newton's next cost."""
        amounts, bought = self.at(cost)
        np.multiply(self.target, amounts > 0, out=amounts)
        slope = 2 * self.fee * amounts.sum(axis=0)
        paid = 2 * self.fee * bought + self.free_fee
        return np.asarray((paid + slope * cost) / (self.kept + slope))

    def unsettled(self, bought: FloatArray, cost: FloatArray) -> IntArray:
        error = 2 * self.fee * bought + self.free_fee - self.kept * cost
        return np.asarray((np.abs(error) > COST_ROUNDING * cost).nonzero()[0])
