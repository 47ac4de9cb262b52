"""Lines of many ledgers at once, as plain rows: a night reads thousands, and a model costs time."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from portfolios.models import Transaction


class Line(NamedTuple):
    """What a `Transaction` says of quantities and money, under the same names."""

    pk: int
    portfolio_id: int
    kind: str
    at: datetime
    received_asset_id: int | None
    received_quantity: Decimal | None
    sent_asset_id: int | None
    sent_quantity: Decimal | None
    fee_asset_id: int | None
    fee_quantity: Decimal | None
    value_asset_id: int | None
    value: Decimal | None


# A time without its zone is read in C; all are UTC.
COLUMNS = """
    entry.id, entry.portfolio_id, entry.kind, entry.at AT TIME ZONE 'UTC',
    entry.received_asset_id, entry.received_quantity, entry.sent_asset_id, entry.sent_quantity,
    entry.fee_asset_id, entry.fee_quantity, entry.value_asset_id, entry.value
"""
ALL = f"""
    SELECT {COLUMNS} FROM portfolios_transaction AS entry
    WHERE portfolio_id = ANY(%(portfolios)s)
"""
# The lines that have to do with an asset of a portfolio, and all token migrations. OFFSET keeps
# PostgreSQL from scanning everybody's lines: it looks up each portfolio's.
OF_ASSETS = f"""
    SELECT entry.*
    FROM (
        SELECT portfolio_id, array_agg(asset_id) AS assets
        FROM unnest(%(portfolios)s::bigint[], %(assets)s::bigint[]) AS pair (portfolio_id, asset_id)
        GROUP BY portfolio_id
    ) AS asked
    CROSS JOIN LATERAL (
        SELECT {COLUMNS} FROM portfolios_transaction AS entry
        WHERE entry.portfolio_id = asked.portfolio_id AND (
            entry.kind = 'migration' OR entry.received_asset_id = ANY(assets)
            OR entry.sent_asset_id = ANY(assets) OR entry.fee_asset_id = ANY(assets)
        )
        OFFSET 0
    ) AS entry
"""


def read(portfolio_ids: Collection[int]) -> list[Line]:
    """All lines of these portfolios, in no particular order."""
    return _read(ALL, {"portfolios": list(portfolio_ids)})


def read_of_assets(needed: Mapping[int, Collection[int]]) -> tuple[list[Line], dict[int, set[int]]]:
    """Those that have to do with these assets of each portfolio (ids), and what it came to be.

    A token that became one of the assets is needed, too.
    """
    asked = {pk: set(assets) for pk, assets in needed.items()}
    while True:
        pairs = [(pk, asset) for pk, assets in asked.items() for asset in assets]
        ids = {"portfolios": [pk for pk, _ in pairs], "assets": [asset for _, asset in pairs]}
        lines = _read(OF_ASSETS, ids)
        before = sum(map(len, asked.values()))
        for line in lines:
            assets = asked[line.portfolio_id]
            became = line.kind == Transaction.Kind.MIGRATION and line.sent_asset_id
            if became and line.received_asset_id in assets:
                assets.add(became)
        if sum(map(len, asked.values())) == before:
            return lines, asked


def _read(query: str, params: Mapping[str, list[int]]) -> list[Line]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return [
            Line(pk, portfolio_id, kind, at.replace(tzinfo=UTC), *legs)
            for pk, portfolio_id, kind, at, *legs in cursor.fetchall()
        ]
