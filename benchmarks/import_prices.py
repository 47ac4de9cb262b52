"""How fast daily CSV files become rows of an empty table, parsing and indexes included.

    python -m benchmarks.import_prices DIR

Runs in a database of its own, made and dropped here. The last line is JSON.
"""

import json
import os
import sys
import time
from datetime import date
from pathlib import Path

ROUNDS = 5


def measure(directory: Path) -> dict[str, float]:
    """The median round of a few into an empty table, and a round that finds nothing new."""
    from django.db import connection

    from portfolios.services import catalogue, price_imports

    catalogue.load()
    seconds = []
    for _ in range(ROUNDS):
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE portfolios_dailyprice")
        started = time.perf_counter()
        report = price_imports.import_directory(directory, today=date.max)
        seconds.append(time.perf_counter() - started)
        assert report.changed == report.rows - report.quarantined
    started = time.perf_counter()
    assert price_imports.import_directory(directory, today=date.max).changed == 0
    again = time.perf_counter() - started
    median = sorted(seconds)[ROUNDS // 2]
    return {
        "files": report.files,
        "rows": report.rows,
        "seconds": round(median, 3),
        "rows_per_second": round(report.rows / median),
        "seconds_when_nothing_is_new": round(again, 3),
    }


def main() -> None:
    os.environ.setdefault("EVENKEEL_ENV", "test")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portfolio_site.settings")
    from portfolio_site import embedded

    with embedded.servers():
        import django

        django.setup()
        from django.db import connection

        name = connection.creation.create_test_db(verbosity=0, autoclobber=True)
        try:
            print(json.dumps(measure(Path(sys.argv[1]))))
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)


if __name__ == "__main__":
    main()
