"""What a ledger adds up to, and when it would fall below zero."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import reduce
from operator import or_

from django.db import connection
from django.db.models import OuterRef, Q

from portfolios.models import Asset, Portfolio

# Every leg that moves a holding; what goes out is negative. Cash counts in a portfolio that
# follows its cash. Elsewhere money comes from outside and leaves, but for a balance entered.
LEGS = """
    SELECT entry.portfolio_id, entry.id, entry.at, leg.asset_id, leg.quantity
    FROM portfolios_transaction AS entry
    JOIN portfolios_portfolio AS portfolio ON portfolio.id = entry.portfolio_id
    CROSS JOIN LATERAL (VALUES
        (entry.received_asset_id, entry.received_quantity),
        (entry.sent_asset_id, -entry.sent_quantity),
        (entry.fee_asset_id, -entry.fee_quantity)
    ) AS leg (asset_id, quantity)
    JOIN portfolios_asset AS asset ON asset.id = leg.asset_id
    WHERE (asset.kind <> 'cash' OR portfolio.follows_cash OR entry.kind = 'balance')
"""
# What happens in the same moment happens at once: an exchange gives both legs one time.
EXTREMES = f"""
    WITH leg AS (
        {LEGS} AND entry.portfolio_id = %(portfolio)s AND leg.asset_id = ANY(%(assets)s)
    ), running AS (
        SELECT asset_id, at, sum(quantity) OVER (PARTITION BY asset_id ORDER BY at) AS held
        FROM leg
    )
    SELECT running.asset_id, asset.symbol, min(held), max(held),
           min(at) FILTER (WHERE held < 0),
           (array_agg(held ORDER BY at) FILTER (WHERE held < 0))[1]
    FROM running JOIN portfolios_asset AS asset ON asset.id = running.asset_id
    GROUP BY running.asset_id, asset.symbol ORDER BY min(at) FILTER (WHERE held < 0), asset.symbol
"""
HELD = f"""
    SELECT asset_id, sum(quantity) FROM (
        {LEGS} AND entry.portfolio_id = %(portfolio)s AND entry.at < %(before)s
    ) AS leg GROUP BY asset_id HAVING sum(quantity) <> 0
"""
NAMED = """
    SELECT DISTINCT place.asset_id
    FROM portfolios_transaction AS entry
    CROSS JOIN LATERAL (VALUES
        (entry.received_asset_id), (entry.sent_asset_id), (entry.fee_asset_id),
        (entry.value_asset_id)
    ) AS place (asset_id)
    WHERE entry.portfolio_id = %(portfolio)s AND place.asset_id IS NOT NULL
"""
DIFFERENCES = f"""
    WITH total AS (
        SELECT portfolio_id, asset_id, sum(quantity) AS quantity
        FROM ({LEGS}) AS leg GROUP BY portfolio_id, asset_id
    )
    SELECT portfolio_id, asset_id, COALESCE(holding.quantity, 0), COALESCE(total.quantity, 0)
    FROM total FULL JOIN portfolios_holding AS holding USING (portfolio_id, asset_id)
    WHERE COALESCE(holding.quantity, 0) <> COALESCE(total.quantity, 0)
    ORDER BY portfolio_id, asset_id
"""


@dataclass(frozen=True)
class Extreme:
    """The least and the most that a ledger ever holds of an asset."""

    asset_id: int
    symbol: str
    least: Decimal
    most: Decimal
    short_at: datetime | None
    """When it first falls below zero."""
    short_of: Decimal | None
    """How much is missing then, above zero."""


@dataclass(frozen=True)
class Difference:
    """A holding that is not what the ledger adds up to."""

    portfolio_id: int
    asset_id: int
    holding: Decimal
    ledger: Decimal


def names(asset: Asset | OuterRef) -> Q:
    """Transactions that name an asset in any place."""
    places = ("received_asset", "sent_asset", "fee_asset", "value_asset")
    return reduce(or_, (Q(**{place: asset}) for place in places))


def assets_named(portfolio: Portfolio) -> set[int]:
    """Every asset that any line of its ledger names in any place."""
    with connection.cursor() as cursor:
        cursor.execute(NAMED, {"portfolio": portfolio.pk})
        return {pk for (pk,) in cursor.fetchall()}


def extremes(*, portfolio_id: int, asset_ids: Collection[int]) -> list[Extreme]:
    """One an asset; those that fall below zero come first, the earliest of all at the head."""
    with connection.cursor() as cursor:
        cursor.execute(EXTREMES, {"portfolio": portfolio_id, "assets": list(asset_ids)})
        return [
            Extreme(asset_id, symbol, least, most, at, None if held is None else -held)
            for asset_id, symbol, least, most, at, held in cursor.fetchall()
        ]


def held(*, portfolio_id: int, before: datetime) -> dict[int, Decimal]:
    """What the ledger adds up to just before a moment, by asset id; nothing that is zero."""
    with connection.cursor() as cursor:
        cursor.execute(HELD, {"portfolio": portfolio_id, "before": before})
        return dict(cursor.fetchall())


def differences() -> list[Difference]:
    """All holdings that their ledgers do not explain, over every portfolio."""
    with connection.cursor() as cursor:
        cursor.execute(DIFFERENCES)
        return [Difference(*row) for row in cursor.fetchall()]
