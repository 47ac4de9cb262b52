"""Balances: what a portfolio holds of each asset."""

from collections.abc import Iterable
from decimal import Context, Decimal

from portfolios.models import Asset, Holding, Portfolio
from portfolios.services import revisions
from portfolios.services.errors import ConflictError, OwnAssetError, QuantityError

DECIMALS = 18  # one wei; what numeric(38,18) holds
SMALLEST = Decimal(10) ** -DECIMALS
TOO_LARGE = Decimal(10) ** 20


def check_quantity(quantity: Decimal) -> Decimal:
    """Return the quantity if a balance can have it exactly; raise QuantityError else."""
    if not quantity.is_finite():
        raise QuantityError("The quantity must be a number.")
    if quantity <= 0:
        raise QuantityError("The quantity must be above zero. To hold none, remove the holding.")
    if quantity >= TOO_LARGE:
        raise QuantityError("The quantity must be below 100,000,000,000,000,000,000.")
    if quantity != quantity.quantize(SMALLEST, context=Context(prec=60)):
        raise QuantityError(f"The quantity has more than {DECIMALS} decimals.")
    return quantity


def check_visible(assets: Iterable[Asset], *, portfolio: Portfolio) -> None:
    """Raise OwnAssetError when one of them is somebody else's own."""
    if any(asset.owner_id not in (None, portfolio.owner_id) for asset in assets):
        raise OwnAssetError("Choose an asset from the list.")


def save(
    *, portfolio: Portfolio, asset: Asset, quantity: Decimal, expected_revision: int | None = None
) -> Holding:
    """Set what the portfolio holds of an asset.

    Idempotent but for the revision. Raises QuantityError, and ConflictError when the portfolio is
    no longer at the revision that the person saw; None means whatever it is.
    """
    check_quantity(quantity)
    check_visible([asset], portfolio=portfolio)
    with revisions.changing(portfolio, expected=expected_revision) as locked:
        holding, _ = Holding.objects.update_or_create(
            portfolio=locked, asset=asset, defaults={"quantity": quantity}
        )
    return holding


def remove(*, portfolio: Portfolio, asset: Asset, expected_revision: int | None = None) -> None:
    """Let the portfolio hold nothing of an asset.

    Raises ConflictError when it holds none already, and as `save` does.
    """
    with revisions.changing(portfolio, expected=expected_revision) as locked:
        deleted, _ = Holding.objects.filter(portfolio=locked, asset=asset).delete()
        if not deleted:
            raise ConflictError(f"{asset.symbol} was removed in another tab already.")
