"""Any table, once somebody has said what its columns are.

Two shapes: what was received and what was sent in columns of their own, or one asset and its
quantity, with a price or a total beside it, where the kind or the sign says which way it went.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from portfolios.importers import cells
from portfolios.importers.entries import FIAT, Entry, Kind, Leg, Reading, trade
from portfolios.importers.files import Row, Table

NAME = "Own columns"
TIME = "at"
LOCAL_TIMES = True
ROLES: Mapping[str, str] = {
    "at": "When",
    "kind": "Kind, such as buy or sell",
    "asset": "Asset",
    "quantity": "Quantity",
    "price": "Price of one",
    "total": "Paid or got, without the fee",
    "currency": "Currency of the price",
    "received_asset": "Received: asset",
    "received_quantity": "Received: quantity",
    "sent_asset": "Sent: asset",
    "sent_quantity": "Sent: quantity",
    "fee_quantity": "Fee: quantity",
    "fee_asset": "Fee: asset",
    "note": "Note",
    "external_id": "Id of the transaction",
}
WORDS: Mapping[Kind, tuple[str, ...]] = {
    Kind.BUY: ("buy", "bought", "purchase", "kauf", "achat", "compra"),
    Kind.SELL: ("sell", "sold", "sale", "verkauf", "vente", "venta"),
    Kind.SWAP: ("swap", "trade", "convert", "conversion", "exchange"),
    Kind.DEPOSIT: ("deposit", "receive", "received", "in", "incoming", "transfer in"),
    Kind.WITHDRAWAL: ("withdrawal", "withdraw", "send", "sent", "out", "outgoing", "transfer out"),
    Kind.INCOME: ("income", "interest", "staking", "reward", "rewards", "airdrop", "mining",
                  "dividend", "cashback"),
    Kind.FEE: ("fee", "fees", "cost"),
}  # fmt: skip
GUESSES: Mapping[str, tuple[str, ...]] = {
    "at": (
        "when",
        "date",
        "time",
        "timestamp",
        "datetime",
        "date (utc)",
        "date(utc)",
        "datum",
        "utc time",
    ),
    "kind": ("type", "kind", "side", "action", "operation", "transaction type"),
    "asset": ("asset", "coin", "symbol", "ticker", "currency", "code", "crypto"),
    "quantity": ("quantity", "amount", "qty", "units", "volume"),
    "price": ("price", "unit price", "rate", "price per unit"),
    "total": ("total", "cost", "subtotal", "value"),
    "currency": ("price currency", "quote currency", "quote", "fiat", "ccy"),
    "received_asset": ("received currency", "received asset", "buy currency", "currency received"),
    "received_quantity": ("received quantity", "received amount", "buy amount", "amount received"),
    "sent_asset": ("sent currency", "sent asset", "sell currency", "currency sent"),
    "sent_quantity": ("sent quantity", "sent amount", "sell amount", "amount sent"),
    "fee_quantity": ("fee", "fees", "fee amount", "fee quantity", "commission"),
    "fee_asset": ("fee currency", "fee asset", "fee coin"),
    "note": ("note", "notes", "comment", "description", "label", "memo"),
    "external_id": ("id", "txid", "transaction id", "tx id", "txhash", "hash", "reference"),
}


def guess(titles: tuple[str, ...]) -> dict[str, str]:
    """What the columns may be by their titles, for a person to correct."""
    by_name = {title.casefold(): title for title in titles}
    found = {
        role: next((by_name[name] for name in names if name in by_name), "")
        for role, names in GUESSES.items()
    }
    return {role: title for role, title in found.items() if title}


def missing(columns: Mapping[str, str]) -> str:
    """What a mapping still lacks, as a sentence; empty when it will do."""
    if not columns.get("at"):
        return "Say which column says when."
    if columns.get("asset") and columns.get("quantity"):
        return ""
    for side in ("received", "sent"):
        if bool(columns.get(f"{side}_asset")) != bool(columns.get(f"{side}_quantity")):
            return f"Say both the asset and the quantity of what was {side}."
    if columns.get("received_asset") or columns.get("sent_asset"):
        return ""
    return "Say which columns have the asset and its quantity."


def read(table: Table) -> Reading:
    reading = Reading()
    for row in table.rows():
        with reading.line(row.line):
            reading.entries.append(_entry(row))
    return reading


def _entry(row: Row) -> Entry:
    kind, fee = _kind(row), _fee(row)
    received, sent, value = _legs(row, kind)
    note, external_id = row.text("note"), row.text("external_id")[:200]
    entry = Entry(
        row.line, row.moment("at"), Kind.FEE, received, sent, fee, value, note, external_id
    )
    if kind == Kind.FEE:
        paid = sent or received or fee
        if paid is None:
            raise row.refuse("fee_quantity", "It is empty or zero.")
        return replace(entry, received=None, sent=None, value=None, fee=paid)
    if received and sent:
        traded = trade(row.line, entry.at, received, sent)
        return replace(entry, kind=traded.kind)
    if received:
        incoming = kind in (Kind.BUY, Kind.INCOME)
        return replace(entry, kind=kind if kind and incoming else Kind.DEPOSIT)
    if sent:
        return replace(entry, kind=Kind.SELL if kind == Kind.SELL else Kind.WITHDRAWAL)
    if fee is None:
        raise row.refuse("received_quantity", "Nothing was received and nothing was sent.")
    return entry


def _kind(row: Row) -> Kind | None:
    text = row.text("kind")
    if not text:
        return None
    word = " ".join(text.casefold().replace("_", " ").split())
    for kind, words in WORDS.items():
        if word in words:
            return kind
    raise row.refuse("kind", f"“{cells.excerpt(text)}” is none of the kinds that are known here.")


def _legs(row: Row, kind: Kind | None) -> tuple[Leg | None, Leg | None, Leg | None]:
    """What was received, what was sent, and what it was worth where nothing was paid for it."""
    if "asset" not in row.table.index:
        return _side(row, "received"), _side(row, "sent"), None
    signed = row.quantity("quantity")
    leg, money = Leg(row.symbol("asset"), abs(signed)), _money(row, abs(signed))
    goes_out = signed < 0 or kind in (Kind.SELL, Kind.WITHDRAWAL, Kind.FEE)
    if kind in (Kind.DEPOSIT, Kind.WITHDRAWAL, Kind.INCOME, Kind.FEE):
        return (None, leg, money) if goes_out else (leg, None, money)
    if kind == Kind.SWAP and money is None:
        raise row.refuse("total", "It is empty, so what the asset was traded for is unknown.")
    return (money, leg, None) if goes_out else (leg, money, None)


def _money(row: Row, quantity: Decimal) -> Leg | None:
    total, price = row.number("total"), row.number("price")
    if not total and price:
        total = cells.bounded(cells.EXACT.multiply(price, quantity))
    if not total:
        return None
    currency = row.text("currency") or _currency_of_title(row)
    if not currency:
        raise row.refuse("currency", "It is empty, so the currency of the price is unknown.")
    return Leg(row.symbol("currency") if row.text("currency") else currency, abs(total))


def _currency_of_title(row: Row) -> str:
    """The currency in a title such as “Total (EUR)”."""
    for role in ("total", "price"):
        words = row.table.title(role).replace("(", " ").replace(")", " ").upper().split()
        if found := next((word for word in words if word in FIAT), ""):
            return found
    return ""


def _side(row: Row, side: str) -> Leg | None:
    quantity = row.number(f"{side}_quantity")
    return Leg(row.symbol(f"{side}_asset"), abs(quantity)) if quantity else None


def _fee(row: Row) -> Leg | None:
    fee = row.number("fee_quantity")
    if not fee:
        return None
    if row.text("fee_asset"):
        return Leg(row.symbol("fee_asset"), abs(fee))
    if row.text("currency"):
        return Leg(row.symbol("currency"), abs(fee))
    raise row.refuse("fee_asset", "It is empty, so what the fee is in is unknown.")
