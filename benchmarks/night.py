"""How long a night takes beside a bare COPY of the same rows: `make bench-night N=100000`.

In a database of its own: N portfolios of 12 holdings, 5 % of them newly in breach. The night
is `manage.py nightly` in one process. With `venues` everybody trades at one of the catalogue's.
The bare run then copies the same rows out (portfolios, holdings, targets) and in (results,
suggestions; into tables without index or constraint).
The last line is JSON.
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


def main(portfolios: int, *, at_venues: bool) -> None:
    with embedded.servers():
        prepare(portfolios)
        if at_venues:
            with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
                connection.execute(AT_VENUES)
                connection.execute("VACUUM ANALYZE portfolios_portfolio")
        print(json.dumps(measure()))


def measure() -> dict[str, float]:
    """The figures of a prepared night beside those of a bare COPY."""
    night, rss = run_night()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        bare = bare_copy(connection)
    return {
        "portfolios": night["portfolios"],
        "in_breach": night["in_breach"],
        "emails_queued": night["emails_queued"],
        "seconds": night["seconds"],
        "per_second": round(night["portfolios"] / night["seconds"]),
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


def run_night() -> tuple[dict[str, float], float]:
    """The night's own figures, and the most memory its process held, in MiB."""
    output = manage("nightly", f"--as-of={AS_OF}", "--json")
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
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, at_venues="venues" in sys.argv)
