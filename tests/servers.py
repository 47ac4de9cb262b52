"""A pytest plugin: real PostgreSQL and Valkey, up before Django reads its settings.

Loaded by `-p tests.servers` (pyproject.toml), that is before pytest-django looks for settings.
Files lie under var/test, apart from a demo that may run beside.
"""

import os
from contextlib import ExitStack
from pathlib import Path

os.environ["EVENKEEL_ENV"] = "test"
os.environ["MARKET_DATA_DIR"] = os.environ["MARKET_SIGNALS_DIR"] = ""
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portfolio_site.settings")
os.environ.setdefault("EVENKEEL_VAR", str(Path(__file__).parent.parent / "var" / "test"))

from portfolio_site import embedded

servers = ExitStack()
servers.enter_context(embedded.servers())
# Each process of pytest-xdist has a Valkey database, and so a task queue, of its own.
worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
if os.environ["REDIS_URL"].startswith("unix://"):
    # Those processes inherit what the one that started them set.
    address = os.environ["REDIS_URL"].partition("?")[0]
    os.environ["REDIS_URL"] = f"{address}?db={int(worker) + 1}"


def pytest_unconfigure() -> None:
    servers.close()
