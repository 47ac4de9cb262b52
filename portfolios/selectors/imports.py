"""What a ledger has moved, for a file that is about to move more."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

from django.db import connection

from portfolios.selectors import ledger

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
