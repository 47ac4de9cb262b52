"""What each step of the wizard shows of the choices so far."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from analytics.core import DAYS_PER_YEAR
from analytics.selectors.benches import Bench
from analytics.selectors.checklist import FEWEST_POSITIONS, MAJOR_CATEGORIES, MOST_POSITIONS
from analytics.services import buffers, weight_figures, weight_limits, wizards, workbench
from analytics.services.buffers import Need
from analytics.services.risk_questions import Verdict
from analytics.services.weight_limits import Range
from portfolios.models import Asset, AssetCategory, Portfolio, RiskProfile
from portfolios.templatetags.figures import percent

Floats = NDArray[np.float64]
Weights = Mapping[Asset, Decimal]

WHOLE = 0.9995  # what is measured and shown as 100.0 %


class Chosen(Protocol):
    """What the wizard has settled: the plan of its forms."""

    profiles: Sequence[RiskProfile]
    core_assets: Sequence[Asset]
    candidates: Sequence[Asset]
    verdict: Verdict | None
    profile: RiskProfile | None
    core: dict[Asset, Decimal]
    diversifiers: list[Asset]
    weights: dict[Asset, Decimal]

    @property
    def buffer_range(self) -> Range: ...

    @property
    def usual_buffer(self) -> dict[Asset, Decimal]: ...


@dataclass(frozen=True)
class ProfileFigures:
    profile: RiskProfile
    need: Need | None


@dataclass(frozen=True)
class Candidate:
    asset: Asset
    volatility: float | None  # a year
    correlation: float | None  # to the core


@dataclass(frozen=True)
class Sized:
    asset: Asset
    money: Decimal
    risk: float | None


def decisive(bench: Bench) -> set[int]:
    """Whose history decides weights."""
    known = zip(bench.assets, bench.universe.optimisable, strict=False)
    return {asset.pk for asset, enough in known if enough}


def covariance_of(bench: Bench) -> Callable[[Sequence[Asset]], Floats]:
    """The covariance for optimisers of some of the bench's assets."""
    column = {asset.pk: place for place, asset in enumerate(bench.assets)}

    def covariance(assets: Sequence[Asset]) -> Floats:
        places = [column[asset.pk] for asset in assets]
        return np.asarray(bench.shrunk[np.ix_(places, places)])

    return covariance


def of_step(step: str, plan: Chosen, bench: Bench | None) -> dict[str, Any]:
    """The figures of a step, for its template."""
    steps: dict[str, Callable[[Chosen, Bench | None], dict[str, Any]]] = {
        "profile": _profiles,
        "core": _core,
        "diversifiers": _candidates,
        "sizes": _sizes,
        "buffer": _buffer,
        "review": _review,
    }
    return steps[step](plan, bench) if step in steps else {}


def _profiles(plan: Chosen, bench: Bench | None) -> dict[str, Any]:
    """Each profile, with what its limit would have taken of a core alone."""
    return {
        "choices": [
            ProfileFigures(each, _need(bench, _core_of(plan, each), each) if bench else None)
            for each in plan.profiles
        ]
    }


def _core_of(plan: Chosen, profile: RiskProfile) -> Weights:
    return dict(zip(plan.core_assets, wizards.usual_core(profile), strict=False))


def _core(plan: Chosen, bench: Bench | None) -> dict[str, Any]:
    usual = plan.core or (_core_of(plan, plan.profile) if plan.profile else {})
    return {"core_risk": _sized(bench, usual)}


def _candidates(plan: Chosen, bench: Bench | None) -> dict[str, Any]:
    """By category; and how many it takes."""
    assert plan.profile is not None
    core = _vector(bench, plan.core) if bench else None
    rows = [_candidate(bench, core, asset) for asset in plan.candidates]
    left = 1 - sum(plan.core.values(), Decimal(0)) - sum(plan.usual_buffer.values(), Decimal(0))
    return {
        "groups": [
            (category, _range(category, plan), list(group))
            for category, group in groupby(rows, key=lambda row: row.asset.category)
        ],
        "left": left,
        "fewest": wizards.fewest(plan.profile, left),
        "buffer_share": sum(plan.usual_buffer.values(), Decimal(0)),
    }


def _range(category: AssetCategory, plan: Chosen) -> Range:
    return weight_limits.of_category(category, list(plan.core))


def _candidate(bench: Bench | None, core: Floats | None, asset: Asset) -> Candidate:
    if bench is None or core is None:
        return Candidate(asset, None, None)
    place = bench.assets.index(asset)
    own = float(bench.covariance[place, place])
    of_core = float(core @ bench.covariance @ core)
    both = float(core @ bench.covariance[place])
    is_known = own > 0 and of_core > 0
    return Candidate(
        asset=asset,
        volatility=float(np.sqrt(own * DAYS_PER_YEAR)) if own > 0 else None,
        correlation=both / float(np.sqrt(own * of_core)) if is_known else None,
    )


def _sizes(plan: Chosen, bench: Bench | None) -> dict[str, Any]:
    return {
        "sized": _sized(bench, plan.weights),
        "left_out": [asset for asset in plan.diversifiers if asset not in plan.weights],
        "missing": missing(plan.weights),
    }


def missing(weights: Weights) -> list[str]:
    """The categories that a balanced portfolio has something of, and this one has not."""
    present = {asset.category.slug for asset in weights}
    return [name for slug, name in MAJOR_CATEGORIES.items() if slug not in present]


def _sized(bench: Bench | None, weights: Weights) -> list[Sized]:
    risks: dict[int, float | None] = {}
    if bench is not None and weights:
        vector = workbench.as_vector(bench, dict(weights.items()))
        if vector is not None:
            shares = weight_figures.risk_shares(bench, vector)
            risks = dict(zip((aim.pk for aim in bench.aims), shares, strict=True))
    return [Sized(asset, weight, risks.get(asset.pk)) for asset, weight in weights.items()]


def _buffer(plan: Chosen, bench: Bench | None) -> dict[str, Any]:
    """What stablecoins do: the same coins beside several shares of them."""
    allowed = plan.buffer_range
    if bench is None or plan.profile is None:
        return {"allowed": allowed}
    need = _need(bench, plan.weights, plan.profile)
    chosen = float(sum(plan.usual_buffer.values(), Decimal(0)))
    ends = {0.0, float(allowed.low), float(allowed.high), chosen}
    shares = sorted(ends | ({need.share} if need else set()))
    return {
        "allowed": allowed,
        "need": need,
        "chosen": chosen,
        "shares": buffers.calm(bench, _vector(bench, plan.weights), shares),
    }


def _review(plan: Chosen, bench: Bench | None) -> dict[str, Any]:
    weights, profile = plan.weights, plan.profile
    assert profile is not None
    need = _need(bench, weights, profile) if bench else None
    figures = weight_figures.measure(bench, [_vector(bench, weights)])[0] if bench else None
    portfolio = Portfolio(profile=profile)
    return {
        "sized": _sized(bench, weights),
        "total": sum(weights.values(), Decimal(0)),
        "need": need,
        "coverage": figures.coverage if figures else 1.0,
        "is_whole": figures is None or figures.coverage > WHOLE,
        "rows": workbench.figure_rows(portfolio, list(weights), figures, None) if figures else [],
        "conflicts": _conflicts(plan, need),
    }


def _conflicts(plan: Chosen, need: Need | None) -> list[str]:
    """Where the weights and the rules of the profile and the checklist disagree."""
    found = []
    if need and need.share > sum(plan.usual_buffer.values(), Decimal(0)):
        found.append(
            f"The drawdown limit of {percent(need.limit)} % would not have held: it would have "
            f"needed {percent(need.share)} % in stablecoins, beyond the buffer chosen."
        )
    if not FEWEST_POSITIONS <= len(plan.weights) <= MOST_POSITIONS:
        found.append(
            f"{len(plan.weights)} positions: the checklist asks for {FEWEST_POSITIONS} to "
            f"{MOST_POSITIONS}."
        )
    found += [f"Nothing of {name}: the checklist asks for one." for name in missing(plan.weights)]
    return found


def _vector(bench: Bench, weights: Weights) -> Floats:
    """(m,) as shares of their sum."""
    found = np.array([float(weights.get(asset, 0)) for asset in bench.assets])
    total = found.sum()
    return np.asarray(found / total) if total > 0 else found


def _need(bench: Bench, weights: Weights, profile: RiskProfile) -> Need | None:
    return buffers.needed(bench, _vector(bench, weights), profile.max_drawdown)
