"""Kraken's ledgers: the rows that share a refid are one transaction.

A row without a txid is a deposit or withdrawal that was only announced; the booked one follows
with the same refid. A fee stands beside its amount and is taken from the balance too.
"""

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

from portfolios.importers import cells, kraken
from portfolios.importers.entries import Entry, Kind, Reading
from portfolios.importers.files import Row, Table
from portfolios.importers.movements import Movement, combine

NAME = "Kraken ledgers"
TIME = "time"
NEEDED = {"txid", "refid", "time", "type", "asset", "amount", "fee", "balance"}
SINGLE = {"deposit": Kind.DEPOSIT, "withdrawal": Kind.WITHDRAWAL}
INCOMES = {"staking", "dividend", "reward", "credit", "airdrop"}
MOVED = {"transfer", "earn"}
EARNED = {"reward", "bonding reward"}
TRADES = {"trade", "spend", "receive", "sale", "conversion", "adjustment", "custodytransfer"}
COSTS = {"margin", "rollover", "settled", "nftcreatorfee", "nftrebate"}


def matches(titles: frozenset[str]) -> bool:
    return titles >= NEEDED


def read(table: Table) -> Reading:
    reading = Reading()
    groups: defaultdict[str, list[Row]] = defaultdict(list)
    for row in table.rows():
        with reading.line(row.line):
            _kind(row), _movement(row)  # so that a row that cannot be read is refused by itself
            if row.text("txid"):
                groups[row.required("refid")].append(row)
            else:
                reading.leave_out([row.line], "It was announced, and not booked yet.")
    for refid, rows in groups.items():
        with reading.line(rows[0].line):
            _read_group(reading, refid, rows)
    return reading


def _read_group(reading: Reading, refid: str, rows: list[Row]) -> None:
    movements = [_movement(row) for row in rows]
    if _kind(rows[0]) in MOVED and not _is_earned(rows[0]) and rows[0].text("subtype"):
        reading.leave_out([row.line for row in rows], "It moved within Kraken.")
        return
    entries = combine(movements, external_id=f"kraken:{refid}")
    if not entries:
        reading.leave_out([row.line for row in rows], "It was taken back.")
    reading.entries.extend(_told(entry, rows[0]) for entry in entries)


def _told(entry: Entry, row: Row) -> Entry:
    """What came in for nothing is income where the ledger says that it was earned."""
    earned = _kind(row) in INCOMES | COSTS or _is_earned(row)
    return replace(entry, kind=Kind.INCOME) if entry.kind == Kind.DEPOSIT and earned else entry


def _is_earned(row: Row) -> bool:
    return _kind(row) == "earn" and row.text("subtype").casefold() in EARNED


def _kind(row: Row) -> str:
    kind = row.required("type").casefold()
    if kind not in SINGLE.keys() | INCOMES | MOVED | TRADES | COSTS:
        shown = cells.excerpt(row.text("type"))
        raise row.refuse("type", f"“{shown}” is not a type that is known here.")
    return kind


def _movement(row: Row) -> Movement:
    amount, fee = row.number("amount"), row.number("fee")
    if amount is None:
        raise row.refuse("amount", "It is empty.")
    cost = fee or Decimal(0)
    if _kind(row) in COSTS and amount < 0:  # interest on a margin is paid, not sent
        amount, cost = Decimal(0), cost - amount
    return Movement(row.line, row.moment("time"), kraken.asset(row.symbol("asset")), amount, cost)
