"""Rotki's generic files, of trades and of events; times are milliseconds of Unix time."""

from portfolios.importers import cells
from portfolios.importers.entries import Entry, Kind, Leg, Reading, trade
from portfolios.importers.files import Row, Table

NAME = "Rotki"
TIME = "Timestamp"
TRADES = {"location", "spend currency", "receive currency", "receive amount", "spend amount", "fee",
          "fee currency", "timestamp"}  # fmt: skip
EVENTS = {"type", "location", "currency", "amount", "fee", "fee currency", "timestamp"}
ARRIVALS = {"deposit", "receive"}
DEPARTURES = {"withdrawal", "spend", "loss", "donate"}
INCOMES = {"income", "staking", "staking reward", "airdrop", "mining", "dividend", "reward"}


def matches(titles: frozenset[str]) -> bool:
    return titles >= TRADES or (titles >= EVENTS and "spend currency" not in titles)


def read(table: Table) -> Reading:
    reading = Reading()
    entry = _trade if "spend amount" in table.index else _event
    for row in table.rows():
        with reading.line(row.line):
            reading.entries.append(entry(row))
    return reading


def _trade(row: Row) -> Entry:
    received, sent = _leg(row, "Receive"), _leg(row, "Spend")
    return trade(
        row.line,
        row.moment("Timestamp"),
        received,
        sent,
        row.leg("Fee", "Fee Currency"),
        note=_note(row),
    )


def _leg(row: Row, side: str) -> Leg:
    quantity = row.quantity(f"{side} Amount")
    if quantity < 0:
        raise row.refuse(f"{side} Amount", "It is below zero.")
    return Leg(row.symbol(f"{side} Currency"), quantity)


def _event(row: Row) -> Entry:
    kind, at = row.required("Type").casefold(), row.moment("Timestamp")
    fee = row.leg("Fee", "Fee Currency")
    if kind == "fee":
        return Entry(
            row.line, at, Kind.FEE, fee=row.leg("Amount", "Currency") or fee, note=_note(row)
        )
    if kind not in ARRIVALS | DEPARTURES | INCOMES:
        shown = cells.excerpt(row.text("Type"))
        raise row.refuse("Type", f"“{shown}” is not a type that is known here.")
    leg = Leg(row.symbol("Currency"), abs(row.quantity("Amount")))
    if kind in DEPARTURES:
        return Entry(row.line, at, Kind.WITHDRAWAL, sent=leg, fee=fee, note=_note(row))
    its_kind = Kind.INCOME if kind in INCOMES else Kind.DEPOSIT
    return Entry(row.line, at, its_kind, received=leg, fee=fee, note=_note(row))


def _note(row: Row) -> str:
    return " · ".join(part for part in (row.text("Location"), row.text("Description")) if part)
