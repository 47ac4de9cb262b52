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
    free_target: FloatArray | float = 0.0,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return amounts, cost c, and the sum of what trades, with ``amounts = gap - target c``.

    Positions in rows. `gap` is the target of the value before the cost less what is held. Cash
    that trades without a fee is no row here; it has the rest of the targets, `free_target`.

    Solves ``c = fee * traded(c)``. As all targets and all that is held sum to the same, what
    trades is twice the buys, and what is sold beyond them: ``c (1 - free_target)`` and a constant.
    Buys are convex, falling and piecewise linear in c, so taking them without any cost bounds it
    from above, and Newton's iteration from there steps below the root and rises monotonically
    onto its own linear piece, where it is exact: at most n + 2 steps, one in practice.
    """
    everyone = _Financing(gap, target, fee, 1 - fee * (1 - free_target))
    most = fee * np.abs(gap).sum(axis=0) / everyone.kept
    cost = everyone.improved(most)
    amounts, traded = everyone.at(cost)
    rows = everyone.unsettled(traded, cost)
    for _ in range(len(gap) + 2):
        if len(rows) == 0:
            break
        some = everyone.part(rows)
        cost[rows] = some.improved(cost[rows])
        amounts[:, rows], traded[rows] = some.at(cost[rows])
        rows = rows[some.unsettled(traded[rows], cost[rows])]
    return amounts, cost, traded


@dataclass(frozen=True)
class _Financing:
    gap: FloatArray
    target: FloatArray
    fee: FloatArray
    kept: FloatArray  # 1 - fee * (1 - free_target)

    def part(self, rows: IntArray) -> _Financing:
        return _Financing(self.gap[:, rows], self.target[:, rows], self.fee[rows], self.kept[rows])

    def at(self, cost: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the amounts that this cost leaves, and the sum of what trades."""
        amounts = self.target * cost
        np.subtract(self.gap, amounts, out=amounts)
        return amounts, np.abs(amounts).sum(axis=0)

    def improved(self, cost: FloatArray) -> FloatArray:
        """Return Newton's next cost."""
        amounts, traded = self.at(cost)
        np.multiply(self.target, amounts > 0, out=amounts)
        slope = 2 * self.fee * amounts.sum(axis=0)  # of what buys pay
        unpaid = self.fee * traded - cost
        return np.asarray(cost + unpaid / (self.kept + slope))

    def unsettled(self, traded: FloatArray, cost: FloatArray) -> IntArray:
        unpaid = self.fee * traded - cost
        return np.asarray((np.abs(unpaid) > COST_ROUNDING * cost).nonzero()[0])
