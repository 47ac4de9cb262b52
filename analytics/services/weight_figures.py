"""What weights mean: risk, losses, spread and yield of any weights of a bench's assets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from analytics.core import drawdowns, risk, tail_risk
from analytics.core.errors import CoreError
from analytics.selectors.benches import Bench

Floats = NDArray[np.float64]

# The worst days of a year; fewer than this tell nothing about them.
TAIL_DAYS = 365
MIN_RETURNS = 60


@dataclass(frozen=True)
class Figures:
    """Of one set of weights, in fractions; None where nothing tells.

    Risk is that of the measured part, `coverage` of the whole, as on every page.
    """

    coverage: float
    volatility: float | None
    max_drawdown: float | None  # 0 or less
    peak: date | None
    trough: date | None
    cvar: float | None  # the mean loss of the worst 5 % of a year's days, positive
    beta: float | None
    correlation: float | None
    effective_bets: float | None
    risk_score: float
    core_share: float
    stablecoin_share: float
    assumed_yield: float


def measure(bench: Bench, weights: Sequence[Floats]) -> list[Figures]:
    """The figures of each of these weights (m,) of the bench's assets, each summing to one."""
    held = np.array(weights).reshape(len(weights), len(bench.assets))
    coverage = np.minimum(held @ bench.measured, 1.0)
    known = held * bench.measured / np.where(coverage > 0, coverage, 1.0)[:, None]
    falls = _drawdowns(bench, known)
    tails = _tails(bench, known)
    return [
        Figures(
            coverage=float(coverage[row]),
            max_drawdown=float(falls.max_drawdown[row]) if falls and coverage[row] > 0 else None,
            peak=_day(falls.peak[row]) if falls else None,
            trough=_day(falls.trough[row]) if falls else None,
            cvar=float(tails[row]) if tails is not None and coverage[row] > 0 else None,
            risk_score=float(risk.risk_score(held[[row]], bench.levels)[0]),
            core_share=float(held[row] @ bench.is_core),
            stablecoin_share=float(held[row] @ bench.is_money),
            assumed_yield=float(held[row] @ bench.yields),
            **_covariance_figures(bench, known[[row]], measured=coverage[row] > 0),
        )
        for row in range(len(held))
    ]


def risk_shares(bench: Bench, aim_weights: Floats) -> list[float | None]:
    """What each row of the bench contributes to the risk, of all; None where nobody measures it."""
    covariance = bench.mix @ bench.covariance @ bench.mix.T
    found = risk.contributions(aim_weights[None], covariance)
    volatility = found.volatility[0]
    known = (bench.mix @ bench.measured) > 0
    shares = found.contributions[0] / volatility if volatility > 0 else np.zeros(len(known))
    return [
        float(share) if is_known else None for share, is_known in zip(shares, known, strict=True)
    ]


def _covariance_figures(
    bench: Bench, weights: Floats, *, measured: bool
) -> dict[str, float | None]:
    """Volatility, and what a portfolio without any risk does not have."""
    volatility = risk.contributions(weights, bench.covariance).volatility[0]
    names = ("beta", "correlation", "effective_bets")
    found: dict[str, float | None] = dict.fromkeys(names)
    found["volatility"] = float(volatility) if measured else None
    if volatility > 0:
        spread = risk.diversification(weights, bench.covariance)
        found["effective_bets"] = float(spread.effective_bets[0])
        if bench.bitcoin is not None and bench.measured[bench.bitcoin]:
            bitcoin = np.eye(len(bench.assets))[bench.bitcoin]
            relation = risk.relation_to_benchmark(weights, bench.covariance, bitcoin)
            found |= {
                "beta": float(relation.beta[0]),
                "correlation": float(relation.correlation[0]),
            }
    return found


def _drawdowns(bench: Bench, weights: Floats) -> drawdowns.DrawdownStatistics | None:
    """The falls of portfolios that keep these weights day by day, without costs."""
    days = bench.universe.days
    if len(days) < MIN_RETURNS:
        return None
    growth = np.cumprod(1 + weights @ bench.returns.T, axis=1)
    values = np.hstack([np.ones((len(weights), 1)), growth])
    calendar = np.concatenate([[days[0] - np.timedelta64(1, "D")], days])
    return drawdowns.statistics(values, calendar)


def _tails(bench: Bench, weights: Floats) -> Floats | None:
    recent = bench.returns[-TAIL_DAYS:]
    if len(recent) < MIN_RETURNS:
        return None
    try:
        return tail_risk.historical(weights, recent).conditional_value_at_risk
    except CoreError:
        return None


def _day(day: np.datetime64) -> date | None:
    found = day.astype(object)
    return found if isinstance(found, date) else None
