"""A token's history before its own first price: that of the token which it replaced.

The days are copied, so that everything that reads prices finds them, and each is marked with the
migration that it comes from, so that exactly they can be taken away again. A measured price that
comes later takes the place of a copied one (price_staging).
"""

from django.db import connection

from portfolios.models import TokenMigration
from portfolios.services import price_staging

# One old unit is worth `ratio` new ones, so a new one costs the ratio-th part.
COPY = """
    INSERT INTO portfolios_dailyprice
        (asset_id, date, open, high, low, close, volume, market_cap, migration_id)
    SELECT %(new)s, date, open / %(ratio)s, high / %(ratio)s, low / %(ratio)s, close / %(ratio)s,
        volume * %(ratio)s, market_cap, %(migration)s
    FROM portfolios_dailyprice
    WHERE asset_id = %(old)s AND date < COALESCE(
        (SELECT min(date) FROM portfolios_dailyprice WHERE asset_id = %(new)s), 'infinity'
    )
    ON CONFLICT DO NOTHING
"""
REMOVE = """
    DELETE FROM portfolios_dailyprice
    WHERE asset_id = %(new)s AND migration_id = %(migration)s
"""


def add(*, migration: TokenMigration) -> int:
    """Continue the new token's history backwards; return how many days that added. Idempotent."""
    return _execute(COPY, migration)


def remove(*, migration: TokenMigration) -> int:
    """Take the copied days away again; return how many there were. Idempotent."""
    return _execute(REMOVE, migration)


def _execute(statement: str, migration: TokenMigration) -> int:
    parameters = {
        "old": migration.old_asset_id,
        "new": migration.new_asset_id,
        "ratio": float(migration.new_units / migration.old_units),
        "migration": migration.pk,
    }
    with connection.cursor() as cursor:
        price_staging.hold_writers(cursor)
        cursor.execute(statement, parameters)
        return cursor.rowcount
