"""How long a night takes beside a bare COPY of the same rows: `make bench-night N=100000`.

In a database of its own: N portfolios of 12 holdings, 5 % of them newly in breach. The night
is `manage.py nightly` in one process. With `venues` everybody trades at one of the catalogue's;
with `everything` there are calendars, rules of categories, temporary targets and taxes besides,
and with `quarter` it is the first of a quarter, too, when three quarters of them are due.
The bare run then copies the same rows out (portfolios, holdings, targets) and in (results,
suggestions; into tables without index or constraint).
The last line is JSON, with what `measurements.measure` does in a second of one core beside.
"""

import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import perf_counter

import psycopg

from portfolio_site import embedded

DATABASE = "evenkeel_bench"
REPOSITORY = Path(__file__).resolve().parent.parent
ASSETS = 12
SHARE_IN_BREACH = 0.05
AS_OF = datetime.now(UTC).date() - timedelta(days=2)

SEED = f"""
    INSERT INTO accounts_user
        (id, password, is_superuser, email, is_active, is_staff, date_joined)
    SELECT n, '', false, 'bench' || n || '@example.org', true, false, now()
    FROM generate_series(1, %(n)s) n;

    INSERT INTO portfolios_portfolio
        (id, owner_id, name, tolerance_band, wide_band, fee_rate, created_at)
    SELECT n, n, 'Portfolio ' || n, 0.05, 0.10, 0.001, now() FROM generate_series(1, %(n)s) n;

    CREATE TEMP TABLE choice AS
    SELECT asset_id, close,
           row_number() OVER (ORDER BY asset_id) - 1 AS slot, count(*) OVER () AS total
    FROM portfolios_dailyprice WHERE date = %(as_of)s;

    INSERT INTO portfolios_targetweight (portfolio_id, asset_id, weight)
    SELECT n, asset_id, CASE WHEN place = 0 THEN 0.45 ELSE 0.05 END
    FROM generate_series(1, %(n)s) n, generate_series(0, {ASSETS - 1}) place
    JOIN choice ON true WHERE slot = (n + place) %% total;

    -- Every twentieth owns 2.5 times its largest target, some 20 points too much of it.
    -- The others sit within two points of their targets.
    INSERT INTO portfolios_holding (portfolio_id, asset_id, quantity)
    SELECT n, asset_id, (1000 + n %% 9000) / close * CASE WHEN place = 0 THEN 0.45 ELSE 0.05 END
        * CASE WHEN place > 0 THEN 1 + (n * 7 + place * 13) %% 10 / 100.0
               WHEN n %% {round(1 / SHARE_IN_BREACH)} = 0 THEN 2.5 ELSE 1 END
    FROM generate_series(1, %(n)s) n, generate_series(0, {ASSETS - 1}) place
    JOIN choice ON true WHERE slot = (n + place) %% total;
"""
READ = (
    "SELECT id, revision, tolerance_band, wide_band, fee_rate FROM portfolios_portfolio",
    "SELECT portfolio_id, asset_id, quantity FROM portfolios_holding",
    "SELECT portfolio_id, asset_id, weight FROM portfolios_targetweight",
)
WRITTEN = ("analytics_portfolioresult", "analytics_suggestion")


# Everybody trades somewhere: as many portfolios at each of the catalogue's venues.
AT_VENUES = """
    UPDATE portfolios_portfolio SET venue_id = venue.id
    FROM (SELECT id, row_number() OVER (ORDER BY id) - 1 AS slot, count(*) OVER () AS total
          FROM portfolios_venue) AS venue
    WHERE portfolios_portfolio.id % venue.total = venue.slot
"""
# A quarter each by bands, weekly in high volatility or else monthly, monthly, and quarterly; a
# third has a relative band, a tenth a band of a category, a tenth something it never sells, a
# tenth a temporary target. A fifth counts tax, with 24 purchases each of what it holds.
EVERYTHING = f"""
    {AT_VENUES};
    UPDATE portfolios_portfolio SET
        cadence = (ARRAY['bands', 'adaptive', 'monthly', 'quarterly'])[1 + id / 20 % 4],
        relative_band = CASE WHEN id / 20 % 3 = 0 THEN 0.25 END,
        short_term_tax = CASE WHEN id / 20 % 5 = 0 THEN 0.30 END,
        long_term_tax = CASE WHEN id / 20 % 5 = 0 THEN 0.15 END;
    INSERT INTO portfolios_positionrule (portfolio_id, asset_id, category_id, band, trading)
    SELECT DISTINCT ON (portfolio.id) portfolio.id, NULL::bigint, category_id, 0.08, 0
    FROM portfolios_portfolio AS portfolio
    JOIN portfolios_holding AS holding ON holding.portfolio_id = portfolio.id
    JOIN portfolios_asset AS asset ON asset.id = holding.asset_id
    WHERE portfolio.id / 20 % 10 = 1;
    INSERT INTO portfolios_positionrule (portfolio_id, asset_id, trading)
    SELECT DISTINCT ON (portfolio_id) portfolio_id, asset_id, 1
    FROM portfolios_holding WHERE portfolio_id / 20 % 10 = 2;
    INSERT INTO portfolios_strategicweight (portfolio_id, asset_id, weight)
    SELECT portfolio_id, asset_id, weight FROM portfolios_targetweight
    WHERE portfolio_id / 20 % 10 = 3;
    INSERT INTO portfolios_tilt (portfolio_id, regime, ends_on)
    SELECT id, 'bear market', current_date + 30 FROM portfolios_portfolio WHERE id / 20 % 10 = 3;
    INSERT INTO portfolios_transaction
        (portfolio_id, kind, at, received_asset_id, received_quantity, value_asset_id, value)
    SELECT portfolio_id, 'buy', now() - purchase * interval '200 days', asset_id, quantity / 2,
           usd.id, 1
    FROM portfolios_holding
    JOIN portfolios_portfolio AS portfolio ON portfolio.id = portfolio_id
    CROSS JOIN generate_series(1, 2) AS purchase
    CROSS JOIN (SELECT id FROM portfolios_asset WHERE coingecko_id = 'usd') AS usd
    WHERE short_term_tax IS NOT NULL
"""
# The computing part alone, in the CPU time of its process: who is read already, nothing is stored.
# For taxes it reads ledgers.
COMPUTE = """
import gc
from time import process_time
from analytics.models import RunChunk
from analytics.selectors import market, positions
from analytics.services import measurements
chunks = RunChunk.objects.filter(run__is_current=True).select_related("run")
as_of = chunks[0].run.as_of
gc.freeze()  # as a worker does
known, spent, count = market.read(as_of=as_of), 0.0, 0
for chunk in chunks:
    first, last = chunk.first_portfolio_id, chunk.last_portfolio_id
    batch = positions.read(first_id=first, last_id=last, as_of=as_of)
    began = process_time()
    measurements.measure(batch, known)
    spent, count = spent + process_time() - began, count + len(batch.portfolio_ids)
print(round(count / spent))
"""
ALSO = {"": "", "venues": AT_VENUES, "everything": EVERYTHING, "quarter": EVERYTHING}


def main(portfolios: int, *, at: str = "") -> None:
    as_of = date(AS_OF.year, 1 + (AS_OF.month - 1) // 3 * 3, 1) if at == "quarter" else AS_OF
    with embedded.servers():
        prepare(portfolios, as_of=as_of)
        if at:
            with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
                for statement in ALSO[at].split(";\n"):
                    connection.execute(statement)
                connection.execute("VACUUM ANALYZE")
        print(json.dumps(measure(as_of=as_of)))


def measure(*, as_of: date = AS_OF) -> dict[str, float]:
    """The figures of a prepared night beside those of a bare COPY."""
    night, rss = run_night(as_of=as_of)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        bare = bare_copy(connection)
    return {
        "portfolios": night["portfolios"],
        "in_breach": night["in_breach"],
        "emails_queued": night["emails_queued"],
        "seconds": night["seconds"],
        "per_second": round(night["portfolios"] / night["seconds"]),
        "computed_per_cpu_second": int(
            manage("shell", "--no-imports", "-v0", "-c", COMPUTE).splitlines()[-1]
        ),
        "bare_copy_seconds": round(bare, 3),
        "times_copy": round(night["seconds"] / bare, 2),
        "peak_rss_mib": round(rss),
    }


def prepare(portfolios: int, *, as_of: date = AS_OF) -> None:
    """A database of its own with a simulated market, ready for the night of `as_of`."""
    os.environ["DATABASE_URL"] = create_database(os.environ["DATABASE_URL"])
    os.environ["MARKET_DATA_DIR"] = ""
    manage("migrate", "-v0")
    manage("load_catalogue")
    day_before = as_of - timedelta(days=1)
    manage("nightly", f"--as-of={day_before}")  # brings prices, measures nobody
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        seed(connection, portfolios, as_of=day_before)


def create_database(server: str) -> str:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")
    return re.sub(r"/[^/?]*(\?|$)", rf"/{DATABASE}\1", server, count=0)


def manage(*arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def seed(connection: psycopg.Connection, portfolios: int, *, as_of: date) -> None:
    """Portfolios and their owners, priced at the closes of `as_of`."""
    started = perf_counter()
    with psycopg.ClientCursor(connection) as cursor:
        # Rows that are right need no trigger to look up what they refer to.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(SEED, {"n": portfolios, "as_of": as_of})
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
    print(f"seeded {portfolios} portfolios in {perf_counter() - started:.1f} s")


def run_night(*, as_of: date = AS_OF) -> tuple[dict[str, float], float]:
    """The night's own figures, and the most memory its process held, in MiB."""
    output = manage("nightly", f"--as-of={as_of}", "--json")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return json.loads(output.splitlines()[-1]), peak


def bare_copy(connection: psycopg.Connection) -> float:
    """Seconds to copy the night's input out and its output in, with nothing done to either."""
    payloads = {table: list(blocks(connection, f"SELECT * FROM {table}")) for table in WRITTEN}
    for table in WRITTEN:
        connection.execute(f"CREATE TABLE bare_{table} (LIKE {table})")
    connection.execute("CHECKPOINT")
    started = perf_counter()
    for query in READ:
        for _ in blocks(connection, query):
            pass
    for table, payload in payloads.items():
        with connection.cursor().copy(f"COPY bare_{table} FROM STDIN (FORMAT BINARY)") as copy:
            for block in payload:
                copy.write(block)
    return perf_counter() - started


def blocks(connection: psycopg.Connection, query: str) -> Iterator[bytes]:
    with connection.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT BINARY)") as copy:
        yield from map(bytes, copy)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, at=(sys.argv[2:] or [""])[0])
