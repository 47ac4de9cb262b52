"""Ghostfolio's activities: a price, a quantity and a fee in one currency.

A pair without a mark between, such as BTCUSD, is how Ghostfolio names a coin; it counts as the
coin where it ends in the currency of the row. A dash is a share of another kind (BTC-USD), which
Ghostfolio refuses, too.
"""

import re
from collections.abc import Callable

from portfolios.importers import cells
from portfolios.importers.entries import FIAT, Entry, Kind, Leg, Reading, trade
from portfolios.importers.files import Row, Table

NAME = "Ghostfolio"
TIME = "Date"
LOCAL_TIMES = True
ALIASES = {
    "Symbol": "Code", "Ticker": "Code", "CCY": "Currency", "Qty": "Quantity", "Shares": "Quantity",
    "Units": "Quantity", "Type": "Action", "Unit Price": "Price", "UnitPrice": "Price",
    "Comment": "Note", "Tradedate": "Date",
}  # fmt: skip
CODE = re.compile(r"[\w$@.:/+*! &'()-]{1,80}")
NEEDED = {"date", "code", "currency", "price", "quantity", "action", "fee"}
INCOMES = {"dividend", "interest"}
LEFT_OUT = {
    "item": "It is a possession without a market.",
    "liability": "It is a debt, not a holding.",
}


def matches(titles: frozenset[str]) -> bool:
    names = {title.casefold(): name.casefold() for title, name in ALIASES.items()}
    return {names.get(title, title) for title in titles} >= NEEDED


def read(table: Table) -> Reading:
    reading = Reading()
    for row in table.rows():
        with reading.line(row.line):
            action = row.required("Action").casefold()
            if action in LEFT_OUT:
                reading.leave_out([row.line], LEFT_OUT[action])
            elif action in READERS:
                reading.entries.append(READERS[action](row))
            else:
                shown = cells.excerpt(row.text("Action"))
                raise row.refuse("Action", f"“{shown}” is not an action that is known here.")
    return reading


def _bought(row: Row) -> Entry:
    at, asset, cost, fee = row.moment("Date"), _asset(row), _money(row), _fee(row)
    if not cost.quantity:  # a gift
        return Entry(row.line, at, Kind.BUY, asset, fee=fee, value=cost, note=row.text("Note"))
    return trade(row.line, at, asset, cost, fee, note=row.text("Note"))


def _sold(row: Row) -> Entry:
    at, asset, proceeds, fee = row.moment("Date"), _asset(row), _money(row), _fee(row)
    if not proceeds.quantity:
        note = row.text("Note")
        return Entry(row.line, at, Kind.SELL, sent=asset, fee=fee, value=proceeds, note=note)
    return trade(row.line, at, proceeds, asset, fee, note=row.text("Note"))


def _earned(row: Row) -> Entry:
    at, money, fee = row.moment("Date"), _money(row), _fee(row)
    if not money.quantity:
        raise row.refuse("Price", "Its price and its quantity make nothing.")
    note = f"{_code(row)} {row.text('Note')}".strip()
    return Entry(row.line, at, Kind.INCOME, money, fee=fee, note=note)


def _paid(row: Row) -> Entry:
    at, money, fee = row.moment("Date"), _money(row), _fee(row)
    if fee is None:
        fee = money
    if not fee.quantity:
        raise row.refuse("Fee", "It is zero.")
    note = f"{row.text('Code')} {row.text('Note')}".strip()
    return Entry(row.line, at, Kind.FEE, fee=fee, note=note)


READERS: dict[str, Callable[[Row], Entry]] = {
    "buy": _bought, "sell": _sold, "dividend": _earned, "interest": _earned, "fee": _paid,
}  # fmt: skip


def _asset(row: Row) -> Leg:
    quantity = row.quantity("Quantity")
    if quantity < 0:
        raise row.refuse("Quantity", "It is below zero.")
    return Leg(_code(row), quantity)


def _code(row: Row) -> str:
    """What Ghostfolio calls the asset; its own things have names of several words."""
    code, currency = row.required("Code"), _currency(row)
    if not CODE.fullmatch(code):
        raise row.refuse("Code", f"“{cells.excerpt(code)}” is not a symbol.")
    if code.upper().endswith(f"-{currency}"):
        coin = code[: -len(currency) - 1]
        raise row.refuse("Code", f"“{code}” is a pair. Write {coin} or {coin}{currency}.")
    if code.isupper() and code.endswith(currency) and len(code) > len(currency) + 1:
        return code.removesuffix(currency)
    return code if " " in code else code.upper()


def _currency(row: Row) -> str:
    currency = row.required("Currency").upper()
    if currency not in FIAT:
        shown = cells.excerpt(row.text("Currency"))
        raise row.refuse("Currency", f"“{shown}” is not a currency such as USD or EUR.")
    return currency


def _money(row: Row) -> Leg:
    """Price times quantity, zero where either is."""
    price, quantity = row.number("Price"), row.number("Quantity")
    for column, number in (("Price", price), ("Quantity", quantity)):
        if number is None:
            raise row.refuse(column, "It is empty.")
        if number < 0:
            raise row.refuse(column, "It is below zero.")
    assert price is not None
    assert quantity is not None
    return Leg(_currency(row), cells.bounded(cells.EXACT.multiply(price, quantity)))


def _fee(row: Row) -> Leg | None:
    currency = _currency(row)
    fee = row.number("Fee")
    if fee is None or not fee:
        return None
    if fee < 0:
        raise row.refuse("Fee", "It is below zero.")
    return Leg(currency, fee)
