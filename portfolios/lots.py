"""Which purchase a sale comes from, and what was gained by it. Pure, exact, in one currency.

Quantities and money are Decimal in a local context of 60 digits, so a part of a cost is exact far
beyond any cent, and parts always add up to their whole. What nobody knows stays None: a sale from
a lot of unknown cost has an unknown gain.

Of all methods HIFO has the least gain from the first sale up to any moment, whatever is bought
between; of a single year that need not hold. (Lots once available stay so until sold: an exchange
argument turns any choice into HIFO's without lowering the cost of what was sold.)
"""

from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from enum import StrEnum
from typing import Any

DIGITS = 60
ZERO = Decimal(0)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Method(StrEnum):
    FIFO = "fifo"
    LIFO = "lifo"
    HIFO = "hifo"
    SPECIFIC = "specific"


@dataclass(frozen=True)
class Acquisition:
    """So much came in, at this cost with its fees; None: nobody knows."""

    line: int
    at: datetime
    asset: int
    quantity: Decimal
    cost: Decimal | None


@dataclass(frozen=True)
class Removal:
    """So much went out: sold for `proceeds` after fees, or, not `is_sale`, taken elsewhere."""

    line: int
    at: datetime
    asset: int
    quantity: Decimal
    proceeds: Decimal | None
    is_sale: bool = True


@dataclass(frozen=True)
class Conversion:
    """One token became another: lots go along with their costs and the days of their purchase."""

    line: int
    at: datetime
    asset: int
    quantity: Decimal
    new_asset: int
    new_quantity: Decimal


Event = Acquisition | Removal | Conversion


@dataclass(frozen=True)
class Lot:
    """What is left of one acquisition."""

    line: int
    acquired_at: datetime
    asset: int
    quantity: Decimal
    cost: Decimal | None

    @property
    def unit_cost(self) -> Decimal | None:
        if self.cost is None:
            return None
        with localcontext(prec=DIGITS):
            return self.cost / self.quantity


@dataclass(frozen=True)
class Disposal:
    """The part of one removal that came from one lot."""

    line: int
    at: datetime
    asset: int
    quantity: Decimal
    proceeds: Decimal | None
    is_sale: bool
    purchase: int
    acquired_at: datetime
    cost: Decimal | None

    @property
    def gain(self) -> Decimal | None:
        if self.proceeds is None or self.cost is None:
            return None
        with localcontext(prec=DIGITS):
            return self.proceeds - self.cost

    @property
    def held_for(self) -> timedelta:
        return self.at - self.acquired_at


@dataclass
class Matching:
    """Every removal in its parts, in the order of events, and what is left."""

    disposals: list[Disposal] = field(default_factory=list)
    open_lots: dict[int, list[Lot]] = field(default_factory=dict)
    """By asset, in the order of their purchase."""


class TooFewLotsError(ValueError):
    """More went out than ever came in; a ledger does not let that happen."""


Choices = Mapping[int, Sequence[tuple[int, Decimal]]]
"""By the line of a removal: (line of the acquisition, quantity)."""


def match(events: Iterable[Event], *, method: Method, choices: Choices | None = None) -> Matching:
    """Walk through the events in the order of time. Raises TooFewLotsError.

    In one moment what comes in does so before what goes out. With Method.SPECIFIC removals take
    the lots that `choices` names, as far as they go, and the oldest for the rest.
    """
    matching = Matching()
    queues: dict[int, list[Lot]] = {}
    key = KEYS[method]
    with localcontext(prec=DIGITS):
        for event in sorted(events, key=_in_time):
            if isinstance(event, Acquisition):
                lot = Lot(event.line, event.at, event.asset, event.quantity, event.cost)
                insort(queues.setdefault(event.asset, []), lot, key=key)
                continue
            chosen = (choices or {}).get(event.line, ()) if method is Method.SPECIFIC else ()
            parts = _take(queues.get(event.asset, []), event, chosen)
            if isinstance(event, Conversion):
                for lot in _converted(event, parts):
                    insort(queues.setdefault(lot.asset, []), lot, key=key)
            else:
                matching.disposals += _dispose(event, parts)
    matching.open_lots = {
        asset: sorted(lots, key=_oldest) for asset, lots in queues.items() if lots
    }
    return matching


def _in_time(event: Event) -> tuple[datetime, int, int]:
    return event.at, (Acquisition, Conversion, Removal).index(type(event)), event.line


def _oldest(lot: Lot) -> tuple[datetime]:
    return (lot.acquired_at,)


def _newest(lot: Lot) -> tuple[timedelta]:
    return (-(lot.acquired_at - EPOCH),)


def _dearest(lot: Lot) -> tuple[bool, Decimal, datetime]:
    """Unknown costs come last, and of equals the oldest first."""
    unit = lot.unit_cost
    return unit is None, ZERO if unit is None else -unit, lot.acquired_at


KEYS: Mapping[Method, Callable[[Lot], Any]] = {
    Method.FIFO: _oldest,
    Method.LIFO: _newest,
    Method.HIFO: _dearest,
    Method.SPECIFIC: _oldest,
}
"""The lots of an asset lie in the order in which they are taken."""


def _take(
    lots: list[Lot], event: Removal | Conversion, chosen: Sequence[tuple[int, Decimal]]
) -> list[Lot]:
    """Take the event's quantity out of the lots, and return the parts that were taken."""
    parts: list[Lot] = []
    left = event.quantity
    for line, most in chosen:
        wanted = min(most, left)
        for index in reversed([i for i, lot in enumerate(lots) if lot.line == line]):
            taken = _take_from(lots, index, wanted, parts)
            wanted, left = wanted - taken, left - taken
    while left > 0 and lots:
        left -= _take_from(lots, 0, left, parts)
    if left > 0:
        raise TooFewLotsError(f"{left} of asset {event.asset} too few on {event.at}.")
    return parts


def _take_from(lots: list[Lot], index: int, most: Decimal, parts: list[Lot]) -> Decimal:
    """Move at most so much of one lot to the parts; how much it was."""
    if most <= 0:
        return ZERO
    if most >= lots[index].quantity:
        parts.append(lots.pop(index))
    else:
        part, lots[index] = _split(lots[index], most)
        parts.append(part)
    return parts[-1].quantity


def _split(lot: Lot, taken: Decimal) -> tuple[Lot, Lot]:
    """A part of a lot, and what is left of it; their costs add up to its cost."""
    share = None if lot.cost is None else lot.cost * taken / lot.quantity
    rest = None if lot.cost is None or share is None else lot.cost - share
    return (
        replace(lot, quantity=taken, cost=share),
        replace(lot, quantity=lot.quantity - taken, cost=rest),
    )


def _dispose(event: Removal, parts: Sequence[Lot]) -> list[Disposal]:
    proceeds = _shares(event.proceeds, parts, event.quantity)
    return [
        Disposal(
            line=event.line,
            at=event.at,
            asset=event.asset,
            quantity=part.quantity,
            proceeds=share,
            is_sale=event.is_sale,
            purchase=part.line,
            acquired_at=part.acquired_at,
            cost=part.cost,
        )
        for part, share in zip(parts, proceeds, strict=True)
    ]


def _converted(event: Conversion, parts: Sequence[Lot]) -> Iterator[Lot]:
    quantities = _shares(event.new_quantity, parts, event.quantity)
    for part, quantity in zip(parts, quantities, strict=True):
        if quantity:
            yield replace(part, asset=event.new_asset, quantity=quantity)


def _shares(
    whole: Decimal | None, parts: Sequence[Lot], quantity: Decimal
) -> list[Decimal] | list[None]:
    """The whole split by the quantities of the parts; what rounding leaves goes to the last."""
    if whole is None:
        return [None] * len(parts)
    shares = [whole * part.quantity / quantity for part in parts]
    shares[-1] = whole - sum(shares[:-1], ZERO)
    return shares
