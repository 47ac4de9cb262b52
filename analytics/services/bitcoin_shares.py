"""What becomes of weights as Bitcoin's goes up or down and all others keep their proportions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.core import weight_paths
from analytics.core.errors import CoreError
from analytics.selectors.benches import Bench
from portfolios.models import RiskProfile
from portfolios.models.assets import CORE

Floats = NDArray[np.float64]

# Each twentieth of the way from nothing else to nothing but Bitcoin.
SHARES = np.arange(21) / 20


@dataclass(frozen=True)
class Point:
    """The portfolio with this share of Bitcoin; fractions."""

    share: float
    volatility: float
    effective_bets: float
    risk_share: float
    in_range: bool


@dataclass(frozen=True)
class BitcoinShare:
    points: Sequence[Point]
    share: float  # of the weights tried
    calmest: float
    low: float | None  # the profile's range, given the others; None: it has none here
    high: float | None

    @property
    def chart(self) -> dict[str, object]:
        """What charts.js draws as a path."""
        return {
            "points": [
                {"share": p.share, "volatility": p.volatility, "bets": p.effective_bets}
                for p in self.points
            ],
            "share": self.share,
            "low": self.low,
            "high": self.high,
        }

    @property
    def table(self) -> Sequence[Point]:
        """Each tenth."""
        return [point for point in self.points if round(point.share * 20) % 2 == 0]


def follow(bench: Bench, weights: Floats, profile: RiskProfile | None) -> BitcoinShare | None:
    """Risk and effective bets along Bitcoin's weight; `weights` (m,) sum to one.

    None where Bitcoin is not measured, or nothing else that is has a weight.
    """
    column = bench.bitcoin
    known = weights * bench.measured
    if column is None or not bench.measured[column] or known.sum() - known[column] <= 0:
        return None
    held = known / known.sum()
    others = np.delete(held, column) / (1 - held[column])
    still = np.delete(np.delete(bench.covariance, column, 0), column, 1)
    is_riskless = float(others @ still @ others) <= 0
    shares = SHARES[1:] if is_riskless else SHARES
    try:
        path = weight_paths.along_weight(held[None], bench.covariance, column, shares)
    except CoreError:
        return None
    low, high = _range(bench, held, column, profile)
    return BitcoinShare(
        points=[
            Point(
                share=float(share),
                volatility=float(path.volatility[0, n]),
                effective_bets=float(path.effective_bets[0, n]),
                risk_share=float(path.risk_share[0, n]),
                in_range=low is not None and high is not None and low <= share <= high,
            )
            for n, share in enumerate(shares)
        ],
        share=float(held[column]),
        calmest=float(path.calmest_weight[0]),
        low=low,
        high=high,
    )


def _range(
    bench: Bench, held: Floats, column: int, profile: RiskProfile | None
) -> tuple[float | None, float | None]:
    """Bitcoin's weights at which the core is in its range, and Bitcoin below its cap.

    Ether shrinks as Bitcoin grows: with e of what is not Bitcoin, the core is b + (1 - b) e.
    """
    if profile is None:
        return None, None
    ids = [asset.coingecko_id for asset in bench.assets]
    ether = held[ids.index(CORE[1])] if CORE[1] in ids else 0.0
    part = float(ether / (1 - held[column]))
    if part >= 1:
        return None, None
    low = max((float(profile.core_min) - part) / (1 - part), 0.0)
    high = min((float(profile.core_max) - part) / (1 - part), float(profile.bitcoin_cap))
    return (low, high) if low <= high else (None, None)
