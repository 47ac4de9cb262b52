"""Target weights: what a portfolio should hold, in fractions that sum to one."""

from collections.abc import Mapping
from decimal import Decimal

from portfolios.models import Asset, Portfolio, TargetWeight
from portfolios.services import revisions
from portfolios.services.errors import TargetsError

DECIMALS = 9  # of a fraction, that is seven of a percentage


def percent(fraction: Decimal) -> str:
    """Write a fraction as a percentage, with two decimals or as many more as it has."""
    text = f"{(fraction * 100).normalize():f}"
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.ljust(2, '0')} %"


def check_weights(weights: Mapping[Asset, Decimal]) -> None:
    """Raise TargetsError unless the weights are fractions that sum to exactly one."""
    for asset, weight in weights.items():
        if not weight.is_finite() or not 0 < weight <= 1:
            raise TargetsError(f"The target of {asset.symbol} must be above 0 % and at most 100 %.")
        if weight != round(weight, DECIMALS):
            raise TargetsError(
                f"The target of {asset.symbol} has more than {DECIMALS - 2} decimals."
            )
    total = sum(weights.values(), Decimal(0))
    if total < 1:
        raise TargetsError(f"Targets sum to {percent(total)}. Add {percent(1 - total)} more.")
    if total > 1:
        raise TargetsError(f"Targets sum to {percent(total)}. Take {percent(total - 1)} away.")


def replace(
    *, portfolio: Portfolio, weights: Mapping[Asset, Decimal], expected_revision: int | None
) -> None:
    """Make these the targets of the portfolio, and no others.

    Idempotent but for the revision. Raises TargetsError, and ConflictError when the portfolio is
    no longer at the revision that the person saw; None means whatever it is.
    """
    check_weights(weights)
    with revisions.changing(portfolio, expected=expected_revision) as locked:
        TargetWeight.objects.filter(portfolio=locked).delete()
        TargetWeight.objects.bulk_create(
            TargetWeight(portfolio=locked, asset=asset, weight=weight)
            for asset, weight in weights.items()
        )
