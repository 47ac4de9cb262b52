"""Coinbase's transaction history, the four generations of its header.

A row is a transaction. Money stands in columns beside it (subtotal without fees, total with them);
of a conversion, or an advanced trade quoted in crypto, the other leg stands in the notes only. Its
fee is in money there while what was paid is in crypto, so it is part of the price, not a leg.
Sales and what is sent are negative from 2024 on, and positive before.
"""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from portfolios.importers import cells
from portfolios.importers.entries import Entry, Kind, Leg, Reading, RowRefused, trade
from portfolios.importers.files import Row, Table

NAME = "Coinbase"
TIME = "Timestamp"
NEEDED = {"timestamp", "transaction type", "asset", "quantity transacted", "notes"}
ALIASES = {
    "Spot Price Currency": "Price Currency",
    "Total (inclusive of fees)": "Total",
    "Total (inclusive of fees and/or spread)": "Total",
    "Fees and/or Spread": "Fees",
}
# The first generation names the currency in its titles: EUR Subtotal.
OLD_TITLE = re.compile(r"([A-Z]{3}) (Subtotal|Fees|Total \(inclusive of fees\))")

BUYS = {"buy", "advanced trade buy", "advance trade buy"}
SELLS = {"sell", "advanced trade sell", "advance trade sell"}
INCOMES = {
    "rewards income", "reward income", "coinbase earn", "learning reward", "staking income",
    "inflation reward", "incentives rewards payout", "subscription rebate",
    "subscription rebates (24 hours)", "interest", "earn payout", "card buy back",
}  # fmt: skip
ARRIVALS = {"receive", "deposit", "exchange withdrawal", "pro withdrawal", "admin credit"}
DEPARTURES = {
    "send", "withdrawal", "exchange deposit", "pro deposit", "card spend", "admin debit",
}  # fmt: skip
WITHIN = {"retail staking transfer", "retail unstaking transfer", "staking transfer",
          "unstaking transfer", "vault withdrawal", "vault deposit"}  # fmt: skip
AMOUNT = r"([\d.,]+(?:[eE][+-]?\d+)?) ([A-Za-z0-9]{1,20})"
CONVERTED = re.compile(rf"Converted {AMOUNT} to {AMOUNT}.*")
TRADED = re.compile(rf"(?:Bought|Sold) {AMOUNT} for {AMOUNT}.*")


def matches(titles: frozenset[str]) -> bool:
    return titles >= NEEDED


def aliases(titles: tuple[str, ...]) -> dict[str, str]:
    old = {title: match[2] for title in titles if (match := OLD_TITLE.fullmatch(title))}
    return ALIASES | {
        title: name.removesuffix(" (inclusive of fees)") for title, name in old.items()
    }


def read(table: Table) -> Reading:
    reading = Reading()
    for row in table.rows():
        with reading.line(row.line):
            if row.required("Transaction Type").casefold() in WITHIN:
                reading.leave_out([row.line], "It moved within Coinbase.")
            else:
                reading.entries.append(_entry(row))
    return reading


def _entry(row: Row) -> Entry:
    kind = row.text("Transaction Type").casefold()
    for kinds, entry in READERS:
        if kind in kinds:
            return entry(row, Leg(row.symbol("Asset"), abs(row.quantity("Quantity Transacted"))))
    shown = cells.excerpt(row.text("Transaction Type"))
    raise row.refuse("Transaction Type", f"“{shown}” is not a type that is known here.")


def _bought(row: Row, asset: Leg) -> Entry:
    paid, fee = _other_leg(row, Decimal(-1))
    return trade(row.line, _at(row), asset, paid, fee, **_also(row))


def _sold(row: Row, asset: Leg) -> Entry:
    got, fee = _other_leg(row, Decimal(1))
    return trade(row.line, _at(row), got, asset, fee, **_also(row))


def _converted(row: Row, asset: Leg) -> Entry:
    match = CONVERTED.fullmatch(row.text("Notes"))
    if match is None:
        raise row.refuse("Notes", "It does not say what the asset was converted to.")
    sent, received = _noted(row, match[1], match[2]), _noted(row, match[3], match[4])
    if sent.symbol != asset.symbol:
        raise row.refuse("Notes", f"It is about {sent.symbol} and not about {asset.symbol}.")
    return trade(row.line, _at(row), received, asset, value=_value(row), **_also(row))


def _income(row: Row, asset: Leg) -> Entry:
    return Entry(row.line, _at(row), Kind.INCOME, received=asset, value=_value(row), **_also(row))


def _arrived(row: Row, asset: Leg) -> Entry:
    return Entry(row.line, _at(row), Kind.DEPOSIT, received=asset, value=_value(row), **_also(row))


def _left(row: Row, asset: Leg) -> Entry:
    return Entry(row.line, _at(row), Kind.WITHDRAWAL, sent=asset, value=_value(row), **_also(row))


READERS: tuple[tuple[set[str], Callable[[Row, Leg], Entry]], ...] = (
    (BUYS, _bought),
    (SELLS, _sold),
    ({"convert"}, _converted),
    (INCOMES, _income),
    (ARRIVALS, _arrived),
    (DEPARTURES, _left),
)


def _other_leg(row: Row, sign: Decimal) -> tuple[Leg, Leg | None]:
    """What was paid or got without fees, and the fee; `sign` says which way fees change a total."""
    currency = _currency(row)
    match = TRADED.fullmatch(row.text("Notes"))
    if match is not None and match[4].upper() != currency:
        return _noted(row, match[3], match[4]), None
    total, subtotal = row.number("Total"), row.number("Subtotal")
    fee = abs(row.number("Fees") or Decimal(0))
    if not subtotal and total:
        subtotal = abs(total) + sign * fee
    if not subtotal:
        raise row.refuse("Subtotal", "It is empty or zero, so what was paid is unknown.")
    return Leg(currency, abs(subtotal)), Leg(currency, fee) if fee else None


def _value(row: Row) -> Leg | None:
    """What it was worth, where the row says so."""
    subtotal = row.number("Subtotal")
    return Leg(_currency(row), abs(subtotal)) if subtotal else None


def _currency(row: Row) -> str:
    if row.text("Price Currency"):
        return row.symbol("Price Currency")
    for title in row.table.titles:
        if match := OLD_TITLE.fullmatch(title):
            return match[1]
    raise row.refuse("Price Currency", "It is empty, so the currency is unknown.")


def _noted(row: Row, quantity: str, symbol: str) -> Leg:
    try:
        amount = cells.number(quantity)
    except RowRefused as refusal:
        raise row.refuse("Notes", str(refusal)) from None
    if not amount:
        raise row.refuse("Notes", "It says zero.")
    return Leg(symbol.upper(), amount)


def _at(row: Row) -> datetime:
    return row.moment("Timestamp")


def _also(row: Row) -> dict[str, Any]:
    external_id = row.text("ID")
    return {
        "note": row.text("Notes"),
        "external_id": f"coinbase:{external_id}" if external_id else "",
    }
