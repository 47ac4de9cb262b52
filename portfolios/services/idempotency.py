"""Lines of a ledger that a program may send again without adding them twice.

A line remembers the key it came with and the place and content it had then, in its fingerprint,
as the rows of files do. So nothing has to be kept beside the ledger.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from portfolios.models import Portfolio, Transaction
from portfolios.services import transactions
from portfolios.services.errors import PortfolioError

HALF = 32  # of a fingerprint's 64 characters


class KeyReused(PortfolioError):
    """A key came with other lines than the first time."""


@dataclass(frozen=True)
class Recorded:
    entries: Sequence[Transaction]
    is_replay: bool


def record(
    *,
    portfolio: Portfolio,
    entries: Sequence[Transaction],
    key: str | None,
    sent: Sequence[Any],
    now: datetime,
    expected_revision: int | None = None,
) -> Recorded:
    """Add lines to the ledger, or find those that came with this key before.

    `sent` is what the program said of each entry. Without a key they are new every time. Raises
    KeyReused, and as transactions.add_many does.
    """
    if key is None:
        transactions.add_many(
            portfolio=portfolio, entries=entries, now=now, expected_revision=expected_revision
        )
        return Recorded(entries, is_replay=False)
    prefix = _digest(f"api:{key}")
    for number, (entry, said) in enumerate(zip(entries, sent, strict=True)):
        entry.fingerprint = prefix + _digest(f"{number}:{json.dumps(said, sort_keys=True)}")
    known = portfolio.transactions.filter(fingerprint__startswith=prefix)
    if before := set(known.values_list("fingerprint", flat=True)):
        if not before <= {entry.fingerprint for entry in entries}:
            raise KeyReused("This Idempotency-Key came with other transactions before.")
        return Recorded(_stored(portfolio, before), is_replay=True)
    added = transactions.add_many(
        portfolio=portfolio, entries=entries, now=now, expected_revision=expected_revision
    )
    if added.already_there:  # the same request, a moment before
        return Recorded(_stored(portfolio, {e.fingerprint for e in entries}), is_replay=True)
    return Recorded(entries, is_replay=False)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:HALF]


def _stored(portfolio: Portfolio, fingerprints: set[str | None]) -> list[Transaction]:
    rows = portfolio.transactions.filter(fingerprint__in=fingerprints)
    return list(rows.select_related(*PLACES).order_by("pk"))


PLACES = ("received_asset", "sent_asset", "fee_asset", "value_asset")
