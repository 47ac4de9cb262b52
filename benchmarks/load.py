"""How quick the overview is while nights are being computed: `make bench-load N=100000`.

On the same cores: PostgreSQL, Valkey, the web server as the image runs it, and one worker of two
processes, which compute one night of N portfolios after the other. Meanwhile locust opens the
overview 20 times a second, over loopback, for SECONDS. The last line is JSON; the bound is a p95
of 300 ms and no error.
"""

import csv
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from benchmarks import night, workers
from portfolio_site import embedded

PEOPLE = 20
SECONDS = int(os.environ.get("SECONDS", "40"))
BOUND_MS = 300
# Each of them is a night to compute; more than the time is enough for.
DAYS = 60
FIRST = night.AS_OF - timedelta(days=DAYS)


def main(portfolios: int) -> None:
    with embedded.servers():
        night.prepare(portfolios, as_of=FIRST)
        night.manage("nightly", f"--as-of={FIRST}")
        people = night.manage("shell", "--no-imports", "-v0", "-c", LOG_IN).strip()
        workers.become_the_site()
        with web_server() as port, workers.workers(1, concurrency=2):
            visits = visit(port, people)
            computed = 0
            while visits.poll() is None:
                workers.take_night(FIRST + timedelta(days=1 + computed))
                computed += 1
    print(json.dumps(figures(computed * portfolios)))


# A person a portfolio, each logged in.
LOG_IN = f"""
import json
from django.conf import settings
from django.test import Client
from accounts.models import User
people = []
for user in User.objects.order_by("pk")[:{PEOPLE}]:
    client = Client()
    client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    people.append([user.portfolios.get().pk, settings.SESSION_COOKIE_NAME + "=" + cookie])
print(json.dumps(people))
"""


@contextmanager
def web_server() -> Iterator[int]:
    """As the image runs it; its port, once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--config=python:portfolio_site.gunicorn_conf",
         "--log-level=warning", "portfolio_site.wsgi"],
        cwd=night.REPOSITORY, env={**os.environ, "PORT": str(port), "DATABASE_POOL": "true"},
    )  # fmt: skip
    try:
        workers.wait_until(lambda: is_open(port))
        yield port
    finally:
        server.terminate()
        server.wait(60)


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def visit(port: int, people: str) -> subprocess.Popen[bytes]:
    time.sleep(2)  # let the server's processes come up
    return subprocess.Popen(
        [sys.executable, "-m", "locust", "--locustfile=benchmarks/visitors.py", "--headless",
         "--only-summary", f"--users={PEOPLE}", f"--spawn-rate={PEOPLE}",
         f"--run-time={SECONDS}s", f"--host=http://127.0.0.1:{port}", f"--csv={written()}"],
        cwd=night.REPOSITORY, env={**os.environ, "PEOPLE": people},
    )  # fmt: skip


def written() -> Path:
    return Path(os.environ["EVENKEEL_VAR"], "visits")


def figures(computed: int) -> dict[str, float]:
    with Path(f"{written()}_stats.csv").open() as file:
        row = next(row for row in csv.DictReader(file) if row["Name"] == "overview")
    return {
        "requests": int(row["Request Count"]),
        "requests_per_second": round(float(row["Requests/s"]), 1),
        "errors": int(row["Failure Count"]),
        "median_ms": float(row["50%"]),
        "p95_ms": float(row["95%"]),
        "p99_ms": float(row["99%"]),
        "slowest_ms": round(float(row["Max Response Time"])),
        "bound_ms": BOUND_MS,
        "portfolios_computed": computed,
        "portfolios_per_second": round(computed / SECONDS),
    }


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
