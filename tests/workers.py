"""Real Celery workers on the tests' database and broker."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from django.conf import settings
from django.db import connection

REPOSITORY = Path(__file__).resolve().parent.parent


@contextmanager
def worker(**environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Celery worker process, in a process group of its own, on an empty queue."""
    redis.Redis.from_url(os.environ["REDIS_URL"]).flushdb()
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", "--quiet", "-A", "portfolio_site", "worker",
         "--concurrency", "1", "--loglevel", "WARNING"],
        cwd=REPOSITORY, env={**os.environ, "DATABASE_URL": database_url(), **environment},
        start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def database_url() -> str:
    """Where the tests' own database is: other than the settings', once tests run."""
    database = settings.DATABASES["default"]
    host = database["HOST"].replace("/", "%2F")
    return f"postgresql://{database['USER']}@{host}/{database['NAME']}"


def wait(until: Callable[[], bool], seconds: float = 30) -> None:
    """Until something is so, or fail."""
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])
