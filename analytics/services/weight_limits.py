"""What a risk profile and the categories' ranges allow: of one position, and of groups of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from portfolios.models import Asset, AssetCategory, RiskProfile
from portfolios.models.assets import CORE
from portfolios.services.targets import Aim

STABLECOINS = "stablecoins"
# The article's: no category above this. Bitcoin and Ether are judged by the profile instead.
CATEGORY_CAP = Decimal("0.4")
NOTHING, ALL = Decimal(0), Decimal(1)


@dataclass(frozen=True)
class Range:
    """From a least to a most share of the portfolio, and whose it is."""

    name: str
    low: Decimal = NOTHING
    high: Decimal = ALL

    def judge(self, weight: float) -> str:
        """Where a share is: below, above or within; what is shown as the limit counts as within."""
        shown = as_shown(weight)
        if shown < self.low:
            return "below"
        return "above" if shown > self.high else "within"


def as_shown(weight: float) -> Decimal:
    """A weight in hundredths of a percent: what rounding adds breaks no limit."""
    return Decimal(f"{weight:.4f}")


def core(profile: RiskProfile | None) -> Range | None:
    if profile is None:
        return None
    return Range(f"the {profile.name.lower()} profile's core", profile.core_min, profile.core_max)


def cap(profile: RiskProfile | None, aim: Aim) -> Decimal:
    """The most that one position may have; money and whole categories have no cap of their own."""
    if profile is None or not isinstance(aim, Asset) or is_money(aim):
        return ALL
    of_core = dict(zip(CORE, (profile.bitcoin_cap, profile.ether_cap), strict=True))
    return of_core.get(aim.coingecko_id or "", profile.other_cap)


def of_category(category: AssetCategory, aims: Sequence[Aim]) -> Range:
    """The range of a category among these; the core fills the least of a category it is in."""
    least, most = category.recommended_min or NOTHING, category.recommended_max or CATEGORY_CAP
    if any(is_core(aim) and aim.category == category for aim in aims if isinstance(aim, Asset)):
        least = NOTHING
    return Range(category.name, least, most)


def money(aims: Sequence[Aim]) -> Range | None:
    """The range of stablecoins and cash together, where a stablecoin is among these."""
    categories = (aim.category if isinstance(aim, Asset) else aim for aim in aims)
    found = next((each for each in categories if each.slug == STABLECOINS), None)
    return of_category(found, aims) if found else None


def is_core(aim: Aim) -> bool:
    return isinstance(aim, Asset) and aim.coingecko_id in CORE


def is_money(aim: Aim) -> bool:
    return aim.is_money
