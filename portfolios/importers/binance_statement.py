"""Binance's statement: one row a change of one balance.

The rows of a trade share their second and their account: `movements` adds them up. Moves between
accounts and into Earn leave a person as rich as before, so they are left out; the interest is not.
"""

from collections import defaultdict
from decimal import Decimal

from portfolios.importers import cells
from portfolios.importers.entries import Entry, Kind, Leg, Reading
from portfolios.importers.files import Row, Table
from portfolios.importers.movements import Movement, combine

NAME = "Binance statement"
TIME = "UTC_Time"
NEEDED = {"utc_time", "account", "operation", "coin", "change"}
HEADERS = (
    ("User_ID", "UTC_Time", "Account", "Operation", "Coin", "Change", "Remark"),
    ("UTC_Time", "Account", "Operation", "Coin", "Change", "Remark"),
)
"""Of parts that lost it."""
ALIASES = {"Time": "UTC_Time", "User ID": "User_ID"}

FEES = {"fee", "transaction fee"}
TRADES = {
    "buy", "sell", "transaction buy", "transaction sold", "transaction spend",
    "transaction revenue", "transaction related", "binance convert", "small assets exchange bnb",
    "small assets exchange bnb (spot)", "large otc trading", "otc trading", "eth 2.0 staking",
    "token swap - redenomination/rebranding", "stablecoins auto-conversion", "crypto box",
    "buy crypto with fiat",
} | FEES  # fmt: skip
INCOMES = {
    "airdrop assets", "bnb vault rewards", "cash voucher distribution", "cashback voucher",
    "commission history", "commission rebate", "commission fee shared with you", "distribution",
    "eth 2.0 staking rewards", "hodler airdrops distribution", "launchpool airdrop",
    "launchpool interest", "liquid swap rewards", "mission reward distribution",
    "pos savings interest",
    "referral commission", "referral kickback", "savings interest", "simple earn flexible airdrop",
    "simple earn flexible interest", "simple earn locked rewards", "staking rewards",
    "super bnb mining", "swap farming rewards", "rewards distribution", "airdrop",
}  # fmt: skip
DEPOSITS = {"deposit", "fiat deposit", "buy crypto", "binance card refund", "fiat ocbs - add fiat"}
WITHDRAWALS = {
    "withdraw",
    "withdrawal",
    "fiat withdraw",
    "fiat withdrawal",
    "binance card spending",
}
GAINS_OR_COSTS = {"funding fee", "realized profit and loss", "insurance fund compensation",
                  "isolated margin liquidation - fee", "margin fee"}  # fmt: skip
WITHIN_WORDS = (
    "transfer between", "savings purchase", "savings principal redemption", "savings redemption",
    "staking purchase", "staking redemption", "subscription", "simple earn flexible redemption",
    "simple earn locked redemption", "main and funding account transfer", "transfer funds to",
    "isolatedmargin", "cross margin", "launchpad subscribe",
)  # fmt: skip


def matches(titles: frozenset[str]) -> bool:
    return titles >= NEEDED or titles >= NEEDED - {"utc_time"} | {"time", "remark"}


def read(table: Table) -> Reading:
    reading = Reading()
    trades: defaultdict[tuple[object, str], list[Movement]] = defaultdict(list)
    for row in table.rows():
        with reading.line(row.line):
            operation = row.required("Operation").casefold()
            movement = _movement(row, operation)
            if operation in TRADES:
                trades[movement.at, row.text("Account")].append(movement)
            elif any(words in operation for words in WITHIN_WORDS):
                reading.leave_out([row.line], "It moved within Binance.")
            else:
                reading.entries.append(_single(row, operation, movement))
    for movements in trades.values():
        with reading.line(movements[0].line):
            entries = combine(movements)
            reading.entries.extend(entries)
            if not entries:
                reading.leave_out([each.line for each in movements], "It was taken back.")
    return reading


def _movement(row: Row, operation: str) -> Movement:
    at, symbol, change = row.moment("UTC_Time"), row.symbol("Coin"), row.quantity("Change")
    if operation in FEES and change < 0:  # above zero it was given back
        return Movement(row.line, at, symbol, Decimal(0), -change)
    return Movement(row.line, at, symbol, change, note=row.text("Remark"))


def _single(row: Row, operation: str, movement: Movement) -> Entry:
    leg, comes_in = Leg(movement.symbol, abs(movement.amount)), movement.amount > 0
    if operation in DEPOSITS | WITHDRAWALS | INCOMES:
        if comes_in == (operation in WITHDRAWALS):
            shown = cells.excerpt(row.text("Operation"))
            raise row.refuse("Change", f"“{shown}” has the other sign.")
        kind = Kind.INCOME if operation in INCOMES else Kind.DEPOSIT
        kind = kind if comes_in else Kind.WITHDRAWAL
    elif operation in GAINS_OR_COSTS:
        if not comes_in:
            return Entry(row.line, movement.at, Kind.FEE, fee=leg, note=row.text("Operation"))
        kind = Kind.INCOME
    else:
        shown = cells.excerpt(row.text("Operation"))
        raise row.refuse("Operation", f"“{shown}” is not an operation that is known here.")
    received, sent = (leg, None) if comes_in else (None, leg)
    return Entry(row.line, movement.at, kind, received, sent, note=movement.note)
