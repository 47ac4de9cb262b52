"""Kraken's trades: a fill a row, its fee in what the price is in."""

from portfolios.importers import cells, kraken
from portfolios.importers.entries import Entry, Leg, Reading, RowRefused, trade
from portfolios.importers.files import Row, Table

NAME = "Kraken trades"
TIME = "time"
NEEDED = {"txid", "ordertxid", "pair", "time", "type", "price", "cost", "fee", "vol"}


def matches(titles: frozenset[str]) -> bool:
    return titles >= NEEDED


def read(table: Table) -> Reading:
    reading = Reading()
    for row in table.rows():
        with reading.line(row.line):
            reading.entries.append(_entry(row))
    return reading


def _entry(row: Row) -> Entry:
    side = row.required("type").casefold()
    if side not in ("buy", "sell"):
        shown = cells.excerpt(row.text("type"))
        raise row.refuse("type", f"“{shown}” is neither buy nor sell.")
    base, quote = _pair(row)
    amount, cost = abs(row.quantity("vol")), abs(row.quantity("cost"))
    received, sent = (Leg(base, amount), Leg(quote, cost))
    if side == "sell":
        received, sent = sent, received
    fee = row.number("fee")
    if fee is not None and fee < 0:
        raise row.refuse("fee", "It is below zero.")
    return trade(
        row.line,
        row.moment("time"),
        received,
        sent,
        Leg(quote, fee) if fee else None,
        # The ledgers know a fill by its trade: their refid.
        external_id=f"kraken:{row.required('txid')}",
    )


def _pair(row: Row) -> tuple[str, str]:
    name = row.symbol("pair")
    try:
        return kraken.pair(name)
    except RowRefused as refusal:
        raise row.refuse("pair", str(refusal)) from None
