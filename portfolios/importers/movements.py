"""Several rows that are one transaction: what came in and went out of each asset, added up.

The rule: all that came in of one asset is what all that went out of one other asset paid for, and
fees stand beside. A second asset of fees is a transaction of its own. Where several assets came
in, or went out, nobody can tell which paid for which: each movement stands for itself then, so
that balances are right and the cost is unknown rather than wrong.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from portfolios.importers.entries import Entry, Kind, Leg, trade

APART = "One of several trades of that second, which cannot be told apart."


@dataclass(frozen=True)
class Movement:
    """What one row did to the balance of one asset, its fee apart."""

    line: int
    at: datetime
    symbol: str
    amount: Decimal
    """Above zero what came in, below zero what went out."""
    fee: Decimal = Decimal(0)
    note: str = ""


def combine(movements: Sequence[Movement], *, external_id: str = "") -> list[Entry]:
    """The transactions that these rows are, none when they cancel out."""
    first = movements[0]
    costs = _totals((movement.symbol, movement.fee) for movement in movements)
    fees = [Leg(symbol, total) for symbol, total in costs if total > 0]
    given_back = [(symbol, -total) for symbol, total in costs if total < 0]
    totals = _totals([*((each.symbol, each.amount) for each in movements), *given_back])
    received = [Leg(symbol, total) for symbol, total in totals if total > 0]
    sent = [Leg(symbol, -total) for symbol, total in totals if total < 0]
    mains: list[Entry]
    if len(received) == len(sent) == 1:
        mains = [trade(first.line, first.at, received[0], sent[0])]
    else:
        note = APART if len(received) + len(sent) > 1 else first.note
        mains = [
            Entry(first.line, first.at, Kind.DEPOSIT, received=leg, note=note) for leg in received
        ]
        mains += [Entry(first.line, first.at, Kind.WITHDRAWAL, sent=leg, note=note) for leg in sent]
    if len(mains) == 1 and fees:
        mains, fees = [replace(mains[0], fee=fees[0])], fees[1:]
    mains += [Entry(first.line, first.at, Kind.FEE, fee=leg) for leg in fees]
    lines = tuple(movement.line for movement in movements)
    joined = lines if len(lines) > 1 else ()
    return _identified([replace(each, joined=joined) for each in mains], external_id)


def _totals(amounts: Iterable[tuple[str, Decimal]]) -> list[tuple[str, Decimal]]:
    totals: dict[str, Decimal] = {}
    for symbol, amount in amounts:
        totals[symbol] = totals.get(symbol, Decimal(0)) + amount
    return list(totals.items())


def _identified(entries: list[Entry], external_id: str) -> list[Entry]:
    """The source knows the first by the id, those beside it by the id and a number."""
    if not external_id or not entries:
        return entries
    ids = [external_id, *(f"{external_id}#{number}" for number in range(2, len(entries) + 1))]
    return [replace(entry, external_id=each) for entry, each in zip(entries, ids, strict=True)]
