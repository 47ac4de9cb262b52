"""Target weights: what a portfolio should hold, in fractions that sum to one."""

from collections.abc import Iterable, Mapping
from decimal import ROUND_DOWN, Decimal, localcontext
from typing import TypeVar

from portfolios.models import (
    Asset,
    AssetCategory,
    Portfolio,
    StrategicWeight,
    TargetVersion,
    TargetWeight,
    Tilt,
)
from portfolios.selectors import target_versions as versions
from portfolios.services import holdings, revisions, roles, target_versions
from portfolios.services.errors import TargetsError

# What a target is for: an asset, or all that is held of a category together.
Aim = Asset | AssetCategory
Key = TypeVar("Key")  # what weights are of: aims, or ids
DECIMALS = 9  # of a fraction, that is seven of a percentage


def percent(fraction: Decimal) -> str:
    """Write a fraction as a percentage, with two decimals or as many more as it has."""
    text = f"{(fraction * 100).normalize():f}"
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.ljust(2, '0')} %"


def short_name(aim: Aim) -> str:
    return aim.symbol if isinstance(aim, Asset) else aim.name


def check_weights(weights: Mapping[Aim, Decimal]) -> None:
    """Raise TargetsError unless the weights are fractions that sum to exactly one.

    An asset has a target of its own or one with its category, not both.
    """
    for aim, weight in weights.items():
        if not weight.is_finite() or not 0 < weight <= 1:
            raise TargetsError(
                f"The target of {short_name(aim)} must be above 0 % and at most 100 %."
            )
        if weight != round(weight, DECIMALS):
            raise TargetsError(
                f"The target of {short_name(aim)} has more than {DECIMALS - 2} decimals."
            )
    check_overlap(weights)
    total = sum(weights.values(), Decimal(0))
    if total < 1:
        raise TargetsError(f"Targets sum to {percent(total)}. Add {percent(1 - total)} more.")
    if total > 1:
        raise TargetsError(f"Targets sum to {percent(total)}. Take {percent(total - 1)} away.")


def normalise(weights: Mapping[Key, Decimal]) -> dict[Key, Decimal]:
    """Scale weights so that they sum to exactly one, in hundredths of a percent where that does.

    What rounding leaves goes to the largest, a step each. Weights of nothing stay as they are.
    """
    total = sum(weights.values(), Decimal(0))
    if total <= 0:
        return dict(weights)
    with localcontext(prec=60, rounding=ROUND_DOWN):
        step = Decimal(1).scaleb(-4)
        if any(0 < weight / total < step for weight in weights.values()):
            step = Decimal(1).scaleb(-DECIMALS)
        scaled = {aim: (weight / total).quantize(step) for aim, weight in weights.items()}
        left = int((1 - sum(scaled.values(), Decimal(0))) / step)
    for aim in sorted(scaled, key=lambda aim: -weights[aim])[:left]:
        scaled[aim] += step
    return scaled


def check_overlap(aims: Iterable[Aim]) -> None:
    """Raise TargetsError when an asset and its whole category both have a target."""
    aims = list(aims)
    for aim in aims:
        if isinstance(aim, Asset) and aim.category in aims:
            raise TargetsError(
                f"{aim.symbol} cannot have a target of its own beside one for all of "
                f"{aim.category}, which it belongs to. Empty one of the two."
            )


def rows(*, portfolio: Portfolio, weights: Mapping[Aim, Decimal]) -> list[TargetWeight]:
    """The targets as they are stored."""
    return [
        TargetWeight(portfolio=portfolio, asset=aim, weight=weight)
        if isinstance(aim, Asset)
        else TargetWeight(portfolio=portfolio, category=aim, weight=weight)
        for aim, weight in weights.items()
    ]


def replace(
    *,
    portfolio: Portfolio,
    weights: Mapping[Aim, Decimal],
    expected_revision: int | None,
    name: str = "",
) -> None:
    """Make these the targets of the portfolio, and no others; they are kept as a version.

    They are the strategic ones: a temporary target that is in force ends.

    Idempotent but for the revision and the version. Raises TargetsError, RolesError for what the
    portfolio does not count, and ConflictError when
    the portfolio is no longer at the revision that the person saw; None means whatever it is.
    """
    check_weights(weights)
    assets = (aim for aim in weights if isinstance(aim, Asset))
    holdings.check_visible(assets, portfolio=portfolio)
    with revisions.changing(portfolio, expected=expected_revision) as locked:
        target_versions.keep_saved(locked)
        for model in (Tilt, StrategicWeight, TargetWeight):
            model._default_manager.filter(portfolio=locked).delete()
        TargetWeight.objects.bulk_create(rows(portfolio=locked, weights=weights))
        roles.check(locked)
        target_versions.keep(locked, weights, name=name)


def restore(*, portfolio: Portfolio, version: TargetVersion, expected_revision: int | None) -> None:
    """Make the targets of a version those of the portfolio again; that is a version itself.

    Raises TargetsError where something of it is gone, and what `replace` raises.
    """
    found = versions.aims(version, portfolio=portfolio)
    if found.missing:
        raise TargetsError(
            f"{', '.join(found.missing)} of this version is no longer here. Open it on the "
            "workbench, and share that part out among the others."
        )
    name = f"Restored: {version}"[: TargetVersion.NAME_LENGTH]
    replace(
        portfolio=portfolio,
        weights=found.weights,
        expected_revision=expected_revision,
        name=name,
    )
