"""What a review finds wrong with a portfolio (the article's step 6). Pure rules.

Each finding has its evidence, how serious it is, and weights or a named proposal to try in the
workbench. Weights are fractions of the portfolio by asset id; they sum to what they summed to.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum

from analytics.selectors import checklist
from analytics.selectors.checklist import Composition, Part
from portfolios.models import Asset
from portfolios.services import targets
from portfolios.templatetags.figures import percent, price, ratio

ISSUERS = {
    "tether": "Tether",
    "usd-coin": "Circle",
    "dai": "Sky (Maker)",
    "first-digital-usd": "First Digital",
}
# As for any other position: what one issuer may owe a portfolio.
ISSUER_CAP = 0.10
# A stablecoin has lost its peg at this many closes in a row, each further from a dollar than that.
DEPEG = 0.01
DEPEG_READINGS = 2
# A share of risk this much larger than the share of money is told, from this share of risk on.
OUT_OF_PROPORTION, TOLD_FROM = 1.75, 0.10
NEW_POSITION = 0.05


class Severity(IntEnum):
    LOW = 1
    MEDIUM = 2
    HIGH = 3

    @property
    def word(self) -> str:
        return self.name.capitalize()


@dataclass(frozen=True)
class Cluster:
    """Coins that are about one bet beyond Bitcoin, in most resampled histories."""

    asset_ids: frozenset[int]
    share: float


@dataclass(frozen=True)
class Market:
    """What else a night knows of what is held: clusters, old prices, the pegs of stablecoins."""

    clusters: Sequence[Cluster] = ()
    stale: frozenset[int] = frozenset()
    pegs: Mapping[int, Sequence[float]] = field(default_factory=dict)  # closes, the newest first
    other_stable: Asset | None = None  # the largest one that is not held


@dataclass(frozen=True)
class Finding:
    key: str
    title: str
    severity: Severity
    evidence: str
    proposal: str = ""
    query: str = ""  # of the workbench's address; empty: nothing to try there


def find(composition: Composition, market: Market) -> list[Finding]:
    """Everything that is wrong, the gravest first; each kind in the article's order."""
    found = [
        *_clusters(composition, market),
        *_risk(composition),
        *_missing(composition),
        *_oversized(composition),
        *_issuers(composition, market),
        *_prices(composition, market),
    ]
    return sorted(found, key=lambda finding: -finding.severity)


def _symbols(parts: Iterable[Part]) -> str:
    return ", ".join(part.asset.symbol for part in parts)


def _clusters(composition: Composition, market: Market) -> Iterable[Finding]:
    for cluster in market.clusters:
        held = [part for part in composition.parts if part.asset.pk in cluster.asset_ids]
        if len(held) < 2:
            continue
        together = sum(part.weight for part in held)
        yield Finding(
            key="cluster",
            title=f"A hidden cluster: {_symbols(held)}",
            severity=Severity.HIGH if together > checklist.LARGEST_RISK else Severity.MEDIUM,
            evidence=f"Beyond what Bitcoin does to all, these {len(held)} move together: they came "
            f"back as one bet in {percent(cluster.share)} % of resampled histories. Together they "
            f"are {percent(together)} % of the portfolio.",
            proposal="Count them as one bet: hierarchical risk parity does.",
            query="proposal=hierarchical",
        )


def _risk(composition: Composition) -> Iterable[Finding]:
    measured = [part for part in composition.parts if part.share_of_risk]
    for part in sorted(measured, key=lambda part: -(part.share_of_risk or 0.0)):
        share = part.share_of_risk or 0.0
        if share > checklist.LARGEST_RISK + checklist.ROUNDING:
            severity = Severity.HIGH if share > 0.5 else Severity.MEDIUM
            title = f"{part.asset.symbol} dominates the risk"
        elif share >= TOLD_FROM and share > OUT_OF_PROPORTION * part.weight:
            severity, title = Severity.LOW, f"{part.asset.symbol} carries more risk than money"
        else:
            continue
        yield Finding(
            key="risk",
            title=title,
            severity=severity,
            evidence=f"It is {percent(part.weight)} % of the money and {percent(share)} % of the "
            "risk.",
            proposal="Try risk budgets: each category gets the risk that it is meant to carry.",
            query="proposal=risk-budgets",
        )


def _missing(composition: Composition) -> Iterable[Finding]:
    held = {part.asset.category.slug for part in composition.parts}
    for slug, name in checklist.MAJOR_CATEGORIES.items():
        if slug in held:
            continue
        leader = composition.leaders.get(slug)
        yield Finding(
            key="missing",
            title=f"Nothing of {name}",
            severity=Severity.LOW,
            evidence=f"None of the {len(composition.parts)} positions is in this category.",
            proposal=f"Try {percent(NEW_POSITION)} % in {leader.name}, taken from all others in "
            "proportion."
            if leader
            else "",
            query=_address(with_new(composition, leader)) if leader else "",
        )
    average = composition.average_correlation
    if average is not None and average > checklist.AVERAGE_CORRELATION:
        yield Finding(
            key="correlation",
            title="The risky assets move together",
            severity=Severity.MEDIUM,
            evidence=f"Their average correlation is {ratio(average)}; above "
            f"{ratio(checklist.AVERAGE_CORRELATION)} many positions are little more than one.",
            proposal="Try the least volatility that your limits allow.",
            query="proposal=minimum-volatility",
        )


def _oversized(composition: Composition) -> Iterable[Finding]:
    for part, cap in checklist.above_cap(composition):
        yield Finding(
            key="oversized",
            title=f"{part.asset.symbol} is above its cap",
            severity=Severity.HIGH if part.weight > 1.5 * cap else Severity.MEDIUM,
            evidence=f"{percent(part.weight)} % of the portfolio; the profile allows "
            f"{percent(cap)} %.",
            proposal=f"Try {part.asset.symbol} at its cap, the rest to the others in proportion.",
            query=_address(with_weight(composition, part.asset.pk, cap)),
        )


def _issuers(composition: Composition, market: Market) -> Iterable[Finding]:
    owed: dict[str, list[Part]] = {}
    for part in composition.parts:
        if part.asset.kind == Asset.Kind.STABLECOIN:
            issuer = ISSUERS.get(part.asset.coingecko_id or "", part.asset.name)
            owed.setdefault(issuer, []).append(part)
    for issuer, parts in owed.items():
        weight = sum(part.weight for part in parts)
        if weight <= ISSUER_CAP + checklist.ROUNDING:
            continue
        other = market.other_stable
        yield Finding(
            key="issuer",
            title=f"{issuer} owes much of it",
            severity=Severity.HIGH if weight > 2 * ISSUER_CAP else Severity.MEDIUM,
            evidence=f"{percent(weight)} % of the portfolio are stablecoins of one issuer "
            f"({_symbols(parts)}): as safe as that company, and no safer.",
            proposal=f"Try half of it in {other.name}." if other else "",
            query=_address(halved(composition, parts, other)) if other else "",
        )


def _prices(composition: Composition, market: Market) -> Iterable[Finding]:
    for part in composition.parts:
        symbol, readings = part.asset.symbol, market.pegs.get(part.asset.pk, ())
        off = [abs(each - 1) for each in readings[:DEPEG_READINGS]]
        if len(off) == DEPEG_READINGS and min(off) > DEPEG + checklist.ROUNDING:
            yield Finding(
                key="depegged",
                title=f"{symbol} is off its peg",
                severity=Severity.HIGH,
                evidence=f"It closed at {price(readings[1])} and {price(readings[0])} US dollars: "
                f"more than {percent(DEPEG)} % from one on two readings.",
                proposal=f"Try it in {market.other_stable.name}." if market.other_stable else "",
                query=_address(replaced(composition, part, market.other_stable))
                if market.other_stable
                else "",
            )
        elif part.asset.pk in market.stale:
            yield Finding(
                key="stale",
                title=f"The price of {symbol} is old",
                severity=Severity.MEDIUM if part.weight > NEW_POSITION else Severity.LOW,
                evidence=f"Nobody quotes it any more, or its source has stopped. Its "
                f"{percent(part.weight)} % of the portfolio, and all that follows from it, "
                "rest on the last known price.",
            )


# --- Weights to try -------------------------------------------------------------------------------


def _weights(composition: Composition) -> dict[int, float]:
    return {part.asset.pk: part.weight for part in composition.parts}


def with_weight(composition: Composition, asset_id: int, weight: float) -> dict[int, float]:
    """One position at this weight, what that frees or needs from all others in proportion."""
    weights = _weights(composition)
    total = sum(weights.values())
    others = total - weights.get(asset_id, 0.0)
    scale = (total - weight) / others if others > 0 else 0.0
    return {pk: each * scale for pk, each in weights.items() if pk != asset_id} | {asset_id: weight}


def with_new(composition: Composition, asset: Asset) -> dict[int, float]:
    return with_weight(composition, asset.pk, NEW_POSITION)


def halved(composition: Composition, parts: Sequence[Part], other: Asset) -> dict[int, float]:
    """Half of these positions in another asset."""
    weights = _weights(composition)
    for part in parts:
        weights[part.asset.pk] = part.weight / 2
    weights[other.pk] = weights.get(other.pk, 0.0) + sum(part.weight for part in parts) / 2
    return weights


def replaced(composition: Composition, part: Part, other: Asset) -> dict[int, float]:
    weights = _weights(composition)
    weights[other.pk] = weights.get(other.pk, 0.0) + weights.pop(part.asset.pk)
    return weights


def _address(weights: Mapping[int, float]) -> str:
    """The workbench's query for these weights."""
    exact = {pk: Decimal(f"{each:.{targets.DECIMALS}f}") for pk, each in weights.items()}
    whole = targets.normalise(exact)
    pairs = (f"{pk}:{each:f}" for pk, each in whole.items() if each > 0)
    return "weights=" + ",".join(pairs)
