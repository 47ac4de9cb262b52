"""What the workbench shows of weights, beside today's holdings and the profile's limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from analytics.selectors.benches import Bench
from analytics.services import bitcoin_shares, weight_figures, weight_limits
from analytics.services.bitcoin_shares import BitcoinShare
from analytics.services.weight_figures import Figures
from analytics.services.weight_limits import Range
from analytics.services.weight_proposals import Proposal
from portfolios.models import Asset, AssetCategory, Portfolio
from portfolios.services import targets
from portfolios.services.targets import Aim
from portfolios.templatetags.figures import exact_percent

Floats = NDArray[np.float64]
Weights = Mapping[Aim, Decimal]

# A first return later than this after the history's start is another coin's history at first.
FILLED_AFTER_DAYS = 7
# Each figure's name, field, kind and entry in the glossary, in the order of the page.
FIGURES = (
    ("Volatility a year", "volatility", "percent", "portfolio_volatility"),
    ("Max drawdown", "max_drawdown", "percent", "max_drawdown"),
    ("CVaR, worst day in twenty", "cvar", "percent", "cvar"),
    ("Beta to Bitcoin", "beta", "ratio", "beta"),
    ("Correlation to Bitcoin", "correlation", "ratio", "correlation"),
    ("Effective bets", "effective_bets", "ratio", "effective_bets"),
    ("Risk score, of 3.0", "risk_score", "score", "risk_score"),
    ("Bitcoin and Ether", "core_share", "percent", "core_share"),
    ("Stablecoins and cash", "stablecoin_share", "percent", "stablecoin_share"),
    ("Estimated yield a year", "assumed_yield", "percent", "estimated_yield"),
)


@dataclass(frozen=True)
class Share:
    """One row: what it has of the money and of the risk; fractions of all that is on the bench."""

    aim: Aim
    money: float
    risk: float | None  # None: nobody measures it
    today: float | None
    over_cap: Decimal | None = None  # the cap, where it is above it

    @property
    def bar(self) -> float:
        """How far its bar of risk reaches; what hedges the others has none."""
        return max(self.risk or 0.0, 0.0)


@dataclass(frozen=True)
class CategoryShare:
    category: AssetCategory
    money: float
    risk: float | None
    limit: Range | None
    shares: Sequence[Share]

    @property
    def verdict(self) -> str:
        return self.limit.judge(self.money) if self.limit else ""


@dataclass(frozen=True)
class FigureRow:
    """One figure of the weights, of today's holdings, and what the profile says of it."""

    name: str
    kind: str  # of analytics/_bench_figure.html
    term: str  # of the glossary; empty: none
    unit: str
    tried: float | None
    today: float | None
    limit: str = ""
    verdict: str = ""


@dataclass(frozen=True)
class Outcome:
    categories: Sequence[CategoryShare]
    tried: Figures
    today: Figures | None
    rows: Sequence[FigureRow]
    is_whole: bool  # the weights sum to one; else they are measured in their proportions
    unmeasured: Sequence[Asset]
    since: date | None
    filled: Sequence[Asset]
    bitcoin: BitcoinShare | None

    @property
    def shares(self) -> dict[Aim, Share]:
        return {share.aim: share for category in self.categories for share in category.shares}

    @property
    def scale(self) -> float:
        """Where the bars of all rows end."""
        return max((max(each.money, each.bar) for each in self.shares.values()), default=1.0)


def judge(bench: Bench, portfolio: Portfolio, weights: Weights) -> Outcome | None:
    """What these weights mean; None where there is nothing to measure."""
    vector = as_vector(bench, weights)
    if vector is None:
        return None
    held = bench.held_weights
    several = [vector @ bench.mix] + ([] if held is None else [held])
    tried, *rest = weight_figures.measure(bench, several)
    today = rest[0] if rest else None
    return Outcome(
        categories=_categories(bench, portfolio, vector),
        tried=tried,
        today=today,
        rows=figure_rows(portfolio, bench.aims, tried, today),
        is_whole=sum(weights.values(), Decimal(0)) == 1,
        unmeasured=_unmeasured(bench, vector),
        since=bench.universe.days[0].astype(object) if len(bench.universe.days) else None,
        filled=_filled(bench, vector),
        bitcoin=bitcoin_shares.follow(bench, vector @ bench.mix, portfolio.profile),
    )


def compare(bench: Bench, made: Sequence[Proposal]) -> list[tuple[Proposal, Figures | None]]:
    """Each proposal with its figures; None where there is no such proposal."""
    vectors = [as_vector(bench, proposal.weights) for proposal in made]
    found = iter(weight_figures.measure(bench, [v @ bench.mix for v in vectors if v is not None]))
    return [
        (proposal, None if vector is None else next(found))
        for proposal, vector in zip(made, vectors, strict=True)
    ]


def as_vector(bench: Bench, weights: Weights) -> Floats | None:
    """The weights (k,) in their proportions, summing to one."""
    vector = np.array([float(weights.get(aim, 0)) for aim in bench.aims])
    vector = np.where(bench.mix.any(axis=1), vector, 0.0)  # nothing stands for the category
    total = vector.sum()
    return vector / total if total > 0 else None


def today(bench: Bench) -> dict[Aim, Decimal]:
    """Today's holdings as targets would say them, those on the bench."""
    held = bench.held_by_aim
    if held is None:
        return {}
    weights = dict(zip(bench.aims, map(Decimal, map(repr, held.tolist())), strict=True))
    return targets.normalise({aim: weight for aim, weight in weights.items() if weight > 0})


def figure_rows(
    portfolio: Portfolio, aims: Sequence[Aim], tried: Figures, other: Figures | None
) -> list[FigureRow]:
    """All figures of the weights tried, beside others, and what the profile says of them."""
    profile = portfolio.profile
    limits: dict[str, Range | None] = {
        "max_drawdown": Range("the profile", high=profile.max_drawdown) if profile else None,
        "core_share": weight_limits.core(profile),
        "stablecoin_share": weight_limits.money(aims),
    }
    rows = []
    for name, field, kind, term in FIGURES:
        mine, theirs = getattr(tried, field), getattr(other, field, None)
        limit = limits.get(field)
        is_told = limit is not None and mine is not None
        rows.append(
            FigureRow(
                name=name,
                kind=kind,
                term=term,
                unit="%" if kind == "percent" else "",
                tried=mine,
                today=theirs,
                limit=_words(limit) if limit else "",
                # A fall is negative, and its limit a size.
                verdict=limit.judge(abs(mine)) if limit is not None and is_told else "",
            )
        )
    return rows


def _words(limit: Range) -> str:
    if limit.low == 0:
        return f"at most {exact_percent(limit.high)}"
    return f"{exact_percent(limit.low)}–{exact_percent(limit.high)}"


def _categories(bench: Bench, portfolio: Portfolio, vector: Floats) -> list[CategoryShare]:
    risks = weight_figures.risk_shares(bench, vector)
    held = bench.held_by_aim
    shares: dict[AssetCategory, list[Share]] = {}
    for place, aim in enumerate(bench.aims):
        cap = weight_limits.cap(portfolio.profile, aim)
        share = Share(
            aim=aim,
            money=float(vector[place]),
            risk=risks[place],
            today=None if held is None else float(held[place]),
            over_cap=cap if weight_limits.as_shown(vector[place]) > cap else None,
        )
        category = aim.category if isinstance(aim, Asset) else aim
        shares.setdefault(category, []).append(share)
    return [_category(category, members) for category, members in shares.items()]


def _category(category: AssetCategory, shares: Sequence[Share]) -> CategoryShare:
    risks = [share.risk for share in shares if share.risk is not None]
    has_core = any(weight_limits.is_core(share.aim) for share in shares)
    has_range = category.recommended_max is not None and not has_core
    aims = [share.aim for share in shares]
    return CategoryShare(
        category=category,
        money=sum(share.money for share in shares),
        risk=sum(risks) if risks else None,
        limit=weight_limits.of_category(category, aims) if has_range else None,
        shares=shares,
    )


def _unmeasured(bench: Bench, vector: Floats) -> list[Asset]:
    weights = vector @ bench.mix
    return [
        asset
        for asset, weight, known in zip(bench.assets, weights, bench.measured, strict=True)
        if weight > 0 and not known
    ]


def _filled(bench: Bench, vector: Floats) -> list[Asset]:
    """Coins on the bench whose history begins after the bench's own."""
    universe, weights = bench.universe, vector @ bench.mix
    if not len(universe.days):
        return []
    late = universe.days[0] + np.timedelta64(FILLED_AFTER_DAYS, "D")
    return [
        asset
        for asset, weight, first in zip(bench.assets, weights, universe.first_days, strict=False)
        if weight > 0 and first > late  # NaT is never later
    ]
