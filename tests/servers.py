"""A pytest plugin: real PostgreSQL and Valkey, up before Django reads its settings.

Loaded by `-p tests.servers` (pyproject.toml), that is before pytest-django looks for settings.
"""

import os
from contextlib import ExitStack

os.environ["EVENKEEL_ENV"] = "test"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portfolio_site.settings")

from portfolio_site import embedded  # noqa: E402  (the environment comes first)

servers = ExitStack()
servers.enter_context(embedded.servers())


def pytest_unconfigure() -> None:
    servers.close()
