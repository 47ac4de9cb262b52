"""How much of weights in stablecoins a profile's drawdown limit would have taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from analytics.core import cash_shares, drawdowns, risk
from analytics.selectors.benches import Bench
from analytics.services.weight_figures import MIN_RETURNS
from analytics.services.workbench import FILLED_AFTER_DAYS
from portfolios.models import Asset

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Need:
    """The share of stablecoins, rounded up to a percent; the coins keep their proportions."""

    limit: Decimal
    share: float
    since: date
    as_of: date
    late: Sequence[Asset]  # coins whose own history begins later


@dataclass(frozen=True)
class Calmed:
    """Coins in their proportions beside a share of stablecoins."""

    share: float
    volatility: float  # a year
    max_drawdown: float  # 0 or less


def needed(bench: Bench, weights: Floats, limit: Decimal) -> Need | None:
    """What the limit would have taken with the coins of these weights (m,), each day brought back.

    Stablecoins are counted as unmoved. None where nothing at risk is measured, or fewer than 60
    days are known.
    """
    coins = _coins(bench, weights)
    if coins is None or not 0 < limit <= 1:
        return None
    days = bench.universe.days
    returns = bench.returns @ coins
    share = float(cash_shares.least(returns[None], [float(limit)])[0])
    begun = days[0] + np.timedelta64(FILLED_AFTER_DAYS, "D")
    firsts = zip(bench.assets, coins, bench.universe.first_days, strict=False)
    return Need(
        limit=limit,
        share=float(np.ceil(share * 100 - 1e-6) / 100),
        since=days[0].astype(object),
        as_of=bench.universe.as_of,
        late=[asset for asset, weight, first in firsts if weight > 0 and not first <= begun],
    )


def calm(bench: Bench, weights: Floats, shares: Sequence[float]) -> list[Calmed]:
    """What these shares of stablecoins do to the coins of weights (m,); empty as `needed` is None.

    Counted as `needed` counts, so that its share keeps the limit here, too.
    """
    coins = _coins(bench, weights)
    if coins is None:
        return []
    at_risk = 1 - np.array(shares)
    growth = np.cumprod(1 + at_risk[:, None] * (bench.returns @ coins), axis=1)
    values = np.hstack([np.ones((len(shares), 1)), growth])
    first = bench.universe.days[:1] - np.timedelta64(1, "D")
    falls = drawdowns.statistics(values, np.concatenate([first, bench.universe.days]))
    volatility = risk.contributions(coins[None], bench.covariance).volatility[0]
    return [
        Calmed(share, float(volatility * part), float(fall))
        for share, part, fall in zip(shares, at_risk, falls.max_drawdown, strict=True)
    ]


def _coins(bench: Bench, weights: Floats) -> Floats | None:
    """(m,) what of these weights is at risk and measured, as a whole."""
    risky = weights * bench.measured * ~bench.is_money
    if len(bench.universe.days) < MIN_RETURNS or not risky.sum() > 0:
        return None
    return np.asarray(risky / risky.sum())
