"""Daily prices into the database in bulk: COPY to a staging table, then one MERGE.

Several times as fast as bulk_create, and bounded in memory.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import islice

import numpy as np
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from portfolios.market_data.candles import Candle, RejectedRow
from portfolios.models import binary_copy

# Small batches die young: with 10,000 rows the garbage collector took half of the time.
BATCH_ROWS = 250
REASONS_KEPT = 5
ADVISORY_LOCK = 0x45564B50  # "EVKP"

NUMBERS = ("open", "high", "low", "close", "volume", "market_cap")
COLUMNS = ("asset_id", "date", *NUMBERS)
CREATE_STAGING = f"""
    CREATE TEMPORARY TABLE staged_price AS
        SELECT {", ".join(COLUMNS)} FROM portfolios_dailyprice WITH NO DATA;
    CREATE TEMPORARY TABLE staged_rejection (source text, line integer, reason text, row text)
"""
COPY_REJECTIONS = "COPY staged_rejection (source, line, reason, row) FROM STDIN"
# An unknown number is staged as NaN, so that all rows are equally wide. The lock below makes MERGE
# safe; it inserts 1.6 times as fast as ON CONFLICT and, when nothing is new, locks no row.
MERGE = f"""
    MERGE INTO portfolios_dailyprice AS stored
    USING (
        SELECT asset_id, date, {", ".join(f"NULLIF({name}, 'NaN') AS {name}" for name in NUMBERS)}
        FROM staged_price
        WHERE asset_id IN (SELECT id FROM portfolios_asset WHERE owner_id IS NULL)
    ) AS staged
    ON stored.asset_id = staged.asset_id AND stored.date = staged.date
    WHEN MATCHED AND (stored.migration_id, {", ".join(f"stored.{name}" for name in NUMBERS)})
        IS DISTINCT FROM (NULL::bigint, {", ".join(f"staged.{name}" for name in NUMBERS)})
    THEN UPDATE SET (migration_id, {", ".join(NUMBERS)})
        = ROW (NULL::bigint, {", ".join(f"staged.{name}" for name in NUMBERS)})
    WHEN NOT MATCHED
    THEN INSERT ({", ".join(COLUMNS)}) VALUES ({", ".join(f"staged.{name}" for name in COLUMNS)})
"""
# Prices have no foreign key in the database: checking one took a third of an import. This holds
# the assets in place instead, a lock an asset and not one a row.
HOLD_ASSETS = "SELECT FROM portfolios_asset WHERE owner_id IS NULL FOR KEY SHARE"
QUARANTINE = """
    INSERT INTO portfolios_quarantinedprice (source, line, reason, row)
    SELECT left(source, 120), line, left(reason, 200), left(row, 500) FROM staged_rejection
    ON CONFLICT DO NOTHING
"""
DROP_STAGING = "DROP TABLE staged_price, staged_rejection"

EPOCH = date(2000, 1, 1).toordinal()  # PostgreSQL counts days from here

Row = tuple[int, Candle | RejectedRow]
"""An asset's id and one day of it."""


@dataclass
class Counts:
    """What was read and what it changed; `rows` counts the quarantined ones, too."""

    rows: int = 0
    changed: int = 0
    quarantined: int = 0
    first_rejections: list[RejectedRow] = field(default_factory=list)


@transaction.atomic
def store(rows: Iterable[Row]) -> Counts:
    """Upsert candles by (asset id, day) and quarantine the rest, in one transaction.

    Idempotent: rows that are stored already do not count as changed, and a row is quarantined
    once. If `rows` raises, nothing has changed. A day of an asset may occur only once in `rows`.
    """
    counts = Counts()
    remaining = iter(rows)
    with connection.cursor() as cursor:
        hold_writers(cursor)
        cursor.execute(HOLD_ASSETS)
        cursor.execute(CREATE_STAGING)
        while rejected := _copy_prices(cursor, remaining, counts):
            _copy_rejections(cursor, rejected, counts)
        cursor.execute(MERGE)
        counts.changed = cursor.rowcount
        cursor.execute(QUARANTINE)
        cursor.execute(DROP_STAGING)
    return counts


def hold_writers(cursor: CursorWrapper) -> None:
    """Let one transaction at a time write prices: two could lock the same rows crosswise."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])


def _copy_prices(cursor: CursorWrapper, rows: Iterator[Row], counts: Counts) -> list[RejectedRow]:
    """Stage candles until a batch has rejected rows, and return those; none when all is read."""
    rejected: list[RejectedRow] = []

    def batches() -> Iterator[dict[str, binary_copy.Column]]:
        while not rejected and (batch := list(islice(rows, BATCH_ROWS))):
            rejected.extend(row for _, row in batch if isinstance(row, RejectedRow))
            counts.rows += len(batch)
            if good := [(pk, row) for pk, row in batch if isinstance(row, Candle)]:
                yield _columns(good)

    binary_copy.write(cursor, "staged_price", COLUMNS, batches())
    return rejected


def _columns(rows: list[tuple[int, Candle]]) -> dict[str, binary_copy.Column]:
    """One array a column; a number that is not known is NaN."""
    asset_ids, candles = zip(*rows, strict=True)
    days, *numbers = zip(*candles, strict=True)
    columns: dict[str, binary_copy.Column] = {
        name: np.array(values, dtype=float) for name, values in zip(NUMBERS, numbers, strict=True)
    }
    columns["asset_id"] = np.array(asset_ids, dtype=np.int64)
    columns["date"] = np.fromiter(map(date.toordinal, days), np.int32, len(rows)) - np.int32(EPOCH)
    return columns


def _copy_rejections(cursor: CursorWrapper, rows: list[RejectedRow], counts: Counts) -> None:
    counts.quarantined += len(rows)
    counts.first_rejections += rows[: REASONS_KEPT - len(counts.first_rejections)]
    with cursor.copy(COPY_REJECTIONS) as copy:
        for row in rows:
            copy.write_row((row.source, row.line, row.reason, row.row))
