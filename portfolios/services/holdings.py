"""Balances: what a portfolio holds of each asset.

A balance that is entered by hand is a line of the ledger, too: the difference to what the ledger
added up to. So people without a history need no more than balances, and holdings are always the
ledger's sum.
"""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal, localcontext

from django.db.models import Q
from django.utils import timezone

from portfolios.models import Asset, Holding, Portfolio, Transaction
from portfolios.services import revisions, transactions
from portfolios.services.errors import ConflictError, OwnAssetError
from portfolios.services.quantities import check_quantity


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
        _correct(locked, asset, quantity)
    rows = Holding.objects.select_related("portfolio", "asset")
    return rows.get(portfolio=portfolio, asset=asset)


def remove(*, portfolio: Portfolio, asset: Asset, expected_revision: int | None = None) -> None:
    """Let the portfolio hold nothing of an asset.

    Raises ConflictError when it holds none already, and as `save` does.
    """
    with revisions.changing(portfolio, expected=expected_revision) as locked:
        if not Holding.objects.filter(portfolio=locked, asset=asset).exists():
            raise ConflictError(f"{asset.symbol} was removed in another tab already.")
        _correct(locked, asset, Decimal(0))


def _correct(locked: Portfolio, asset: Asset, quantity: Decimal) -> None:
    """Write the difference into the ledger: one line an asset and day, if nothing came between."""
    holding = Holding.objects.filter(portfolio=locked, asset=asset).first()
    now, latest = timezone.now(), _latest(locked, asset)
    with localcontext(prec=60):
        difference = quantity - (holding.quantity if holding else 0)
        if latest is not None:
            now = max(now, latest.at)
            if _is_correction_of(latest, now.date()):
                difference += dict(latest.legs())[asset.pk]
                latest.delete()
    entries = [correction(asset, difference, at=now)] if difference else []
    transactions.record(locked, entries, now=now)
    transactions.follow(locked, {asset.pk})


def correction(asset: Asset, difference: Decimal, *, at: datetime) -> Transaction:
    """The line by which a balance grows or shrinks."""
    leg = "received" if difference > 0 else "sent"
    legs = {f"{leg}_asset": asset, f"{leg}_quantity": difference.copy_abs()}
    return Transaction(kind=Transaction.Kind.BALANCE, at=at, **legs)


def _latest(locked: Portfolio, asset: Asset) -> Transaction | None:
    """The newest line that moves this asset."""
    moves = Q(received_asset=asset) | Q(sent_asset=asset) | Q(fee_asset=asset)
    return locked.transactions.filter(moves).first()


def _is_correction_of(entry: Transaction, day: date) -> bool:
    by_hand = entry.kind == Transaction.Kind.BALANCE and entry.import_run_id is None
    return by_hand and entry.at.date() == day and entry.value is None and not entry.note
