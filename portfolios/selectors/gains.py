"""Lots, and what sales have gained, in US dollars: the ledger and the rates of each day."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal, localcontext

from portfolios import lots
from portfolios.lots import Acquisition, Conversion, Disposal, Event, Lot, Matching, Method, Removal
from portfolios.models import Asset, LotChoice, Portfolio, Transaction
from portfolios.selectors import ledger
from portfolios.selectors.worth import Entry, Worth, currencies_of

Kind = Transaction.Kind


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


def lots_before(portfolio: Portfolio, sale: Transaction) -> list[Lot]:
    """The lots of what a sale sold that were there just before it, by day of purchase."""
    if sale.sent_asset_id is None:
        return []
    earlier = portfolio.transactions.filter(at__lte=sale.at).exclude(pk=sale.pk)
    entries = list(earlier.order_by("at", "pk"))
    matching = match(portfolio, entries=entries, assets=_assets(portfolio))
    return matching.open_lots.get(sale.sent_asset_id, [])


def quantities_before(portfolio: Portfolio, sale: Transaction) -> dict[int, Decimal]:
    """The same by purchase."""
    found: dict[int, Decimal] = {}
    with localcontext(prec=lots.DIGITS):
        for lot in lots_before(portfolio, sale):
            found[lot.line] = found.get(lot.line, Decimal(0)) + lot.quantity
    return found


def match(
    portfolio: Portfolio, *, entries: Sequence[Transaction], assets: Mapping[int, Asset]
) -> Matching:
    """The lots of these lines of its ledger."""
    choices: dict[int, list[tuple[int, Decimal]]] = {}
    if portfolio.lot_method == Method.SPECIFIC:
        for choice in LotChoice.objects.filter(sale__portfolio=portfolio).order_by("pk"):
            choices.setdefault(choice.sale_id, []).append((choice.purchase_id, choice.quantity))
    worth = Worth(entries, currencies_of(assets.values()))
    with localcontext(prec=lots.DIGITS):
        events = [event for entry in entries for event in events_of(entry, worth)]
    return lots.match(events, method=Method(portfolio.lot_method), choices=choices)


def _assets(portfolio: Portfolio) -> dict[int, Asset]:
    return Asset.of_anybody.select_related("category").in_bulk(ledger.assets_named(portfolio))


def events_of(entry: Entry, worth: Worth) -> Iterator[Event]:
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


def _trade(entry: Entry, worth: Worth) -> Iterator[Event]:
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
