"""What the article claims of its models, what was measured, and where it breaks its own rules.

The measured figures are those of docs/methods.md: real daily closes of 2021 to 2024, rebalanced to
target whenever a position had drifted 5 points, without costs; an asset not listed yet was held
as cash.
"""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from portfolios.models import Asset, AssetCategory, ModelPortfolio, ModelPortfolioLine
from portfolios.models.assets import CORE

FEWEST_POSITIONS, MOST_POSITIONS = 8, 15
CATEGORY_CAP = Decimal("0.40")
MAJOR_CATEGORIES = {"defi": "DeFi", "infrastructure": "infrastructure", "l2-scaling": "layer 2"}


@dataclass(frozen=True)
class Claim:
    measure: str
    claimed: str
    measured: str


@dataclass(frozen=True)
class Conflict:
    """A rule of the article, and what its own model has instead."""

    rule: str
    found: str


CLAIMS = {
    "conservative": (
        Claim("Maximum drawdown", "at most −20 %", "−70 %"),
        Claim("Volatility a year", "about 35 %", "58 %"),
        Claim("Correlation to Bitcoin", "0.92", "0.94"),
    ),
    "moderate": (
        Claim("Maximum drawdown", "at most −35 %", "−72 %"),
        Claim("Volatility a year", "about 50 %", "61 %"),
        Claim("Correlation to Bitcoin", "0.85", "0.91"),
    ),
    "aggressive": (
        Claim("Maximum drawdown", "−50 % and more", "−71 %"),
        Claim("Volatility a year", "about 70 %", "63 %"),
        Claim("Correlation to Bitcoin", "0.78", "0.86"),
    ),
}


def conflicts(model: ModelPortfolio) -> list[Conflict]:
    """Where the model breaks the article's rules, in the order of the article."""
    lines = list(model.lines.all())
    return [*_few_or_many(lines), *_categories(lines), *_positions(lines, model), *_missing(lines)]


def category_weights(model: ModelPortfolio) -> dict[AssetCategory, Decimal]:
    """The share of each category, the largest first."""
    weights: dict[AssetCategory, Decimal] = defaultdict(Decimal)
    for line in model.lines.all():
        weights[_category(line)] += line.weight
    return dict(sorted(weights.items(), key=lambda item: -item[1]))


def _category(line: ModelPortfolioLine) -> AssetCategory:
    category = line.asset.category if line.asset else line.category
    assert category is not None  # a line has an asset or a category
    return category


def _is_core(line: ModelPortfolioLine) -> bool:
    return line.asset is not None and line.asset.coingecko_id in CORE


def _few_or_many(lines: list[ModelPortfolioLine]) -> list[Conflict]:
    if FEWEST_POSITIONS <= len(lines) <= MOST_POSITIONS:
        return []
    return [Conflict(f"{FEWEST_POSITIONS} to {MOST_POSITIONS} positions", f"It has {len(lines)}.")]


def _categories(lines: list[ModelPortfolioLine]) -> list[Conflict]:
    found = []
    for category in dict.fromkeys(map(_category, lines)):
        members = [line for line in lines if _category(line) == category]
        weight = sum((line.weight for line in members), Decimal(0))
        if weight > CATEGORY_CAP:
            words = f"{category} has {weight * 100:.0f} %."
            if all(map(_is_core, members)):
                words += " All of it is core, which the profile's own range judges instead."
            found.append(Conflict(f"No category above {CATEGORY_CAP * 100:.0f} %", words))
    return found


def _positions(lines: list[ModelPortfolioLine], model: ModelPortfolio) -> list[Conflict]:
    cap = model.profile.other_cap
    return [
        Conflict(
            f"No position but the core above {cap * 100:.0f} %",
            f"{line.weight * 100:.0f} % in {line.asset.symbol}.",
        )
        for line in lines
        if line.asset
        and line.weight > cap
        and not _is_core(line)
        and line.asset.kind == Asset.Kind.COIN
    ]


def _missing(lines: list[ModelPortfolioLine]) -> list[Conflict]:
    present = {_category(line).slug for line in lines}
    missing = [name for slug, name in MAJOR_CATEGORIES.items() if slug not in present]
    if not missing:
        return []
    rule = f"At least one asset each of {', '.join(MAJOR_CATEGORIES.values())}"
    return [Conflict(rule, f"It has none of {' or '.join(missing)}.")]
