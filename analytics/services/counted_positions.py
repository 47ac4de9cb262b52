"""Positions as their portfolios count them: without what is outside the weights, forms as coins."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analytics.core import counted_holdings
from analytics.selectors.positions import Positions

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Counted:
    """What is judged, and what is not."""

    positions: Positions
    earlier: Positions  # forms still by themselves: they had prices of their own
    outside: Floats  # (b,) US dollars outside the weights


def count(positions: Positions, closes: Floats) -> Counted:
    """Leave out and group what these portfolios have chosen to; most have chosen nothing.

    `closes` are US dollars, (n + k,) or (b, n + k), NaN where there is no price.
    """
    if positions.roles is None:
        return Counted(positions, positions, np.zeros(len(positions.portfolio_ids)))
    known = np.nan_to_num(np.broadcast_to(closes, positions.quantities.shape))
    values = positions.quantities * known
    roles = positions.roles
    aside = positions.rules.set_aside if positions.rules is not None else np.array(False)
    shares = counted_holdings.shares(
        values,
        is_money=roles.is_money,
        set_aside=aside,
        dry_powder=roles.dry_powder,
        reserves=roles.reserves,
    )
    left = replace(positions, quantities=positions.quantities * shares)
    outside = (values * (1.0 - shares)).sum(axis=1)
    return Counted(_grouped(left, closes), left, outside)


def _grouped(positions: Positions, closes: Floats) -> Positions:
    """Forms, and targets of forms, as those of their coins where the portfolio wants it."""
    assert positions.roles is not None
    rows, coins = np.flatnonzero(positions.roles.groups_forms), positions.roles.coins
    if not len(rows) or (coins < 0).all():
        return positions
    listed = slice(len(positions.listed_ids))
    prices = closes if closes.ndim == 1 else closes[0]
    quantities, targets = positions.quantities.copy(), positions.target_weights.copy()
    quantities[rows, listed] = counted_holdings.grouped(
        quantities[rows, listed], prices[listed], coins=coins
    )
    # A weight is a weight, whatever the price.
    known = np.where(prices[listed] > 0, 1.0, np.nan)
    targets[rows, listed] = counted_holdings.grouped(targets[rows, listed], known, coins=coins)
    return replace(positions, quantities=quantities, target_weights=targets)
