"""Whether a plan is worth carrying out: its benefit over a horizon against its cost."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.core import costs
from analytics.models import Suggestion
from analytics.selectors.market import Market
from analytics.selectors.positions import CostChoices
from analytics.services.plans import Plans

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
Answer = Suggestion.Answer

# The worst twentieth of this many days is three of them: fewer tell nothing.
MIN_RETURNS = 60
# A verdict speaks of the assets whose risk was measured; below this share of what is traded it
# would speak of something else.
LEAST_MEASURED = 0.9


@dataclass(frozen=True)
class Verdicts:
    """Of b plans, all (b,). Fractions of the portfolio; NaN where the risk was not measured."""

    answer: NDArray[np.int64]  # Suggestion.Answer
    benefit_per_year: Floats
    volatility_change: Floats  # a year
    cvar_change: Floats  # of the mean loss on the worst 5 % of days
    break_even_days: Floats  # infinite: it never pays
    horizon_days: NDArray[np.int64]
    risk_aversion: Floats


def weigh(
    plans: Plans,
    *,
    values: Floats,
    targets: Floats,
    market: Market,
    choices: CostChoices,
    rows: Ids,
    cash: Floats | float = 0.0,
    cash_leaves: bool = False,
    waits: NDArray[np.bool_] | bool = False,
) -> Verdicts:
    """Whether what returning to the targets is worth exceeds what it costs.

    `values` and `targets` (b, n) are those of `rows`. Own assets, the last of the n, have no
    measured risk. What `waits` (b,) is not due by its calendar. `cash` is there before and
    without risk; what is left over stays, unless the cash is what the plan is for.
    """
    total = values.sum(axis=1) + cash
    after = values + plans.amounts
    worth_after = after.sum(axis=1) + (0.0 if cash_leaves else plans.leftover_cash)
    measured = _measured_share(plans, market) >= LEAST_MEASURED
    known = measured & (len(market.returns) >= MIN_RETURNS)
    benefit = _benefit(
        values / total[:, None], targets, after / worth_after[:, None], market, known
    )
    per_year = benefit[0] * choices.risk_aversions[rows]
    horizons = choices.horizons[rows].astype(float)
    defaults = costs.HIGH_VOLATILITY_HORIZON_DAYS if market.high_volatility else costs.HORIZON_DAYS
    horizons = np.where(horizons > 0, horizons, defaults)
    weighed = costs.verdict(
        plans.cost / total,
        np.where(known, per_year, 0.0),
        market.high_volatility,
        horizon_days=horizons,
    )
    answer = np.where(weighed.worth_it, Answer.ACT, Answer.NOT_WORTH_IT)
    answer = np.where(known, answer, Answer.UNMEASURED)
    return Verdicts(
        answer=np.where(waits, Answer.NOT_DUE, answer),
        benefit_per_year=per_year,
        volatility_change=benefit[1],
        cvar_change=benefit[2],
        break_even_days=np.where(known, weighed.break_even_days, np.nan),
        horizon_days=horizons.astype(np.int64),
        risk_aversion=choices.risk_aversions[rows],
    )


def _measured_share(plans: Plans, market: Market) -> Floats:
    """Of what each plan trades (b,)."""
    traded = np.abs(plans.amounts)
    total = traded.sum(axis=1)
    listed = traded[:, : len(market.asset_ids)] @ market.measured
    return np.divide(listed, total, out=np.zeros_like(total), where=total > 0)


def _benefit(
    weights: Floats,
    targets: Floats,
    after: Floats,
    market: Market,
    known: NDArray[np.bool_],
) -> tuple[Floats, Floats, Floats]:
    """Benefit a year for a risk aversion of one, and what changes in volatility and tail."""
    found = np.full((3, len(weights)), np.nan)
    if known.any():
        listed = slice(len(market.asset_ids))
        benefit = costs.benefit(
            weights[known, listed],
            targets[known, listed],
            market.covariance,
            market.returns,
            risk_aversion=1.0,
            after=after[known, listed],
        )
        found[:, known] = benefit.per_year, benefit.volatility_change, benefit.cvar_change
    return found[0], found[1], found[2]
