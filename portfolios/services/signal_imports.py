"""Market signals: bringing them in from files, and what a simulated market knows of itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from portfolios.market_data import signal_files
from portfolios.market_data.candles import RejectedRow
from portfolios.market_data.signal_files import Reading
from portfolios.models import PriceSource, QuarantinedSignal
from portfolios.services import price_imports

REASONS_KEPT = 5
ADVISORY_LOCK = 0x45564B53  # "EVKS"
SIMULATED = "simulated market capitalisation"

STAGE = """
    CREATE TEMPORARY TABLE staged_signal
        (name text, asset_id bigint, date date, value float8, is_unconfirmed boolean, source text)
        ON COMMIT DROP
"""
COPY = "COPY staged_signal FROM STDIN"
UPSERT = """
    INSERT INTO portfolios_marketsignal AS stored
        (name, asset_id, date, value, is_unconfirmed, source)
    SELECT name, asset_id, date, value, is_unconfirmed, source FROM staged_signal
    ON CONFLICT (name, asset_id, date) DO UPDATE
        SET (value, is_unconfirmed, source)
            = ROW (excluded.value, excluded.is_unconfirmed, excluded.source)
        WHERE (stored.value, stored.is_unconfirmed, stored.source)
            IS DISTINCT FROM (excluded.value, excluded.is_unconfirmed, excluded.source)
"""
# Of the assets whose market capitalisation is simulated, and of the days that have none yet.
SIMULATE_DOMINANCE = """
    INSERT INTO portfolios_marketsignal (name, asset_id, date, value, is_unconfirmed, source)
    SELECT 'btc_dominance', NULL, price.date,
           max(price.market_cap) FILTER (WHERE asset.coingecko_id = 'bitcoin')
               / sum(price.market_cap),
           false, %(source)s
    FROM portfolios_dailyprice AS price JOIN portfolios_asset AS asset ON asset.id = price.asset_id
    WHERE price.date <= %(until)s AND price.date > coalesce(
        (SELECT max(date) FROM portfolios_marketsignal WHERE name = 'btc_dominance'), '-infinity'
    )
    GROUP BY price.date
    HAVING max(price.market_cap) FILTER (WHERE asset.coingecko_id = 'bitcoin') > 0
    ON CONFLICT DO NOTHING
"""
ERRORS = (signal_files.MissingSignalsError, price_imports.MixedMarketError)
"""What an operator can mend; each says how."""

logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ImportReport:
    """What an import read and what it changed."""

    files: int
    readings: int
    changed: int
    quarantined: int
    first_rejections: list[RejectedRow]
    unknown_symbols: list[str]
    """What was left out because no asset of the catalogue goes by that name."""


@transaction.atomic
def import_directory(directory: Path, *, today: date, until: date = date.max) -> ImportReport:
    """Import the known files of a directory, the readings up to `until`.

    Idempotent. Bad rows, files with another header, and jumps that reversed go to quarantine and
    the rest goes in. Raises signal_files.MissingSignalsError, or price_imports.MixedMarketError
    in a database with a simulated market; then nothing has changed.
    """
    paths = signal_files.files(directory)
    price_imports.check_source(PriceSource.Name.FILES)
    rejected, readings = list[RejectedRow](), list[Reading]()
    for path in paths:
        with signal_files.open_text(path) as lines:
            for row in signal_files.parse(lines, source=path.name, today=today):
                if isinstance(row, RejectedRow):
                    rejected.append(row)
                elif row.date <= until:
                    readings.append(row)
    taken, glitches = signal_files.judge_jumps(readings)
    rejected += map(signal_files.rejection, glitches)
    assets: dict[str, int | None] = {"": None, **price_imports.assets_by_symbol()}
    return ImportReport(
        files=len(paths),
        readings=len(taken),
        changed=_store([row for row in taken if row.symbol in assets], glitches, assets),
        quarantined=len(rejected),
        first_rejections=_quarantine(rejected)[:REASONS_KEPT],
        unknown_symbols=sorted({row.symbol for row in taken} - set(assets)),
    )


def refresh(*, as_of: date) -> None:
    """Import what the configured source has up to the close of `as_of`. Idempotent.

    Without a source all signals are unavailable, and no night waits for them; a simulated market
    knows its dominance.
    """
    if not settings.MARKET_DATA_DIR:
        with connection.cursor() as cursor:
            cursor.execute(SIMULATE_DOMINANCE, {"until": as_of, "source": SIMULATED})
    elif settings.MARKET_SIGNALS_DIR:
        try:
            import_directory(Path(settings.MARKET_SIGNALS_DIR), today=date.max, until=as_of)
        except signal_files.MissingSignalsError as error:
            logger.warning("no signals", error=str(error))


def _store(
    readings: Iterable[Reading], glitches: Iterable[Reading], assets: dict[str, int | None]
) -> int:
    """Upsert readings, and take out what turned out to be a glitch; how many rows changed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        cursor.execute(STAGE)
        with cursor.copy(COPY) as copy:
            for row in readings:
                copy.write_row(
                    (row.name, assets[row.symbol], row.date, row.value, row.is_unconfirmed,
                     row.source)
                )  # fmt: skip
        cursor.execute(UPSERT)
        changed: int = cursor.rowcount
        cursor.execute("DROP TABLE staged_signal")
        return changed + sum(_take_out(cursor, glitch) for glitch in glitches)


def _take_out(cursor: CursorWrapper, glitch: Reading) -> int:
    cursor.execute(
        "DELETE FROM portfolios_marketsignal WHERE name = %s AND asset_id IS NULL AND date = %s",
        [glitch.name, glitch.date],
    )
    count: int = cursor.rowcount
    return count


def _quarantine(rejected: list[RejectedRow]) -> list[RejectedRow]:
    """Write down what was refused, once each, and return it."""
    QuarantinedSignal.objects.bulk_create(
        [
            QuarantinedSignal(
                source=row.source[:120], line=row.line, reason=row.reason[:200], row=row.row[:500]
            )
            for row in rejected
        ],
        ignore_conflicts=True,
    )
    return rejected
