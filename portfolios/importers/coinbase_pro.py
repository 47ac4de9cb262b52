"""Coinbase Pro's account statement: what one fill moved is one transaction.

The rows of a match and its fee share their trade and order; those of a conversion between a
currency and its stablecoin share their time.
"""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

from portfolios.importers import cells
from portfolios.importers.entries import Entry, Kind, Leg, Reading, RowRefused
from portfolios.importers.files import Row, Table
from portfolios.importers.movements import Movement, combine

NAME = "Coinbase Pro"
TIME = "Timestamp"
NEEDED = {"type", "amount", "balance", "amount/balance unit", "transfer id", "trade id", "order id"}
ALIASES = {"Time": "Timestamp"}
TRADES = {"match", "fee", "conversion"}
SINGLE = {"deposit": Kind.DEPOSIT, "withdrawal": Kind.WITHDRAWAL, "rebate": Kind.INCOME}


def matches(titles: frozenset[str]) -> bool:
    return titles >= NEEDED


def read(table: Table) -> Reading:
    reading = Reading()
    fills: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in table.rows():
        with reading.line(row.line):
            kind = row.required("Type").casefold()
            if kind in SINGLE:
                reading.entries.append(_single(row, SINGLE[kind]))
            elif kind in TRADES:
                _movement(row)  # so that a row that cannot be read is refused by itself
                fills[_fill(row, kind)].append(row)
            else:
                shown = cells.excerpt(row.text("Type"))
                raise row.refuse("Type", f"“{shown}” is not a type that is known here.")
    for (_, order, number, _), rows in fills.items():
        with reading.line(rows[0].line):
            external_id = f"coinbase-pro:{order}:{number}" if number else ""
            reading.entries.extend(combine(_movements(rows), external_id=external_id))
    return reading


def _single(row: Row, kind: Kind) -> Entry:
    amount, unit = row.quantity("Amount"), row.symbol("amount/balance unit")
    if (amount < 0) != (kind == Kind.WITHDRAWAL):
        raise row.refuse("Amount", f"A {row.text('Type')} has the other sign.")
    leg = Leg(unit, abs(amount))
    number = row.text("transfer id")
    return Entry(
        row.line,
        row.moment("Timestamp"),
        kind,
        received=leg if amount > 0 else None,
        sent=leg if amount < 0 else None,
        external_id=f"coinbase-pro:{number}" if number else "",
    )


def _fill(row: Row, kind: str) -> tuple[str, ...]:
    """What the rows of one fill share."""
    number = row.text("trade id")
    if not number and kind != "conversion":
        raise row.refuse("trade id", "It is empty, so what the row belongs to is unknown.")
    moment = "" if number else row.required("Timestamp")
    return row.text("Portfolio"), row.text("order id"), number, moment


def _movements(rows: Sequence[Row]) -> list[Movement]:
    return [_movement(row) for row in rows]


def _movement(row: Row) -> Movement:
    amount = row.number("Amount")
    if amount is None:
        raise row.refuse("Amount", "It is empty.")
    is_fee = row.text("Type").casefold() == "fee"
    if is_fee and amount > 0:
        raise RowRefused("A fee is below zero.", column=row.table.title("Amount"))
    return Movement(
        row.line,
        row.moment("Timestamp"),
        row.symbol("amount/balance unit"),
        Decimal(0) if is_fee else amount,
        -amount if is_fee else Decimal(0),
    )
