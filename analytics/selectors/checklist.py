"""The article's diversification checklist, judged on what a portfolio holds. Pure rules.

Shares are fractions of the portfolio. The core (Bitcoin and Ether) is judged by its profile's range
wherever the article's own figures contradict each other. A rule that cannot be judged says why.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from portfolios.models import Asset, RiskProfile
from portfolios.models.assets import CORE
from portfolios.templatetags.figures import exact_percent, percent, ratio

MAJOR_CATEGORIES = {
    "defi": "DeFi",
    "infrastructure": "Infrastructure",
    "l2-scaling": "L2/Scaling",
}
AVERAGE_CORRELATION = 0.75
LOW_CORRELATION = 0.5
CATEGORY_CAP = 0.40
FEWEST_POSITIONS, MOST_POSITIONS = 8, 15
STABLES = (0.10, 0.20)
LARGEST_RISK = 1 / 3
# The article's structure; its core is for portfolios without a profile.
CORE_RANGE, LARGE_RANGE, GROWTH_RANGE = (0.40, 0.60), (0.20, 0.30), (0.10, 0.20)
# Weights come from floats: an edge is inside.
ROUNDING = 1e-9
SMALLEST_SHOWN = 0.0005  # of a share in percent with one decimal
Range = tuple[float, float]
TERMS = {
    "average-correlation": "average_correlation",
    "category-cap": "weight",
    "low-correlation": "correlation",
    "stables": "stablecoin_share",
    "core": "core_share",
    "large": "tier",
    "growth": "tier",
    "position-caps": "weight",
    "risk": "share_of_risk",
}


@dataclass(frozen=True)
class Part:
    """A position: its share of the value and of the risk, and how it moves with Bitcoin."""

    asset: Asset
    weight: float
    share_of_risk: float | None = None  # None: nobody has measured it
    correlation: float | None = None  # to Bitcoin, over 180 days

    @property
    def is_money(self) -> bool:
        return self.asset.is_money

    @property
    def is_core(self) -> bool:
        return self.asset.coingecko_id in CORE

    @property
    def is_large(self) -> bool:
        return not self.is_money and self.asset.tier == Asset.Tier.LARGE

    @property
    def is_growth(self) -> bool:
        """What is neither core nor large: the article knows no tier between."""
        return not (self.is_money or self.is_core or self.is_large)


@dataclass(frozen=True)
class Composition:
    """What a portfolio is made of, at one close."""

    parts: Sequence[Part]
    profile: RiskProfile | None = None
    average_correlation: float | None = None  # of what is risky; None: fewer than two measured
    pairs: Mapping[tuple[int, int], float] = field(default_factory=dict)  # correlations by ids
    leaders: Mapping[str, Asset] = field(default_factory=dict)  # the largest of each category
    has_dry_powder: bool = False  # stablecoins and cash are outside the weights

    def share(self, belongs: Callable[[Part], bool]) -> float:
        return sum(part.weight for part in self.parts if belongs(part))

    @property
    def stables(self) -> float:
        return self.share(lambda part: part.is_money)


@dataclass(frozen=True)
class Line:
    """A rule, what was measured, and whether it holds; `fix` says what would mend it."""

    key: str
    rule: str
    measured: str
    threshold: str
    passed: bool | None  # None: it cannot be judged
    fix: str = ""
    note: str = ""

    @property
    def term(self) -> str:
        """What its figure is in the glossary; empty where it is a count or a name."""
        return TERMS.get(self.key, "")

    @property
    def verdict(self) -> str:
        return {True: "Pass", False: "Fail", None: "Not known"}[self.passed]


def judge(composition: Composition) -> list[Line]:
    """Every rule of the checklist, in the article's order."""
    return [
        *_major_categories(composition),
        _average_correlation(composition),
        _category_cap(composition),
        _low_correlation(composition),
        _positions(composition),
        _stables(composition),
        *_structure(composition),
        _position_caps(composition),
        _risk(composition),
    ]


def _major_categories(composition: Composition) -> Iterable[Line]:
    for slug, name in MAJOR_CATEGORIES.items():
        held = [part.asset.symbol for part in composition.parts if _is_of(part, slug)]
        leader = composition.leaders.get(slug)
        example = f", for example {leader.name} ({leader.symbol})" if leader else ""
        yield Line(
            key=f"category-{slug}",
            rule=f"An asset of {name}",
            measured=", ".join(held) or "none",
            threshold="at least one",
            passed=bool(held),
            fix="" if held else f"Add one of {name}{example}.",
        )


def _is_of(part: Part, slug: str) -> bool:
    return part.asset.category.slug == slug


def _average_correlation(composition: Composition) -> Line:
    found = composition.average_correlation
    return Line(
        key="average-correlation",
        rule="Average correlation of what is risky",
        measured=ratio(found),
        threshold=f"at most {ratio(AVERAGE_CORRELATION)}",
        passed=None if found is None else found <= AVERAGE_CORRELATION + ROUNDING,
        fix=""
        if found is None or found <= AVERAGE_CORRELATION + ROUNDING
        else "Replace what moves most like the rest by something that moves on its own.",
        note="Fewer than two risky assets are measured." if found is None else "",
    )


def _category_cap(composition: Composition) -> Line:
    names = {part.asset.category.slug: part.asset.category.name for part in composition.parts}
    shares = dict.fromkeys(names.values(), 0.0)
    for part in composition.parts:
        if not (part.is_core or part.is_money):
            shares[names[part.asset.category.slug]] += part.weight
    largest = max(shares, key=lambda name: shares[name], default="")
    share = shares.get(largest, 0.0)
    return Line(
        key="category-cap",
        rule="No category is too large",
        measured=f"{largest} {percent(share)} %" if share else "nothing outside core and stables",
        threshold=f"at most {percent(CATEGORY_CAP)} %",
        passed=share <= CATEGORY_CAP + ROUNDING,
        fix=_move(share - CATEGORY_CAP, f"out of {largest}"),
        note="Bitcoin and Ether are judged as the core, stablecoins and cash by their own line.",
    )


def _low_correlation(composition: Composition) -> Line:
    measured = [p for p in composition.parts if not p.is_money and p.correlation is not None]
    lowest = min(measured, key=lambda part: part.correlation or 0.0, default=None)
    if lowest is None or lowest.correlation is None:
        return Line("low-correlation", "An asset of low correlation", "—", _below(), None,
                    note="No risky asset has 60 days in common with Bitcoin.")  # fmt: skip
    passed = lowest.correlation < LOW_CORRELATION
    return Line(
        key="low-correlation",
        rule="An asset of low correlation to Bitcoin",
        measured=f"{lowest.asset.symbol} {ratio(lowest.correlation)}",
        threshold=_below(),
        passed=passed,
        fix="" if passed else "Add a risky asset that moves on its own; stablecoins do not count.",
        note="Over 180 days. The article names BNB; this is measured.",
    )


def _below() -> str:
    return f"below {ratio(LOW_CORRELATION)}"


def _positions(composition: Composition) -> Line:
    count = len(composition.parts)
    fix = ""
    if count < FEWEST_POSITIONS:
        fix = f"Too few by {FEWEST_POSITIONS - count}: add what does not move like the rest."
    elif count > MOST_POSITIONS:
        fix = f"Merge the smallest {count - MOST_POSITIONS + 1} into one, or into what you keep."
    return Line(
        key="positions",
        rule="Number of positions",
        measured=str(count),
        threshold=f"{FEWEST_POSITIONS} to {MOST_POSITIONS}",
        passed=FEWEST_POSITIONS <= count <= MOST_POSITIONS,
        fix=fix,
    )


def _stables(composition: Composition) -> Line:
    if composition.has_dry_powder:
        low, high = STABLES
        return Line("stables", "Stablecoins and cash", "outside the weights",
                    f"{exact_percent(low)} to {exact_percent(high)} %", None,
                    note="They are dry powder here, so they have no weight to judge.")  # fmt: skip
    return _in_range(
        "stables", "Stablecoins and cash", composition.stables, STABLES, what="stablecoins"
    )


def _structure(composition: Composition) -> Iterable[Line]:
    profile = composition.profile
    core = (float(profile.core_min), float(profile.core_max)) if profile else CORE_RANGE
    whose = f"The range of the {profile.name.lower()} profile." if profile else "The article's."
    yield _in_range(
        "core",
        "Core: Bitcoin and Ether",
        composition.share(lambda part: part.is_core),
        core,
        what="Bitcoin and Ether",
        note=whose,
    )
    yield _in_range(
        "large",
        "Large-cap alts",
        composition.share(lambda part: part.is_large),
        LARGE_RANGE,
        what="large-cap alts",
        note="Ranks 3 to 30 by market value.",
    )
    yield _in_range(
        "growth",
        "High-growth bets",
        composition.share(lambda part: part.is_growth),
        GROWTH_RANGE,
        what="smaller coins",
        note="Everything beyond rank 30: the article has no tier between.",
    )


def _in_range(
    key: str, rule: str, share: float, allowed: Range, *, what: str, note: str = ""
) -> Line:
    low, high = allowed
    fix = ""
    if share < low - ROUNDING:
        fix = _move(low - share, f"into {what}")
    elif share > high + ROUNDING:
        fix = _move(share - high, f"out of {what}")
    return Line(
        key=key,
        rule=rule,
        measured=f"{percent(share)} %",
        threshold=f"{exact_percent(low)} to {exact_percent(high)} %",
        passed=not fix,
        fix=fix,
        note=note,
    )


def _move(points: float, where: str) -> str:
    if points <= ROUNDING:
        return ""
    how_much = f"{percent(points)} points" if points >= SMALLEST_SHOWN else "a little"
    return f"Move {how_much} {where}."


def cap_of(part: Part, profile: RiskProfile) -> float:
    """The largest share that the profile lets this position have."""
    if part.asset.coingecko_id == CORE[0]:
        return float(profile.bitcoin_cap)
    return float(profile.ether_cap if part.is_core else profile.other_cap)


def above_cap(composition: Composition) -> list[tuple[Part, float]]:
    """Positions above their caps with what they may have, the furthest above first."""
    profile = composition.profile
    if profile is None:
        return []
    capped = [(p, cap_of(p, profile)) for p in composition.parts if not p.is_money]
    above = [(part, cap) for part, cap in capped if part.weight > cap + ROUNDING]
    return sorted(above, key=lambda each: each[1] - each[0].weight)


def _position_caps(composition: Composition) -> Line:
    profile = composition.profile
    rule = "No position above its cap"
    if profile is None:
        return Line("position-caps", rule, "—", "by profile", None,
                    note="Choose a profile under Settings; the caps are its own.")  # fmt: skip
    above = above_cap(composition)
    caps = (profile.bitcoin_cap, profile.ether_cap, profile.other_cap)
    bitcoin, ether, other = (exact_percent(cap) for cap in caps)
    return Line(
        key="position-caps",
        rule=rule,
        measured=", ".join(f"{p.asset.symbol} {percent(p.weight)} %" for p, _ in above)
        or "none above",
        threshold=f"BTC {bitcoin}, ETH {ether}, any other {other} %",
        passed=not above,
        fix=" ".join(_move(p.weight - cap, f"out of {p.asset.symbol}") for p, cap in above),
        note="Of the profile. Stablecoins are not capped here.",
    )


def _risk(composition: Composition) -> Line:
    measured = [part for part in composition.parts if part.share_of_risk is not None]
    largest = max(measured, key=lambda part: part.share_of_risk or 0.0, default=None)
    rule, threshold = "No position dominates the risk", f"at most {percent(LARGEST_RISK)} %"
    if largest is None or not largest.share_of_risk:
        return Line("risk", rule, "—", threshold, None, note="Nothing risky is measured.")
    passed = largest.share_of_risk <= LARGEST_RISK + ROUNDING
    return Line(
        key="risk",
        rule=rule,
        measured=f"{largest.asset.symbol} {percent(largest.share_of_risk)} % of the risk",
        threshold=threshold,
        passed=passed,
        fix=""
        if passed
        else f"Hold less {largest.asset.symbol}, or more of what does not move with it.",
    )
