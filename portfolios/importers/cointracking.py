"""CoinTracking's trade list.

Its amounts include a fee in the same coin: what was sold is that much more than what was traded,
and what was bought less. A fee in a third coin is for information; what it cost has a row of its
own, “Other Fee”. Times are those of the account's own time zone.
"""

from portfolios.importers import cells
from portfolios.importers.entries import Entry, Kind, Leg, Reading, trade
from portfolios.importers.files import Row, Table

NAME = "CoinTracking"
TIME = "Date"
LOCAL_TIMES = True
NEEDED = {"type", "buy", "cur.", "sell", "cur. 2", "fee", "cur. 3", "exchange", "date"}
ALIASES = {"Trade Date": "Date", "Trade-Date": "Date", "Trade-Group": "Group"}
TRADES = {"trade", "margin trade", "derivatives / futures trade", "swap (non taxable)"}
INCOMES = {
    "income", "income (non taxable)", "interest income", "mining", "mining (commercial)",
    "minting", "masternode", "staking", "airdrop", "airdrop (non taxable)", "gift/tip", "gift",
    "reward / bonus", "reward/bonus", "dividends income", "lending income", "other income",
    "margin profit", "derivatives / futures profit", "hard fork", "lp rewards",
}  # fmt: skip
ARRIVALS = {"deposit", "receive loan", "remove collateral", "add liquidity", "receive lp token"}
DEPARTURES = {
    "withdrawal", "spend", "donation", "gift", "gift/tip", "stolen", "stolen/hacked/fraud", "lost",
    "expense (non taxable)", "repay loan", "provide liquidity", "return lp token",
}  # fmt: skip
COSTS = {
    "other fee", "margin fee", "margin loss", "derivatives / futures loss", "borrowing fee",
    "settlement fee", "other expense", "interest expense",
}  # fmt: skip


def matches(titles: frozenset[str]) -> bool:
    dates = {"date", "trade date", "trade-date"}
    return titles >= NEEDED - {"date"} and bool(titles & dates)


def read(table: Table) -> Reading:
    reading = Reading()
    for row in table.rows():
        with reading.line(row.line):
            reading.entries.append(_entry(row))
    return reading


def _entry(row: Row) -> Entry:
    kind = row.required("Type").casefold()
    at, note = row.moment("Date"), _note(row)
    if kind in TRADES:
        return _trade(row)
    if row.text("Buy") and kind in ARRIVALS | INCOMES:
        bought = _amount(row, "Buy", "Cur.")
        its_kind = Kind.INCOME if kind in INCOMES else Kind.DEPOSIT
        received, _, fee = _without_fee(row, bought, None)
        return Entry(row.line, at, its_kind, received=received, fee=fee, note=note)
    if row.text("Sell") and kind in DEPARTURES:
        _, sent, fee = _without_fee(row, None, _amount(row, "Sell", "Cur. 2"))
        return Entry(row.line, at, Kind.WITHDRAWAL, sent=sent, fee=fee, note=note)
    if row.text("Sell") and kind in COSTS:
        return Entry(row.line, at, Kind.FEE, fee=_amount(row, "Sell", "Cur. 2"), note=note)
    if kind in ARRIVALS | INCOMES | DEPARTURES | COSTS:
        raise row.refuse("Sell" if kind in DEPARTURES | COSTS else "Buy", "It is empty.")
    shown = cells.excerpt(row.text("Type"))
    raise row.refuse("Type", f"“{shown}” is not a type that is known here.")


def _trade(row: Row) -> Entry:
    bought, sold = _amount(row, "Buy", "Cur."), _amount(row, "Sell", "Cur. 2")
    received, sent, fee = _without_fee(row, bought, sold)
    assert received is not None
    assert sent is not None
    return trade(row.line, row.moment("Date"), received, sent, fee, note=_note(row))


def _amount(row: Row, column: str, currency: str) -> Leg:
    amount = row.quantity(column)
    if amount < 0:
        raise row.refuse(column, "It is below zero.")
    return Leg(row.symbol(currency), amount)


def _without_fee(
    row: Row, bought: Leg | None, sold: Leg | None
) -> tuple[Leg | None, Leg | None, Leg | None]:
    """The amounts before the fee that they include, and that fee."""
    fee = row.leg("Fee", "Cur. 3")
    if fee and sold and fee.symbol == sold.symbol:
        if fee.quantity >= sold.quantity:
            raise row.refuse("Fee", "It is as much as was sold.")
        return bought, Leg(sold.symbol, sold.quantity - fee.quantity), fee
    if fee and bought and fee.symbol == bought.symbol:
        return Leg(bought.symbol, bought.quantity + fee.quantity), sold, fee
    return bought, sold, None


def _note(row: Row) -> str:
    parts = (row.text("Exchange"), row.text("Group"), row.text("Comment"))
    return " · ".join(part for part in parts if part)
