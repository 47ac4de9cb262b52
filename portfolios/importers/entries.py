"""What a file says: entries, rows it has for nothing, and rows that cannot be read."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """As portfolios.models.Transaction has them."""

    BUY = "buy"
    SELL = "sell"
    SWAP = "swap"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    TRANSFER = "transfer"
    INCOME = "income"
    FEE = "fee"
    MIGRATION = "migration"
    BALANCE = "balance"


@dataclass(frozen=True)
class Leg:
    """So much of what the file calls `symbol`, above zero."""

    symbol: str
    quantity: Decimal


@dataclass(frozen=True)
class Entry:
    """One transaction. What is received comes in, what is sent goes out, and the fee too."""

    line: int
    at: datetime  # UTC
    kind: Kind
    received: Leg | None = None
    sent: Leg | None = None
    fee: Leg | None = None
    value: Leg | None = None
    """What it was worth in a currency, where the file says so; it moves nothing."""
    note: str = ""
    external_id: str = ""
    """By which its source knows it, if it does."""
    joined: tuple[int, ...] = ()
    """All lines that it was put together from, when they are several."""

    @property
    def legs(self) -> tuple[Leg, ...]:
        return tuple(leg for leg in (self.received, self.sent, self.fee) if leg)


@dataclass(frozen=True)
class Refusal:
    """A row that cannot be read, and why; the column is empty when it is the row as a whole."""

    line: int
    column: str
    reason: str


@dataclass(frozen=True)
class LeftOut:
    """A row that is no transaction of the portfolio, and why."""

    line: int
    reason: str


@dataclass
class Reading:
    """All that a file says, each row in one of the three."""

    entries: list[Entry] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    @contextmanager
    def line(self, number: int) -> Iterator[None]:
        """Take a refusal of this line down, and go on with the next."""
        try:
            yield
        except RowRefused as refusal:
            self.refused.append(Refusal(number, refusal.column, str(refusal)))

    def leave_out(self, lines: Iterable[int], reason: str) -> None:
        self.left_out.extend(LeftOut(line, reason) for line in lines)


class FileRefused(ValueError):
    """A file of which nothing can be read. The message is a sentence for its owner."""


class RowRefused(ValueError):
    """Why one row cannot become an entry."""

    def __init__(self, reason: str, *, column: str = "") -> None:
        super().__init__(reason)
        self.column = column


# ISO 4217 codes that exchanges take deposits in.
FIAT_CODES = """
    AED ARS AUD BRL CAD CHF CLP CNY COP CZK DKK EUR GBP HKD HUF IDR ILS INR ISK JPY KES KRW MXN MYR
    NGN NOK NZD PEN PHP PLN RON RUB SEK SGD THB TRY TWD UAH USD VND ZAR
"""
FIAT = frozenset(FIAT_CODES.split())


def trade(
    line: int, at: datetime, received: Leg, sent: Leg, fee: Leg | None = None, **also: Any
) -> Entry:
    """A purchase when money went out, a sale when money came in, else a swap."""
    if received.symbol == sent.symbol:
        raise RowRefused(f"{sent.symbol} cannot be traded for itself.")
    kind = Kind.SWAP
    if sent.symbol in FIAT and received.symbol not in FIAT:
        kind = Kind.BUY
    elif received.symbol in FIAT and sent.symbol not in FIAT:
        kind = Kind.SELL
    return Entry(line, at, kind, received=received, sent=sent, fee=fee, **also)
