"""Rows of a file as lines of a ledger: which assets they move, and how they are known again."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Context, Decimal
from hashlib import sha256
from typing import Any

from portfolios.importers.entries import Entry, Leg
from portfolios.models import Portfolio, Transaction
from portfolios.services.tickers import Meaning

LONGEST_NOTE, LONGEST_ID = 500, 200
LEGS = ("received", "sent", "fee", "value")
EXACT = Context(prec=60)

Stored = dict[str, Any]
"""An entry as JSON; each leg has its ticker, its quantity and, once that is known, its asset."""


def stored(entry: Entry, meanings: Mapping[str, Meaning]) -> Stored:
    """An entry with the assets that its tickers mean. A leg whose ticker means nothing has none."""
    row: Stored = {
        "at": entry.at.isoformat(),
        "kind": entry.kind.value,
        "note": entry.note[:LONGEST_NOTE],
        "external_id": entry.external_id[:LONGEST_ID],
    }
    if entry.joined:
        row["joined"] = entry.joined
    for name in LEGS:
        leg: Leg | None = getattr(entry, name)
        if leg is not None:
            asset = meanings[leg.symbol].asset if leg.symbol in meanings else None
            row[name] = {
                "ticker": leg.symbol,
                "quantity": f"{leg.quantity:f}",
                "asset": asset.pk if asset else None,
            }
    return row


def transaction(row: Stored, *, fingerprint: str) -> Transaction:
    """The unsaved line of the ledger that a row is."""
    entry = Transaction(
        at=datetime.fromisoformat(row["at"]),
        kind=row["kind"],
        note=row["note"],
        external_id=row["external_id"],
        fingerprint=fingerprint,
    )
    for name in LEGS:
        if leg := row.get(name):
            setattr(entry, f"{name}_asset_id", leg["asset"])
            quantity = "value" if name == "value" else f"{name}_quantity"
            setattr(entry, quantity, Decimal(leg["quantity"]))
    return entry


def content(entry: Transaction) -> str:
    """What makes two lines of a ledger the same: the moment, the kind and what moved."""
    legs = (
        f"{name} {getattr(entry, f'{name}_asset_id')} {_plain(getattr(entry, f'{name}_quantity'))}"
        for name in ("received", "sent", "fee")
        if getattr(entry, f"{name}_asset_id") is not None
    )
    return " | ".join((entry.at.isoformat(), entry.kind, *legs))


def _plain(quantity: Decimal) -> str:
    return f"{quantity.normalize(EXACT):f}"


class Known:
    """What a ledger knows already of the rows of a file, which are asked about in their order.

    A row with an id of its source is known by it; another by its content, the second of equal
    rows by being the second. So is what somebody has typed in by hand.
    """

    def __init__(self, portfolio: Portfolio, entries: Iterable[Transaction]) -> None:
        moments = [entry.at for entry in entries]
        self.fingerprints: set[str] = set()
        self.lines: Counter[str] = Counter()
        self.typed: Counter[str] = Counter()
        self._asked: Counter[str] = Counter()
        if not moments:
            return
        rows = portfolio.transactions.order_by()
        self.fingerprints.update(
            fingerprint for fingerprint in rows.values_list("fingerprint", flat=True) if fingerprint
        )
        for line in rows.filter(at__range=(min(moments), max(moments))):
            self.lines[content(line)] += 1
            if not line.fingerprint:
                self.typed[content(line)] += 1

    def ask(self, entry: Transaction, *, id_alone: bool) -> tuple[str, bool]:
        """The fingerprint of the next row, and whether the ledger knows it.

        `id_alone`: the source's ids are unique; else they are a part of the content.
        """
        what = content(entry)
        self._asked[what] += 1
        number = self._asked[what]
        if entry.external_id and id_alone:
            fingerprint, known = _hash(f"id {entry.external_id}"), number <= self.typed[what]
        else:
            fingerprint = _hash(f"{what} | {entry.external_id} | {number}")
            known = number <= self.lines[what]
        return fingerprint, known or fingerprint in self.fingerprints


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
