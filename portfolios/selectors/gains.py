"""Lots, and what sales have gained, in US dollars: the ledger and the rates of each day.

What a line was worth is what was paid or got in a currency at the rate of its day, or else the
value that was given. Swaps, income and fees without either count at the close of their day. A rate
or a close that nobody has leaves the cost unknown; the price of another day never stands in.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from decimal import Decimal, localcontext

from django.db import connection

from portfolios import lots
from portfolios.lots import Acquisition, Conversion, Disposal, Event, Lot, Matching, Method, Removal
from portfolios.models import Asset, LotChoice, Portfolio, Transaction
from portfolios.selectors import ledger
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


@dataclass(frozen=True)
class OpenLot:
    asset: Asset
    lot: Lot


@dataclass(frozen=True)
class Gain:
    """A part of a sale that came from one lot."""

    asset: Asset
    disposal: Disposal

    @property
    def days_held(self) -> int:
        return self.disposal.held_for.days


@dataclass(frozen=True)
class Report:
    """All realised gains of a portfolio, the newest first, and the lots that are left."""

    gains: Sequence[Gain]
    open_lots: Sequence[OpenLot]

    @property
    def years(self) -> list[int]:
        return sorted({_year(gain) for gain in self.gains}, reverse=True)

    def of_year(self, year: int) -> "YearOfGains":
        return YearOfGains(year, [gain for gain in self.gains if _year(gain) == year])


@dataclass(frozen=True)
class YearOfGains:
    year: int
    gains: Sequence[Gain]

    @property
    def known(self) -> list[Decimal]:
        return [gain.disposal.gain for gain in self.gains if gain.disposal.gain is not None]

    @property
    def unknown(self) -> int:
        """How many parts of sales nobody knows the gain of."""
        return len(self.gains) - len(self.known)

    @property
    def total(self) -> Decimal:
        """Of those that are known."""
        with localcontext(prec=lots.DIGITS):
            return sum(self.known, Decimal(0))


def _year(gain: Gain) -> int:
    return gain.disposal.at.astimezone(UTC).year


def read(portfolio: Portfolio) -> Report:
    """Match the whole ledger by the portfolio's own method; a handful of queries."""
    entries = list(portfolio.transactions.order_by("at", "pk"))
    assets = _assets(portfolio)
    matching = match(portfolio, entries=entries, assets=assets)
    sold = [Gain(assets[part.asset], part) for part in matching.disposals if part.is_sale]
    left = [OpenLot(assets[pk], lot) for pk, found in matching.open_lots.items() for lot in found]
    return Report(
        gains=sorted(sold, key=lambda gain: gain.disposal.at, reverse=True),
        open_lots=sorted(left, key=lambda each: (each.asset.symbol, each.lot.acquired_at)),
    )


def match(
    portfolio: Portfolio, *, entries: Sequence[Transaction], assets: Mapping[int, Asset]
) -> Matching:
    """The lots of these lines of its ledger."""
    choices: dict[int, list[tuple[int, Decimal]]] = {}
    if portfolio.lot_method == Method.SPECIFIC:
        for choice in LotChoice.objects.filter(sale__portfolio=portfolio).order_by("pk"):
            choices.setdefault(choice.sale_id, []).append((choice.purchase_id, choice.quantity))
    worth = _Worth(entries, assets)
    with localcontext(prec=lots.DIGITS):
        events = [event for entry in entries for event in _events(entry, worth)]
    return lots.match(events, method=Method(portfolio.lot_method), choices=choices)


def _assets(portfolio: Portfolio) -> dict[int, Asset]:
    return Asset.of_anybody.select_related("category").in_bulk(ledger.assets_named(portfolio))


class _Worth:
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
        day = _day(entry)
        for asset_id, quantity in _sides(entry):
            if self.is_cash(asset_id):
                return self.cash(asset_id, quantity, day)
        if entry.value is not None and entry.value_asset_id is not None:
            return self.cash(entry.value_asset_id, entry.value, day)
        sides = list(_sides(entry))
        if entry.kind not in AT_CLOSE or (entry.kind in (Kind.BUY, Kind.SELL) and len(sides) < 2):
            return None
        closes = (self.at_close(asset_id, quantity, day) for asset_id, quantity in sides)
        return next((worth for worth in closes if worth is not None), None)

    def of_fee(self, entry: Transaction) -> Decimal | None:
        if entry.fee_asset_id is None or entry.fee_quantity is None:
            return Decimal(0)
        return self.of_leg(entry.fee_asset_id, entry.fee_quantity, _day(entry))


def _day(entry: Transaction) -> date:
    return entry.at.astimezone(UTC).date()


def _sides(entry: Transaction) -> Iterator[tuple[int, Decimal]]:
    """What came in and what went out, without the fee."""
    if entry.received_asset_id is not None and entry.received_quantity is not None:
        yield entry.received_asset_id, entry.received_quantity
    if entry.sent_asset_id is not None and entry.sent_quantity is not None:
        yield entry.sent_asset_id, entry.sent_quantity


def _events(entry: Transaction, worth: _Worth) -> Iterator[Event]:
    """What a line does to lots. Currencies have none: they are what gains are counted in."""
    received, sent = entry.received_asset_id, entry.sent_asset_id
    if entry.kind == Kind.MIGRATION and received is not None and sent is not None:
        assert entry.sent_quantity is not None
        assert entry.received_quantity is not None
        yield Conversion(
            entry.pk, entry.at, sent, entry.sent_quantity, received, entry.received_quantity
        )
    elif entry.kind != Kind.TRANSFER:
        yield from _trade(entry, worth)
    if entry.fee_asset_id is not None and not worth.is_cash(entry.fee_asset_id):
        assert entry.fee_quantity is not None
        paid = worth.of_fee(entry)
        yield Removal(entry.pk, entry.at, entry.fee_asset_id, entry.fee_quantity, paid)


def _trade(entry: Transaction, worth: _Worth) -> Iterator[Event]:
    """The fee of a purchase or a swap is a part of what the received has cost, else of the sale."""
    value, fee = worth.of(entry), worth.of_fee(entry)
    buys = entry.received_asset_id is not None and not worth.is_cash(entry.received_asset_id)
    if buys:
        assert entry.received_asset_id is not None
        assert entry.received_quantity is not None
        has_cost = entry.kind in (Kind.BUY, Kind.SWAP, Kind.SELL)
        cost = _sum(value, fee) if has_cost else value
        yield Acquisition(
            entry.pk, entry.at, entry.received_asset_id, entry.received_quantity, cost
        )
    if entry.sent_asset_id is not None and not worth.is_cash(entry.sent_asset_id):
        assert entry.sent_quantity is not None
        is_sale = entry.kind in (Kind.SELL, Kind.SWAP, Kind.BUY)
        proceeds = value if buys else _sum(value, None if fee is None else -fee)
        yield Removal(
            entry.pk,
            entry.at,
            entry.sent_asset_id,
            entry.sent_quantity,
            proceeds if is_sale else None,
            is_sale=is_sale,
        )


def _sum(value: Decimal | None, fee: Decimal | None) -> Decimal | None:
    return None if value is None or fee is None else value + fee


def _rates(
    entries: Iterable[Transaction], assets: Mapping[int, Asset]
) -> dict[tuple[int, date], Decimal]:
    """The rates of all currencies in use, from a week before the first line on."""
    currencies = [
        pk for pk, asset in assets.items() if asset.kind == Asset.Kind.CASH and not asset.is_dollar
    ]
    days = [_day(entry) for entry in entries]
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
        (asset_id, _day(entry))
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
