"""Binance's trade history: a fill a row, its cells such as 0.18SOL.

The older header has no units in its cells; what the pair is made of is told from the fee's coin
and from currencies that prices are in.
"""

import re
from decimal import Decimal

from portfolios.importers import cells
from portfolios.importers.entries import Entry, Leg, Reading, RowRefused, trade
from portfolios.importers.files import Row, Table

NAME = "Binance trade history"
TIME = "Date"
NEEDED = {"pair", "side", "price", "executed", "amount", "fee"}
OLD = {"market", "type", "price", "amount", "total", "fee", "fee coin"}
ALIASES = {
    "Date(UTC)": "Date",
    "UTC_Time": "Date",
    "Market": "Pair",
    "Type": "Side",
}
WITH_UNIT = re.compile(r"[+-]?[\d.,]+(?:[eE][+-]?\d+)?\s*([A-Za-z][A-Za-z0-9]{0,19})", re.ASCII)
QUOTES = (
    "FDUSD", "BUSD", "TUSD", "USDT", "USDC", "USDP", "BIDR", "IDRT", "BVND", "DAI", "UAH", "NGN",
    "VAI", "EUR", "GBP", "AUD", "BRL", "TRY", "RUB", "ZAR", "PLN", "RON", "ARS", "JPY", "MXN",
    "CZK", "USD", "PAX", "BTC", "ETH", "BNB", "TRX", "XRP", "DOT", "DOGE", "SOL",
)  # fmt: skip


def matches(titles: frozenset[str]) -> bool:
    has_date = any(title.startswith("date") or title == "utc_time" for title in titles)
    return has_date and (titles >= NEEDED or titles >= OLD)


def read(table: Table) -> Reading:
    reading = Reading()
    for row in table.rows():
        with reading.line(row.line):
            reading.entries.append(_entry(row))
    return reading


def _entry(row: Row) -> Entry:
    side = row.required("Side").casefold()
    if side not in ("buy", "sell"):
        shown = cells.excerpt(row.text("Side"))
        raise row.refuse("Side", f"“{shown}” is neither BUY nor SELL.")
    if row.text("Executed"):
        base, quote, fee = _with_units(row)
    else:
        base, quote, fee = _by_pair(row)
    received, sent = (base, quote) if side == "buy" else (quote, base)
    return trade(row.line, row.moment("Date"), received, sent, fee)


def _with_units(row: Row) -> tuple[Leg, Leg, Leg | None]:
    """Legs of cells such as 0.18SOL. Tickers may begin with digits, so the pair tells them."""
    pair, executed, amount = row.symbol("Pair"), row.required("Executed"), row.required("Amount")
    pair = pair.replace("/", "").replace("-", "").replace("_", "")
    splits = [(pair[:place], pair[place:]) for place in range(1, len(pair))]
    for base, quote in splits:
        if _ends_in(executed, base) and _ends_in(amount, quote):
            units = (base, quote, "BNB")
            return (
                _leg(row, "Executed", base),
                _leg(row, "Amount", quote),
                _unit_fee(row, units) if row.text("Fee") else None,
            )
    raise row.refuse("Pair", f"“{pair[:40]}” does not fit what was executed and its amount.")


def _ends_in(text: str, unit: str) -> bool:
    number = text.upper().removesuffix(unit)
    return text.upper().endswith(unit) and not number.strip()[-1:].isalpha()


def _leg(row: Row, column: str, unit: str) -> Leg:
    number = _number(row, column, unit)
    if number <= 0:
        raise row.refuse(column, "It must be above zero.")
    return Leg(unit, number)


def _unit_fee(row: Row, units: tuple[str, ...]) -> Leg | None:
    text = row.required("Fee")
    unit = next((each for each in units if _ends_in(text, each)), "")
    if not unit:
        match = WITH_UNIT.fullmatch(text)
        if match is None:
            raise row.refuse("Fee", f"“{cells.excerpt(text)}” is not a number and its coin.")
        unit = match[1].upper()
    number = _number(row, "Fee", unit)
    if number < 0:
        raise row.refuse("Fee", "It is below zero.")
    return Leg(unit, number) if number else None


def _number(row: Row, column: str, unit: str) -> Decimal:
    text = row.required(column)
    try:
        return cells.number(text[: len(text) - len(unit)], decimal_comma=row.table.decimal_comma)
    except RowRefused as refusal:
        raise row.refuse(column, str(refusal)) from None


def _by_pair(row: Row) -> tuple[Leg, Leg, Leg | None]:
    """Legs of the older header, whose cells have no units."""
    pair = row.symbol("Pair")
    quote = next((each for each in QUOTES if pair.endswith(each) and pair != each), "")
    if not quote:
        raise row.refuse("Pair", f"“{pair[:40]}” is not a pair that is known here.")
    base = pair.removesuffix(quote)
    return (
        Leg(base, abs(row.quantity("Amount"))),
        Leg(quote, abs(row.quantity("Total"))),
        row.leg("Fee", "Fee Coin"),
    )
