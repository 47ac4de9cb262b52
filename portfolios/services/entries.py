"""What a line of the ledger must be like, before anything is asked of the database."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from portfolios.models import Asset, Transaction
from portfolios.services.errors import LedgerError, QuantityError
from portfolios.services.quantities import check_quantity

Kind = Transaction.Kind

FIRST_MOMENT = datetime(2009, 1, 3, tzinfo=UTC)  # of the first block of all
LEGS = ("received", "sent", "fee")
NEEDED: Mapping[str, tuple[str, ...]] = {
    Kind.BUY: ("received",),
    Kind.SELL: ("sent",),
    Kind.SWAP: ("received", "sent"),
    Kind.DEPOSIT: ("received",),
    Kind.WITHDRAWAL: ("sent",),
    Kind.TRANSFER: ("received", "sent"),
    Kind.INCOME: ("received",),
    Kind.FEE: ("fee",),
    Kind.MIGRATION: (),
    Kind.BALANCE: (),
}
EXCLUDED: Mapping[str, tuple[str, ...]] = {
    Kind.DEPOSIT: ("sent",),
    Kind.WITHDRAWAL: ("received",),
    Kind.INCOME: ("sent",),
    Kind.FEE: ("received", "sent"),
    Kind.MIGRATION: ("fee",),
    Kind.BALANCE: ("fee",),
}
WORDS = {"received": "what came in", "sent": "what went out", "fee": "the fee"}


def check(entry: Transaction, *, assets: Mapping[int, Asset], now: datetime) -> None:
    """Raise LedgerError or QuantityError unless the entry can be a line of a ledger.

    `assets` are those that the owner may use, by id.
    """
    _check_time(entry, now)
    _check_legs(entry)
    for leg in LEGS:
        quantity = getattr(entry, f"{leg}_quantity")
        if quantity is not None:
            check_quantity(quantity)
    _check_value(entry, assets)
    if any(asset_id not in assets for asset_id in asset_ids(entry)):
        raise LedgerError("Choose an asset from the list.")


def asset_ids(entry: Transaction) -> set[int]:
    """All assets that an entry names."""
    named = (entry.received_asset_id, entry.sent_asset_id, entry.fee_asset_id, entry.value_asset_id)
    return {asset_id for asset_id in named if asset_id is not None}


def _check_time(entry: Transaction, now: datetime) -> None:
    if entry.at > now:
        raise LedgerError(f"{_moment(entry.at)} is yet to come. Enter what has happened.")
    if entry.at < FIRST_MOMENT:
        raise LedgerError(
            f"{_moment(entry.at)} is too early: nothing happened before {FIRST_MOMENT:%-d %B %Y}."
        )


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


def _check_legs(entry: Transaction) -> None:
    kind = Kind(entry.kind)
    present = {leg for leg in LEGS if getattr(entry, f"{leg}_asset_id") is not None}
    for leg in LEGS:
        if (leg in present) != (getattr(entry, f"{leg}_quantity") is not None):
            raise LedgerError(f"Give both the asset and the quantity of {WORDS[leg]}.")
    for leg in NEEDED[kind]:
        if leg not in present:
            raise LedgerError(f"“{kind.label}” needs {WORDS[leg]}.")
    for leg in EXCLUDED.get(kind, ()):
        if leg in present:
            raise LedgerError(f"“{kind.label}” cannot have {WORDS[leg]}.")
    moving = present & {"received", "sent"}
    if kind == Kind.BALANCE and len(moving) != 1:
        raise LedgerError("A balance is corrected upwards or downwards, one of the two.")
    if kind == Kind.MIGRATION and not moving:
        raise LedgerError("A token migration needs the old token or the new one.")
    _check_sides(entry, kind, is_both=len(moving) == 2)


def _check_sides(entry: Transaction, kind: Kind, *, is_both: bool) -> None:
    if not is_both:
        return
    same = entry.received_asset_id == entry.sent_asset_id
    if kind == Kind.TRANSFER:
        if not same or entry.received_quantity != entry.sent_quantity:
            raise LedgerError(
                "A transfer is of one asset: what arrives is what was sent, and the fee is apart."
            )
    elif same:
        raise LedgerError("What came in and what went out must be two different assets.")


def _check_value(entry: Transaction, assets: Mapping[int, Asset]) -> None:
    if (entry.value is None) != (entry.value_asset_id is None):
        raise LedgerError("Give both the value and its currency, or neither.")
    if entry.value is None or entry.value_asset_id is None:
        return
    currency = assets.get(entry.value_asset_id)
    if currency is None or currency.kind != Asset.Kind.CASH:
        raise LedgerError("Choose a currency for the value, such as USD or EUR.")
    try:
        if entry.value != 0:
            check_quantity(entry.value)
    except QuantityError:
        raise LedgerError("The value must be zero or more, with 18 decimals at most.") from None
    if entry.value < Decimal(0):
        raise LedgerError("The value must be zero or more.")
