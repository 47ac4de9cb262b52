"""Which rows of a history would take more out of a portfolio than is there, pure.

What is in the ledger already stays: a new row may take no more than the ledger never needs again,
and what the new rows before it have brought.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Context, Decimal
from functools import reduce
from itertools import accumulate, groupby

EXACT = Context(prec=60)  # numeric(38,18) summed ten thousand times
PASSES = 10
NOTHING = Decimal(0)


@dataclass(frozen=True)
class Move:
    """What one new row brings and takes, by asset id."""

    at: datetime
    brings: Mapping[int, Decimal]
    takes: Mapping[int, Decimal]


@dataclass(frozen=True)
class Shortfall:
    """How much of an asset a row would take that is not there."""

    asset_id: int
    missing: Decimal


@dataclass
class _Balance:
    """What the ledger has of one asset over time, and what new rows have added so far."""

    times: list[datetime] = field(default_factory=list)
    held: list[Decimal] = field(default_factory=list)
    least_from: list[Decimal] = field(default_factory=list)
    added: Decimal = NOTHING

    @classmethod
    def of(cls, moves: Sequence[tuple[datetime, Decimal]]) -> "_Balance":
        nets = [
            (at, reduce(EXACT.add, (quantity for _, quantity in group)))
            for at, group in groupby(sorted(moves), key=lambda move: move[0])
        ]
        held = list(accumulate((net for _, net in nets), EXACT.add))
        least = list(accumulate(reversed(held), min))[::-1]
        return cls([at for at, _ in nets], held, least)

    def free(self, at: datetime) -> Decimal:
        """What may be taken at a moment without the ledger ever falling below zero after it."""
        last = bisect_right(self.times, at) - 1
        now = self.held[last] if last >= 0 else NOTHING
        later = self.least_from[last + 1] if last + 1 < len(self.times) else now
        return EXACT.add(min(now, later), self.added)


def find(
    moves: Sequence[Move], ledger: Mapping[int, Sequence[tuple[datetime, Decimal]]]
) -> dict[int, Shortfall]:
    """The places of the moves that do not fit, each with what is missing when its turn comes.

    `moves` in the order of time; `ledger` has (moment, quantity) by asset id. What happens in one
    moment happens at once: a row may take what another of the same moment brings. Without the
    moves found, the ledger never falls below zero.
    """
    named = {asset for move in moves for asset in (*move.brings, *move.takes)}
    balances = {asset: _Balance.of(ledger.get(asset, ())) for asset in named}
    short: dict[int, Shortfall] = {}
    for _, group in groupby(range(len(moves)), key=lambda place: moves[place].at):
        waiting = list(group)
        for _ in range(PASSES):
            left = [place for place in waiting if not _take(moves[place], balances)]
            if left == waiting or not left:
                waiting = left
                break
            waiting = left
        short |= {place: _shortfall(moves[place], balances) for place in waiting}
    return short


def openings(
    moves: Sequence[Move], ledger: Mapping[int, Sequence[tuple[datetime, Decimal]]]
) -> dict[int, tuple[datetime, Decimal]]:
    """What must have been there before these moves: when it is missed first, and how much."""
    events = {asset: list(ledger.get(asset, ())) for move in moves for asset in move.takes}
    for move in moves:
        for asset, quantity in move.brings.items():
            if asset in events:
                events[asset].append((move.at, quantity))
        for asset, quantity in move.takes.items():
            events[asset].append((move.at, quantity.copy_negate()))
    found = {}
    for asset, rows in events.items():
        balance = _Balance.of(rows)
        if (least := min(balance.held)) < 0:
            first = next(place for place, held in enumerate(balance.held) if held < 0)
            found[asset] = (balance.times[first], least.copy_negate())
    return found


def _take(move: Move, balances: Mapping[int, _Balance]) -> bool:
    """Let a move happen if it fits."""
    if any(missing > 0 for _, missing in _missing(move, balances)):
        return False
    for asset, quantity in move.brings.items():
        balances[asset].added = EXACT.add(balances[asset].added, quantity)
    for asset, quantity in move.takes.items():
        balances[asset].added = EXACT.subtract(balances[asset].added, quantity)
    return True


def _missing(move: Move, balances: Mapping[int, _Balance]) -> Iterable[tuple[int, Decimal]]:
    for asset, quantity in move.takes.items():
        there = EXACT.add(balances[asset].free(move.at), move.brings.get(asset, NOTHING))
        yield asset, EXACT.subtract(quantity, there)


def _shortfall(move: Move, balances: Mapping[int, _Balance]) -> Shortfall:
    return Shortfall(*max(_missing(move, balances), key=lambda pair: pair[1]))
