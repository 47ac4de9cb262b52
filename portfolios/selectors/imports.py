"""Imports and their rows, as pages show them, and what a ledger has moved before them."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.paginator import Page, Paginator
from django.db import connection
from django.db.models import Count

from portfolios.models import Import, ImportRow, Portfolio, Transaction
from portfolios.selectors import ledger

PAGE = 50
IMPORTS_PAGE = 25
QUIET = "bg-secondary-subtle text-secondary-emphasis"
BADGES = {
    ImportRow.Fate.NEW: "bg-success-lt",
    ImportRow.Fate.KNOWN: QUIET,
    ImportRow.Fate.CHOICE: "bg-warning-lt",
    ImportRow.Fate.SHORT: "bg-warning-lt",
    ImportRow.Fate.REFUSED: "bg-danger-lt",
    ImportRow.Fate.LEFT_OUT: QUIET,
}

MOVES = f"""
    SELECT asset_id, at, sum(quantity) FROM (
        {ledger.LEGS} AND entry.portfolio_id = %(portfolio)s AND leg.asset_id = ANY(%(assets)s)
    ) AS leg GROUP BY asset_id, at ORDER BY asset_id, at
"""


def moves(
    *, portfolio_id: int, asset_ids: Collection[int]
) -> dict[int, list[tuple[datetime, Decimal]]]:
    """(moment, quantity) of all that a ledger has moved of these assets, in time."""
    with connection.cursor() as cursor:
        cursor.execute(MOVES, {"portfolio": portfolio_id, "assets": list(asset_ids)})
        found: dict[int, list[tuple[datetime, Decimal]]] = {}
        for asset_id, at, quantity in cursor.fetchall():
            found.setdefault(asset_id, []).append((at, quantity))
    return found


@dataclass(frozen=True)
class ShownLeg:
    quantity: Decimal
    ticker: str


@dataclass(frozen=True)
class ShownRow:
    """A row of a file, its entry taken apart."""

    row: ImportRow
    at: datetime | None
    kind: str
    received: ShownLeg | None
    sent: ShownLeg | None
    fee: ShownLeg | None
    joined: tuple[int, ...]

    @property
    def joined_more(self) -> int:
        """How many lines it was put together from beside its own."""
        return len(self.joined) - 1

    @property
    def badge(self) -> str:
        return BADGES[ImportRow.Fate(self.row.fate)]

    @classmethod
    def of(cls, row: ImportRow) -> "ShownRow":
        entry: Mapping[str, Any] = row.entry or {}
        return cls(
            row=row,
            at=datetime.fromisoformat(entry["at"]) if entry else None,
            kind=Transaction.Kind(entry["kind"]).label if entry else "",
            received=_leg(entry, "received"),
            sent=_leg(entry, "sent"),
            fee=_leg(entry, "fee"),
            joined=tuple(entry.get("joined", ())),
        )


def page(portfolio: Portfolio, number: str) -> Page[Import]:
    """Imports into a portfolio, the newest first."""
    listed = portfolio.imports.defer("text", "answers", "tickers")
    return Paginator(listed, IMPORTS_PAGE).get_page(number)


def counts(import_run: Import) -> list[tuple[ImportRow.Fate, int]]:
    """How many rows have each fate; none that no row has."""
    found = import_run.rows.order_by().values_list("fate").annotate(Count("pk"))
    numbers = Counter(dict(found))
    return [(fate, numbers[fate]) for fate in ImportRow.Fate if numbers[fate]]


def rows(import_run: Import, *, fate: str, page: str) -> Page[ShownRow]:
    """A page of the rows of a fate, or of all; by their lines."""
    listed = import_run.rows.order_by("line", "position")
    if fate in ImportRow.Fate.values:
        listed = listed.filter(fate=fate)
    found: Page[Any] = Paginator(listed, PAGE).get_page(page)
    found.object_list = [ShownRow.of(row) for row in found.object_list]
    return found


def _leg(entry: Mapping[str, Any], name: str) -> ShownLeg | None:
    leg = entry.get(name)
    return ShownLeg(Decimal(leg["quantity"]), leg["ticker"]) if leg else None
