"""What lines of a ledger were worth on their days, in US dollars.

What was paid or got in a currency counts at the rate of its day, or else the value that was given.
Swaps, income and trades between coins without either count at the close of their day. A rate or a
close that nobody has leaves it unknown; the price of another day never stands in.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, timedelta
from decimal import Decimal

from django.db import connection

from portfolios.models import Asset, Transaction
from portfolios.selectors.prices import RATE_HOLDS

Kind = Transaction.Kind

RATES = """
    SELECT asset_id, date, rate FROM portfolios_referencerate WHERE asset_id = ANY(%(assets)s)
    AND date BETWEEN %(first)s AND %(last)s
"""
CLOSES = """
    SELECT price.asset_id, price.date, price.close
    FROM unnest(%(assets)s::bigint[], %(days)s::date[]) AS asked (asset_id, date)
    JOIN portfolios_dailyprice AS price USING (asset_id, date)
"""
AT_CLOSE = (Kind.SWAP, Kind.INCOME, Kind.BUY, Kind.SELL)
"""Kinds that are worth the close of their day when nothing else is said."""


class Worth:
    """What legs and lines were worth on their days, in US dollars; None: nobody knows."""

    def __init__(self, entries: Sequence[Transaction], assets: Mapping[int, Asset]) -> None:
        self.assets = assets
        self.rates = _rates(entries, assets)
        self.closes = _closes(entries, assets)

    def is_cash(self, asset_id: int | None) -> bool:
        return asset_id is not None and self.assets[asset_id].kind == Asset.Kind.CASH

    def cash(self, asset_id: int, amount: Decimal, day: date) -> Decimal | None:
        """At the rate of the day, or of the last day before that had one within a week."""
        if self.assets[asset_id].is_dollar:
            return amount
        days = (day - timedelta(days=back) for back in range(RATE_HOLDS.days + 1))
        rates = (self.rates.get((asset_id, each)) for each in days)
        rate = next((rate for rate in rates if rate is not None), None)
        return None if rate is None else amount * rate

    def at_close(self, asset_id: int, quantity: Decimal, day: date) -> Decimal | None:
        close = self.closes.get((asset_id, day))
        return None if close is None else quantity * Decimal(repr(close))

    def of_leg(self, asset_id: int, quantity: Decimal, day: date) -> Decimal | None:
        if self.is_cash(asset_id):
            return self.cash(asset_id, quantity, day)
        return self.at_close(asset_id, quantity, day)

    def of(self, entry: Transaction) -> Decimal | None:
        """What a line moved, without its fee."""
        day = day_of(entry)
        for asset_id, quantity in sides_of(entry):
            if self.is_cash(asset_id):
                return self.cash(asset_id, quantity, day)
        if entry.value is not None and entry.value_asset_id is not None:
            return self.cash(entry.value_asset_id, entry.value, day)
        sides = list(sides_of(entry))
        if entry.kind not in AT_CLOSE or (entry.kind in (Kind.BUY, Kind.SELL) and len(sides) < 2):
            return None
        closes = (self.at_close(asset_id, quantity, day) for asset_id, quantity in sides)
        return next((worth for worth in closes if worth is not None), None)

    def of_fee(self, entry: Transaction) -> Decimal | None:
        if entry.fee_asset_id is None or entry.fee_quantity is None:
            return Decimal(0)
        return self.of_leg(entry.fee_asset_id, entry.fee_quantity, day_of(entry))


def day_of(entry: Transaction) -> date:
    return entry.at.astimezone(UTC).date()


def sides_of(entry: Transaction) -> Iterator[tuple[int, Decimal]]:
    """What came in and what went out, without the fee."""
    if entry.received_asset_id is not None and entry.received_quantity is not None:
        yield entry.received_asset_id, entry.received_quantity
    if entry.sent_asset_id is not None and entry.sent_quantity is not None:
        yield entry.sent_asset_id, entry.sent_quantity


def _rates(
    entries: Iterable[Transaction], assets: Mapping[int, Asset]
) -> dict[tuple[int, date], Decimal]:
    """The rates of all currencies in use, from a week before the first line on."""
    currencies = [
        pk for pk, asset in assets.items() if asset.kind == Asset.Kind.CASH and not asset.is_dollar
    ]
    days = [day_of(entry) for entry in entries]
    if not currencies or not days:
        return {}
    first, last = min(days) - RATE_HOLDS, max(days)
    with connection.cursor() as cursor:
        cursor.execute(RATES, {"assets": currencies, "first": first, "last": last})
        return {(asset_id, day): rate for asset_id, day, rate in cursor.fetchall()}


def _closes(
    entries: Iterable[Transaction], assets: Mapping[int, Asset]
) -> dict[tuple[int, date], float]:
    """The closes that lines may need: of each asset on the days on which it moved."""
    pairs = {
        (asset_id, day_of(entry))
        for entry in entries
        for asset_id, _ in entry.legs()
        if assets[asset_id].kind != Asset.Kind.CASH
    }
    if not pairs:
        return {}
    ids, days = zip(*pairs, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(CLOSES, {"assets": list(ids), "days": list(days)})
        return {(asset_id, day): close for asset_id, day, close in cursor.fetchall()}
