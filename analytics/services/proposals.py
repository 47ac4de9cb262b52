"""Where a portfolio may go: to its targets, part of the way, or with new cash or for cash alone."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from analytics.core import cash_trades, rebalancing

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Propose = Callable[[Floats], Floats]


def to_target(
    values: Floats,
    target_weights: Floats,
    *,
    may_sell: Flags | None = None,
    may_trade: Flags | None = None,
) -> Propose:
    """To these weights, as far as what may trade lets it; without masks everything may."""
    bound = np.empty(0, dtype=np.int64)
    if may_sell is not None and may_trade is not None:
        bound = np.flatnonzero(~(may_sell & may_trade).all(axis=1))

    def propose(rate: Floats) -> Floats:
        amounts = rebalancing.trades_to_target(values, target_weights, rate).amounts
        if may_sell is not None and may_trade is not None and len(bound):
            amounts[bound] = rebalancing.trades_to_target(
                values[bound],
                target_weights[bound],
                rate[bound],
                tradable=may_trade[bound],
                never_sold=~may_sell[bound],
            ).amounts
        return amounts

    return propose


def part_way(values: Floats, target_weights: Floats, *, share: float, **may: Flags) -> Propose:
    """A share of the way to the targets."""
    weights = values / values.sum(axis=1)[:, None]
    aims = rebalancing.part_way_weights(weights, target_weights, share=share)
    return to_target(values, aims, **may)


def to_edge(values: Floats, target_weights: Floats, half_widths: Floats, **may: Flags) -> Propose:
    """To the nearest weights inside all bands."""
    weights = values / values.sum(axis=1)[:, None]
    aims = rebalancing.band_edge_weights(weights, target_weights, half_widths)
    return to_target(values, aims, **may)


def invest(values: Floats, target_weights: Floats, cash: Floats, *, may_trade: Flags) -> Propose:
    """Only buys, of what is furthest below its target."""

    def propose(rate: Floats) -> Floats:
        return cash_trades.invest(values, target_weights, rate, cash, tradable=may_trade).amounts

    return propose


def raise_cash(values: Floats, target_weights: Floats, cash: Floats, *, may_sell: Flags) -> Propose:
    """Only sells, of what is furthest above its target. Raises NotEnoughToSellError."""

    def propose(rate: Floats) -> Floats:
        return cash_trades.raise_cash(values, target_weights, rate, cash, tradable=may_sell).amounts

    return propose
