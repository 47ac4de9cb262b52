"""The wizard's weights: the core and the buffer as chosen, the rest sized by risk in its ranges."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby, zip_longest
from math import ceil

import numpy as np
from numpy.typing import NDArray

from analytics.core import bounded_weights, feasibility, risk_budgets
from analytics.core.errors import CoreError
from analytics.core.feasibility import Bounds
from analytics.services import weight_limits
from analytics.services.weight_limits import Range
from portfolios.models import Asset, AssetCategory, RiskProfile
from portfolios.templatetags.figures import exact_percent

Floats = NDArray[np.float64]
Weights = dict[Asset, Decimal]

STEPS = 10_000  # a step is a hundredth of a percent

# With the core and a stablecoin eight positions, the article's fewest; and never more than this.
USUAL, MOST_SUGGESTED = 5, 12


class NoRoom(Exception):
    """No weights keep all ranges; the message says which is in the way, and what to do."""


def usual_core(profile: RiskProfile) -> tuple[Decimal, Decimal]:
    """Bitcoin and Ether to begin with: the most of the range, in the proportions of their caps."""
    caps = profile.bitcoin_cap + profile.ether_cap
    part = profile.bitcoin_cap / caps if caps else Decimal(1)
    bitcoin = (profile.core_max * part).quantize(Decimal("0.01"), ROUND_HALF_UP)
    bitcoin = min(max(bitcoin, profile.core_max - profile.ether_cap), profile.bitcoin_cap)
    return bitcoin, min(profile.core_max - bitcoin, profile.ether_cap)


def buffer_range(categories: Iterable[AssetCategory]) -> Range:
    """What stablecoins may have."""
    found = next((each for each in categories if each.slug == weight_limits.STABLECOINS), None)
    return weight_limits.of_category(found, []) if found else Range("stablecoins")


def usual_buffer(allowed: Range) -> Decimal:
    return round((allowed.low + allowed.high) / 2, 2)


def fewest(profile: RiskProfile, left: Decimal) -> int:
    """How many diversifiers it takes to hold what is left, each up to its cap."""
    return ceil(left / profile.other_cap) if left > 0 and profile.other_cap else 0


def size(
    *,
    profile: RiskProfile,
    core: Mapping[Asset, Decimal],
    diversifiers: Sequence[Asset],
    buffer: Mapping[Asset, Decimal],
    covariance: Floats | None,
) -> Weights:
    """All weights, summing to exactly one in hundredths of a percent.

    The diversifiers add the same risk each as far as the ranges of their categories and the
    profile's cap let them; without a covariance (n, n) of theirs, the same money. Raises NoRoom.
    """
    fixed = {asset: weight for asset, weight in {**core, **buffer}.items() if weight}
    left = Decimal(1) - sum(fixed.values(), Decimal(0))
    if not diversifiers:
        if left:
            raise NoRoom(f"{_shown(left)} is still without a place. Choose diversifiers for it.")
        return fixed
    within = _bounds(profile, [*fixed, *diversifiers], diversifiers, left)
    wished = _wished(covariance, len(diversifiers))
    try:
        found = bounded_weights.nearest(wished, within)
        whole = bounded_weights.in_steps(found, within, int(left * STEPS))
    except CoreError as error:
        raise NoRoom("The ranges are so narrow that no weights fit them.") from error
    sized = {
        asset: Decimal(int(steps)) / STEPS
        for asset, steps in zip(diversifiers, whole, strict=True)
        if steps
    }
    return fixed | sized


def _wished(covariance: Floats | None, count: int) -> Floats:
    equal = np.full(count, 1 / count)
    if covariance is None:
        return equal
    try:
        return risk_budgets.equal_risk(covariance, np.ones((1, count), dtype=bool)).weights[0]
    except CoreError:
        return equal


def _bounds(
    profile: RiskProfile, everything: Sequence[Asset], diversifiers: Sequence[Asset], left: Decimal
) -> Bounds:
    """Of the diversifiers, as fractions of what is left. Raises NoRoom."""
    if left <= 0:
        raise NoRoom("The core and the stablecoins leave nothing for diversifiers.")
    categories = list(dict.fromkeys(asset.category for asset in diversifiers))
    ranges = [weight_limits.of_category(each, everything) for each in categories]
    counts = [sum(asset.category == each for asset in diversifiers) for each in categories]
    most = [min(each.high, n * profile.other_cap) for each, n in zip(ranges, counts, strict=True)]
    _check(profile, ranges, most, left)
    cap = min(float(profile.other_cap / left), 1.0)
    return feasibility.bounds(
        np.zeros((1, len(diversifiers))),
        np.full((1, len(diversifiers)), cap),
        np.array([categories.index(asset.category) for asset in diversifiers]),
        np.array([[min(float(each.low / left), 1.0) for each in ranges]]),
        np.array([[min(float(each.high / left), 1.0) for each in ranges]]),
    )


def _check(
    profile: RiskProfile, ranges: Sequence[Range], most: Sequence[Decimal], left: Decimal
) -> None:
    for each, high in zip(ranges, most, strict=True):
        if high < each.low:
            raise NoRoom(
                f"{each.name} needs at least {_shown(each.low)}, and one asset may have at most "
                f"{_shown(profile.other_cap)}. Add another one of it, or leave it out."
            )
    if (least := sum((each.low for each in ranges), Decimal(0))) > left:
        names = ", ".join(f"{each.name} {_shown(each.low)}" for each in ranges if each.low)
        raise NoRoom(
            f"{_shown(left)} is left, and at their least the categories take {_shown(least)}: "
            f"{names}. Leave one out, or choose a smaller core or buffer."
        )
    if (room := sum(most, Decimal(0))) < left:
        names = ", ".join(
            f"{each.name} {_shown(high)}" for each, high in zip(ranges, most, strict=True)
        )
        raise NoRoom(
            f"{_shown(left)} is to be placed, and these hold at most {_shown(room)}: {names}. "
            "Add assets, best of other categories."
        )


def _shown(fraction: Decimal) -> str:
    return f"{exact_percent(round(fraction, 4))} %"


def suggest(
    *,
    profile: RiskProfile,
    core: Mapping[Asset, Decimal],
    candidates: Sequence[Asset],
    buffer: Mapping[Asset, Decimal],
) -> list[Asset]:
    """Diversifiers to begin with: the largest of each category in turn, until there is room.

    Only categories that a range is recommended for, those first that the core is not in.
    """
    held = {asset.category for asset in core}
    ranged = [asset for asset in candidates if asset.category.recommended_max is not None]
    ranged.sort(key=lambda asset: (asset.category in held, asset.category.position))
    queues = [list(group) for _, group in groupby(ranged, key=lambda asset: asset.category)]
    rounds = zip_longest(*queues)
    chosen: list[Asset] = []
    fits = False
    for asset in (each for row in rounds for each in row if each is not None):
        if (fits and len(chosen) >= USUAL) or len(chosen) >= MOST_SUGGESTED:
            break
        trial = [*chosen, asset]
        try:
            weights = size(
                profile=profile, core=core, diversifiers=trial, buffer=buffer, covariance=None
            )
        except NoRoom:
            chosen = chosen if fits else trial
            continue
        if all(each in weights for each in trial):
            chosen, fits = trial, True
    return chosen if fits else []
