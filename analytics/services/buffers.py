"""How much of weights in stablecoins a profile's drawdown limit would have taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from analytics.core import cash_shares
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


def needed(bench: Bench, weights: Floats, limit: Decimal) -> Need | None:
    """What the limit would have taken with the coins of these weights (m,), each day brought back.

    None where nothing at risk is measured, or fewer than 60 days are known.
    """
    risky = weights * bench.measured * ~bench.is_money
    days = bench.universe.days
    if len(days) < MIN_RETURNS or not risky.sum() > 0 or not 0 < limit <= 1:
        return None
    returns = bench.returns @ (risky / risky.sum())
    share = float(cash_shares.least(returns[None], [float(limit)])[0])
    begun = days[0] + np.timedelta64(FILLED_AFTER_DAYS, "D")
    firsts = zip(bench.assets, risky, bench.universe.first_days, strict=False)
    return Need(
        limit=limit,
        share=float(np.ceil(share * 100 - 1e-6) / 100),
        since=days[0].astype(object),
        as_of=bench.universe.as_of,
        late=[asset for asset, weight, first in firsts if weight > 0 and not first <= begun],
    )
