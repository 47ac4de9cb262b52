"""Daily prices into the database in bulk: COPY to a staging table, then one MERGE.

Several times as fast as bulk_create, and bounded in memory. Prices travel in PostgreSQL's binary
COPY format (manual, COPY, "Binary Format"), which numpy writes without a Python object a number.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import islice

import numpy as np
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from portfolios.market_data.candles import Candle, RejectedRow

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
COPY_PRICES = f"COPY staged_price ({', '.join(COLUMNS)}) FROM STDIN (FORMAT BINARY)"
COPY_REJECTIONS = "COPY staged_rejection (source, line, reason, row) FROM STDIN"
# An unknown number is staged as NaN, so that all rows are equally wide. The lock below makes MERGE
# safe; it inserts 1.6 times as fast as ON CONFLICT and, when nothing is new, locks no row.
MERGE = f"""
    MERGE INTO portfolios_dailyprice AS stored
    USING (
        SELECT asset_id, date, {", ".join(f"NULLIF({name}, 'NaN') AS {name}" for name in NUMBERS)}
        FROM staged_price
    ) AS staged
    ON stored.asset_id = staged.asset_id AND stored.date = staged.date
    WHEN MATCHED AND ({", ".join(f"stored.{name}" for name in NUMBERS)})
        IS DISTINCT FROM ({", ".join(f"staged.{name}" for name in NUMBERS)})
    THEN UPDATE SET ({", ".join(NUMBERS)}) = ROW ({", ".join(f"staged.{name}" for name in NUMBERS)})
    WHEN NOT MATCHED
    THEN INSERT ({", ".join(COLUMNS)}) VALUES ({", ".join(f"staged.{name}" for name in COLUMNS)})
"""
QUARANTINE = """
    INSERT INTO portfolios_quarantinedprice (source, line, reason, row)
    SELECT left(source, 120), line, left(reason, 200), left(row, 500) FROM staged_rejection
    ON CONFLICT DO NOTHING
"""
DROP_STAGING = "DROP TABLE staged_price, staged_rejection"

COPY_SIGNATURE = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
COPY_TRAILER = b"\xff\xff"
EPOCH = date(2000, 1, 1).toordinal()  # PostgreSQL counts days from here
TYPES = {"asset_id": ">i8", "date": ">i4"} | dict.fromkeys(NUMBERS, ">f8")
LAYOUT = np.dtype(
    [("field_count", ">i2")]
    + [part for name in COLUMNS for part in ((f"{name}_length", ">i4"), (name, TYPES[name]))]
)


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
        # One import at a time: two upserts could lock the same rows in a different order.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        cursor.execute(CREATE_STAGING)
        while rejected := _copy_prices(cursor, remaining, counts):
            _copy_rejections(cursor, rejected, counts)
        cursor.execute(MERGE)
        counts.changed = cursor.rowcount
        cursor.execute(QUARANTINE)
        cursor.execute(DROP_STAGING)
    return counts


def _copy_prices(cursor: CursorWrapper, rows: Iterator[Row], counts: Counts) -> list[RejectedRow]:
    """Stage candles until a batch has rejected rows, and return those; none when all is read."""
    rejected: list[RejectedRow] = []
    with cursor.copy(COPY_PRICES) as copy:
        copy.write(COPY_SIGNATURE)
        while not rejected and (batch := list(islice(rows, BATCH_ROWS))):
            copy.write(_encode([(pk, row) for pk, row in batch if isinstance(row, Candle)]))
            rejected = [row for _, row in batch if isinstance(row, RejectedRow)]
            counts.rows += len(batch)
        copy.write(COPY_TRAILER)
    return rejected


def _encode(rows: list[tuple[int, Candle]]) -> bytes:
    """The rows of one batch: the number of fields, then each field's byte length and bytes."""
    if not rows:
        return b""
    asset_ids, candles = zip(*rows, strict=True)
    days, *numbers = zip(*candles, strict=True)
    encoded = np.empty(len(rows), dtype=LAYOUT)
    encoded["field_count"] = len(COLUMNS)
    for name in COLUMNS:
        encoded[f"{name}_length"] = LAYOUT[name].itemsize
    encoded["asset_id"] = asset_ids
    encoded["date"] = np.fromiter(map(date.toordinal, days), np.int32, len(rows)) - EPOCH
    for name, column in zip(NUMBERS, numbers, strict=True):
        encoded[name] = np.array(column, dtype=float)  # None becomes NaN
    return encoded.tobytes()


def _copy_rejections(cursor: CursorWrapper, rows: list[RejectedRow], counts: Counts) -> None:
    counts.quarantined += len(rows)
    counts.first_rejections += rows[: REASONS_KEPT - len(counts.first_rejections)]
    with cursor.copy(COPY_REJECTIONS) as copy:
        for row in rows:
            copy.write_row((row.source, row.line, row.reason, row.row))
