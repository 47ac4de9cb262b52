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
from portfolios.models.assets import DOLLAR
from portfolios.selectors.lines import Line
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
Entry = Transaction | Line
Currencies = Mapping[int, bool]
"""The ids of currencies, and of each whether it is the dollar."""
AT_CLOSE = (Kind.SWAP, Kind.INCOME, Kind.BUY, Kind.SELL)
"""Kinds that are worth the close of their day when nothing else is said."""


class Worth:
    """What legs and lines were worth on their days, in US dollars; None: nobody knows."""

    def __init__(self, entries: Sequence[Entry], currencies: Currencies) -> None:
        self.currencies = currencies
        self.rates = _rates(entries, currencies)
        self.closes = _closes(entries, currencies)

    def is_cash(self, asset_id: int | None) -> bool:
        return asset_id in self.currencies

    def cash(self, asset_id: int, amount: Decimal, day: date) -> Decimal | None:
        """At the rate of the day, or of the last day before that had one within a week.

        What is no currency has no rate.
        """
        if self.currencies.get(asset_id):
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

    def of(self, entry: Entry) -> Decimal | None:
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

    def of_fee(self, entry: Entry) -> Decimal | None:
        if entry.fee_asset_id is None or entry.fee_quantity is None:
            return Decimal(0)
        return self.of_leg(entry.fee_asset_id, entry.fee_quantity, day_of(entry))


def day_of(entry: Entry) -> date:
    return entry.at.astimezone(UTC).date()


def sides_of(entry: Entry) -> Iterator[tuple[int, Decimal]]:
    """What came in and what went out, without the fee."""
    if entry.received_asset_id is not None and entry.received_quantity is not None:
        yield entry.received_asset_id, entry.received_quantity
    if entry.sent_asset_id is not None and entry.sent_quantity is not None:
        yield entry.sent_asset_id, entry.sent_quantity


def currencies_of(assets: Iterable[Asset]) -> dict[int, bool]:
    return {asset.pk: asset.is_dollar for asset in assets if asset.kind == Asset.Kind.CASH}


def all_currencies() -> dict[int, bool]:
    """Of the catalogue and of anybody's own."""
    cash = Asset.of_anybody.filter(kind=Asset.Kind.CASH).values_list("pk", "coingecko_id")
    return {pk: coingecko_id == DOLLAR for pk, coingecko_id in cash}


def _rates(entries: Iterable[Entry], currencies: Currencies) -> dict[tuple[int, date], Decimal]:
    """The rates of all currencies in use, from a week before the first line on."""
    used = {
        pk
        for entry in entries
        for pk in (
            entry.received_asset_id, entry.sent_asset_id, entry.fee_asset_id, entry.value_asset_id
        )
    }  # fmt: skip
    foreign = [pk for pk, is_dollar in currencies.items() if pk in used and not is_dollar]
    if not foreign:
        return {}
    days = [day_of(entry) for entry in entries]
    first, last = min(days) - RATE_HOLDS, max(days)
    with connection.cursor() as cursor:
        cursor.execute(RATES, {"assets": foreign, "first": first, "last": last})
        return {(asset_id, day): rate for asset_id, day, rate in cursor.fetchall()}


def _closes(entries: Iterable[Entry], currencies: Currencies) -> dict[tuple[int, date], float]:
    """The closes that lines may need: of what nobody gave a value in money for, and of fees."""
    pairs = {
        (asset_id, day_of(entry)) for entry in entries for asset_id in _unvalued(entry, currencies)
    }
    if not pairs:
        return {}
    ids, days = zip(*pairs, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(CLOSES, {"assets": list(ids), "days": list(days)})
        return {(asset_id, day): close for asset_id, day, close in cursor.fetchall()}


def _unvalued(entry: Entry, currencies: Currencies) -> Iterator[int]:
    sides = [asset_id for asset_id, _ in sides_of(entry)]
    if entry.value is None and not any(asset_id in currencies for asset_id in sides):
        yield from sides
    if entry.fee_asset_id is not None and entry.fee_asset_id not in currencies:
        yield entry.fee_asset_id
