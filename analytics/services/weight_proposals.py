"""Weights to try that follow from the market and the bounds, each with its reason.

Stablecoins and cash are a sleeve apart, sized by their range: a method that spreads risk would
put nearly everything there. What has too little history keeps what it has on the bench.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from analytics.core import (
    DAYS_PER_YEAR,
    bounded_weights,
    equilibrium,
    hierarchical_risk_parity,
    mean_variance,
    risk,
    risk_budgets,
)
from analytics.core.errors import CoreError, InfeasibleBoundsError
from analytics.selectors.benches import Bench
from analytics.services import weight_bounds, weight_limits
from analytics.services.weight_bounds import Frame, NoProposal
from portfolios.models import Asset, RiskProfile
from portfolios.services import targets
from portfolios.services.targets import Aim
from portfolios.templatetags.figures import exact_percent, percent

Floats = NDArray[np.float64]
Weights = Mapping[Aim, Decimal]
Budgets = Mapping[str, Decimal]

# Weights come in hundredths of a percent; finer where the bounds are finer.
STEPS = 10_000
FINE_STEPS = 10**targets.DECIMALS
RISK_AVERSION = 3.0
# Shares of the market go with 1 / rank, as sizes of many things do; where no rank is known, this.
LAST_RANK = 200
# A weight this close to a bound is held by it.
AT_BOUND = 5e-5
# A share of risk this far from its budget is told.
TOLD_APART = 5e-4


class Kind(StrEnum):
    EQUAL_RISK = "equal-risk"
    RISK_BUDGETS = "risk-budgets"
    MINIMUM_VOLATILITY = "minimum-volatility"
    LARGEST_SHARPE = "largest-sharpe"
    HIERARCHICAL = "hierarchical"
    EQUAL_WEIGHTS = "equal-weights"


NAMES = {
    Kind.EQUAL_RISK: "Equal risk",
    Kind.RISK_BUDGETS: "Risk budgets by category",
    Kind.MINIMUM_VOLATILITY: "Least volatility",
    Kind.LARGEST_SHARPE: "Largest Sharpe ratio, if the market is right",
    Kind.HIERARCHICAL: "Hierarchical risk parity",
    Kind.EQUAL_WEIGHTS: "Equal weights, to compare",
}
IDEAS = {
    Kind.EQUAL_RISK: "Every coin adds the same risk.",
    Kind.RISK_BUDGETS: "Risk is shared by your budgets, or else as the middles of the ranges "
    "share money; in each equally.",
    Kind.MINIMUM_VOLATILITY: "The calmest mix that the bounds allow.",
    Kind.LARGEST_SHARPE: "Returns are assumed at which the market's own weights are the best ones.",
    Kind.HIERARCHICAL: "Like coins share a branch, and branches share risk.",
    Kind.EQUAL_WEIGHTS: "One part each. It keeps no bounds, and is hard to beat.",
}


@dataclass(frozen=True)
class Proposal:
    kind: Kind
    weights: Mapping[Aim, Decimal]  # exact, summing to one; empty where there is none
    reasons: Mapping[Aim, str]
    refusal: str = ""  # why there is none

    @property
    def name(self) -> str:
        return NAMES[self.kind]

    @property
    def idea(self) -> str:
        return IDEAS[self.kind]


@dataclass(frozen=True)
class _Found:
    """Weights of the free rows, summing to one, and what each is reasoned with."""

    weights: Floats
    because: Sequence[str]


def propose(
    kind: Kind,
    bench: Bench,
    *,
    profile: RiskProfile | None,
    weights: Weights,
    market_caps: Mapping[int, float] | None = None,
    budgets: Budgets | None = None,
) -> Proposal:
    """Share out among the rows that have a weight. `market_caps` by asset id, US dollars.

    `budgets` are the shares of risk that each group of rows is to carry, by its key; a group that
    has none gets the middle of its range, and all are scaled to one.
    """
    try:
        if kind == Kind.EQUAL_WEIGHTS:
            return _equal_weights(weights)
        frame = weight_bounds.frame(bench, profile, weights)
        shares = frame.free.any() and frame.left > AT_BOUND
        found = _free(kind, bench, frame, market_caps or {}, budgets or {}) if shares else None
        whole = frame.settled.copy()
        if found is not None:
            whole[frame.free] = found.weights * frame.left
        exact = _rounded(whole, frame)
    except NoProposal as refusal:
        return Proposal(kind, {}, {}, str(refusal))
    except CoreError:
        return Proposal(kind, {}, {}, "These assets' history does not tell enough for it.")
    return Proposal(
        kind,
        weights={aim: weight for aim, weight in zip(frame.aims, exact, strict=True) if weight},
        reasons=_reasons(frame, exact, found.because if found else ()),
    )


def _equal_weights(weights: Weights) -> Proposal:
    aims = [aim for aim, weight in weights.items() if weight]
    if not aims:
        raise NoProposal("Give at least one row a weight: proposals share out among those.")
    shared = targets.normalise(dict.fromkeys(aims, Decimal(1)))
    return Proposal(
        Kind.EQUAL_WEIGHTS, shared, dict.fromkeys(aims, f"One of {len(aims)} equal parts.")
    )


def risky_groups(
    bench: Bench, *, profile: RiskProfile | None, weights: Weights
) -> list[tuple[str, weight_limits.Range]]:
    """The groups of rows that risk can be budgeted to, by their keys; none where no bounds fit."""
    try:
        frame = weight_bounds.frame(bench, profile, weights)
    except NoProposal:
        return []
    free = set(frame.of_group[frame.free].tolist())
    return [(frame.keys[g], group) for g, group in enumerate(frame.groups) if g in free]


def _free(
    kind: Kind, bench: Bench, frame: Frame, market_caps: Mapping[int, float], budgets: Budgets
) -> _Found:
    mix = bench.mix[[bench.aims.index(aim) for aim in frame.aims]][frame.free]
    covariance = mix @ bench.shrunk @ mix.T
    ways: dict[Kind, Callable[[], _Found]] = {
        Kind.EQUAL_RISK: lambda: _equal_risk(frame, covariance),
        Kind.RISK_BUDGETS: lambda: _risk_budgets(frame, covariance, budgets),
        Kind.MINIMUM_VOLATILITY: lambda: _least_volatility(frame, covariance),
        Kind.LARGEST_SHARPE: lambda: _largest_sharpe(
            frame, covariance, mix @ _market_shares(bench, market_caps)
        ),
        Kind.HIERARCHICAL: lambda: _hierarchical(frame, covariance),
    }
    return ways[kind]()


def _equal_risk(frame: Frame, covariance: Floats) -> _Found:
    everything = np.ones((1, len(covariance)), dtype=bool)
    wished = risk_budgets.equal_risk(covariance, everything).weights[0]
    words = [f"An equal part of the risk: it swings by {v} a year." for v in _swings(covariance)]
    return _Found(bounded_weights.nearest(wished, frame.of_free()), words)


def _risk_budgets(frame: Frame, covariance: Floats, budgets: Budgets) -> _Found:
    """In each group its budget, given or the middle of its range, shared equally."""
    of_group = frame.of_group[frame.free]
    wanted = np.array([
        float(budgets.get(key, (group.low + group.high) / 2))
        for key, group in zip(frame.keys, frame.groups, strict=True)
    ])  # fmt: skip
    counts = np.bincount(of_group, minlength=len(wanted))
    each = wanted[of_group] / counts[of_group]
    each /= each.sum()
    wished = risk_budgets.allocate(covariance, each[None]).weights[0]
    weights = bounded_weights.nearest(wished, frame.of_free())
    carried = _carried(weights, covariance)
    words = []
    for place, budget in enumerate(each):
        told = f"A budget of {percent(budget)} % of the risk."
        if abs(carried[place] - budget) >= TOLD_APART:
            told += f" Inside the bounds it carries {percent(carried[place])} %."
        words.append(told)
    return _Found(weights, words)


def _carried(weights: Floats, covariance: Floats) -> Floats:
    """Each row's share of the risk of all."""
    found = risk.contributions(weights[None] / weights.sum(), covariance)
    return np.asarray(found.contributions[0] / found.volatility[0])


def _hierarchical(frame: Frame, covariance: Floats) -> _Found:
    everything = np.ones((1, len(covariance)), dtype=bool)
    wished = hierarchical_risk_parity.allocate(covariance, everything)[0]
    words = [
        f"Its part of its branch, by variance: it swings by {v} a year."
        for v in _swings(covariance)
    ]
    return _Found(bounded_weights.nearest(wished, frame.of_free()), words)


def _least_volatility(frame: Frame, covariance: Floats) -> _Found:
    found = mean_variance.min_volatility(covariance, frame.of_free())
    found.feasibility.require()
    weights = found.weights[0]
    words = [
        f"It calms the mix: it swings by {swing} a year."
        if weight > 0
        else f"Left out: swinging by {swing} a year with the others, it would add risk."
        for weight, swing in zip(weights, _swings(covariance), strict=True)
    ]
    return _Found(weights, words)


def _largest_sharpe(frame: Frame, covariance: Floats, market: Floats) -> _Found:
    market = market / market.sum()
    expected = equilibrium.excess_returns(
        covariance * DAYS_PER_YEAR, market, risk_aversion=RISK_AVERSION
    )
    found = mean_variance.max_sharpe(covariance * DAYS_PER_YEAR, expected, frame.of_free())
    found.feasibility.require()
    words = [
        f"{percent(share)} % of this market, which assumes {percent(earns)} % a year."
        for share, earns in zip(market, expected, strict=True)
    ]
    return _Found(found.weights[0], words)


def _market_shares(bench: Bench, market_caps: Mapping[int, float]) -> Floats:
    """(m,) by market capitalisation where all are known, else by rank."""
    caps = np.array([market_caps.get(asset.pk, 0.0) for asset in bench.assets])
    coins = np.array([not weight_limits.is_money(asset) for asset in bench.assets])
    if (caps[coins] > 0).all():
        return caps
    return np.array([1 / (asset.cap_rank or LAST_RANK) for asset in bench.assets])


def knows_caps(bench: Bench, market_caps: Mapping[int, float]) -> bool:
    """Whether the market's own weights are known, or assumed by rank."""
    return all(market_caps.get(a.pk) for a in bench.assets if not weight_limits.is_money(a))


def _swings(covariance: Floats) -> list[str]:
    volatility = np.sqrt(np.diag(covariance) * DAYS_PER_YEAR)
    return [f"{percent(float(each))} %" for each in volatility]


def _rounded(weights: Floats, frame: Frame) -> list[Decimal]:
    """The weights as they would be saved: within the bounds, and one in all, exactly."""
    within = frame.of_all()
    for steps in (STEPS, FINE_STEPS):
        try:
            whole = bounded_weights.in_steps(weights, within, steps)
        except InfeasibleBoundsError:
            continue
        return [Decimal(int(each)) / steps for each in whole]
    raise NoProposal("The bounds are so narrow that no weights fit them in what can be saved.")


def _reasons(frame: Frame, weights: Sequence[Decimal], because: Sequence[str]) -> dict[Aim, str]:
    words = iter(because)
    sums = [
        float(sum(w for w, of in zip(weights, frame.of_group, strict=True) if of == g))
        for g in range(len(frame.groups))
    ]
    reasons = {}
    for place, (aim, weight) in enumerate(zip(frame.aims, weights, strict=True)):
        group = frame.groups[int(frame.of_group[place])]
        if frame.is_money[place]:
            reasons[aim] = _of_money(frame, place)
        elif not frame.free[place]:
            reasons[aim] = f"Kept as it stands: {_too_little(aim)}"
        else:
            total = sums[frame.of_group[place]]
            held = _held_by(float(weight), float(frame.caps[place]), group, total)
            reasons[aim] = " ".join(filter(None, (next(words, ""), held)))
    return reasons


def _of_money(frame: Frame, place: int) -> str:
    stood = float(frame.standing[frame.is_money].sum())
    group = frame.groups[int(frame.of_group[place])]
    if abs(stood - frame.money) < AT_BOUND:
        return "As it stands: no risk is budgeted to money."
    way = "Raised" if frame.money > stood else "Lowered"
    if frame.money in (float(group.low), float(group.high)):
        return f"{way} to the range of money, {_ends(group)}."
    return f"{way} so that the ranges of the others can be kept."


def _too_little(aim: Aim) -> str:
    if isinstance(aim, Asset) and aim.is_own:
        return "nobody measures the risk of what is yours alone."
    return "fewer than 120 days of prices decide nothing."


def _held_by(weight: float, cap: float, group: weight_limits.Range, total: float) -> str:
    """Which bound holds a weight, if one does."""
    if weight >= cap - AT_BOUND and cap < 1:
        return f"At its cap of {_shown(Decimal(repr(cap)))}."
    if weight and total <= float(group.low) + AT_BOUND and group.low > 0:
        return f"Raised: {group.name} is at its least, {_shown(group.low)}."
    if total >= float(group.high) - AT_BOUND and group.high < 1:
        return f"Held back: {group.name} is at its most, {_shown(group.high)}."
    return ""


def _ends(group: weight_limits.Range) -> str:
    return f"{exact_percent(group.low)}–{exact_percent(group.high)} %"


def _shown(fraction: Decimal) -> str:
    return f"{exact_percent(fraction)} %"
