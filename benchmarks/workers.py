"""How much sooner two workers end a night than one: `make bench-workers N=100000`.

Celery workers as in production, one process each, on the cores of this machine, which PostgreSQL
shares. Time runs from the ring to the publication, of nights with one and with two in turn (the
second of each: workers live longer than a night), with what each waits before the first chunk,
computes, and takes to be published. Beside it stand the CPU seconds that a night takes of the
workers and of PostgreSQL: two cores need half of both at the least. The last line is JSON; the
bound is 1.6 times sooner.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median

import django
import psutil

from benchmarks import night
from portfolio_site import embedded

ROUNDS = 3
BOUND = 1.6
PATIENCE_SECONDS = 600
FIRST = night.AS_OF - timedelta(days=4 * ROUNDS)


def main(portfolios: int) -> None:
    with embedded.servers():
        night.prepare(portfolios, as_of=FIRST)
        become_the_site()
        with workers(2):
            take_night(FIRST)  # it opens the episodes, and warms everything up
        seconds: dict[int, list[float]] = {1: [], 2: []}
        parts: dict[int, list[list[float]]] = {1: [], 2: []}
        busy: list[tuple[float, float]] = []
        for number in range(2 * ROUNDS):
            count = 1 + number % 2
            with workers(count):
                take_night(FIRST + timedelta(days=1 + 2 * number))  # as workers do every day
                before = cpu_seconds()
                as_of = FIRST + timedelta(days=2 + 2 * number)
                seconds[count].append(take_night(as_of))
                parts[count].append(steps(as_of, seconds[count][-1]))
                busy.append((cpu_seconds()[0] - before[0], cpu_seconds()[1] - before[1]))
    one, two = median(seconds[1]), median(seconds[2])
    figures = {
        "portfolios": portfolios,
        "one_worker_seconds": round(one, 2),
        "two_workers_seconds": round(two, 2),
        "times_sooner": round(one / two, 2),
        "bound": BOUND,
        "one_worker_steps": typical(parts[1]),
        "two_workers_steps": typical(parts[2]),
        "workers_cpu_seconds": round(median(of_workers for of_workers, _ in busy), 2),
        "postgres_cpu_seconds": round(median(of_postgres for _, of_postgres in busy), 2),
    }
    print(json.dumps(figures))


def typical(nights: list[list[float]]) -> list[float]:
    return [round(median(step), 2) for step in zip(*nights, strict=True)]


def steps(as_of: date, seconds: float) -> list[float]:
    """From the ring to pricing, measuring, planning, publishing and the end: what each took."""
    from analytics.models import RunStep

    entered = RunStep.objects.filter(run__as_of=as_of).order_by("pk")
    times = list(entered.values_list("entered_at", flat=True))
    parts = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    return [*parts, seconds - sum(parts)]


def cpu_seconds() -> tuple[float, float]:
    """Of all workers so far, and of PostgreSQL."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        postgres = psutil.Process(cursor.fetchone()[0]).parent()
    assert postgres is not None
    children = psutil.Process().children(recursive=True)
    workers = [child for child in children if "celery" in child.cmdline()]
    ended = postgres.cpu_times()
    backends = [postgres, *postgres.children()]
    return spent(workers), spent(backends) + ended.children_user + ended.children_system


def spent(processes: list[psutil.Process]) -> float:
    """CPU seconds; of one that has just ended, none."""
    total = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def become_the_site() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "portfolio_site.settings"
    django.setup()


@contextmanager
def workers(count: int, *, concurrency: int = 1) -> Iterator[None]:
    """Celery workers that are ready; their pulse says when."""
    pulses = [Path(os.environ["EVENKEEL_VAR"], f"pulse-{number}") for number in range(count)]
    for pulse in pulses:
        pulse.unlink(missing_ok=True)
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "celery", "--quiet", "-A", "portfolio_site", "worker",
             f"--hostname={pulse.name}@%h", f"--concurrency={concurrency}", "--loglevel=ERROR"],
            cwd=night.REPOSITORY,
            env={**os.environ, "PULSE_FILE": str(pulse), "EMAIL_URL": "dummymail:"},
        )
        for pulse in pulses
    ]  # fmt: skip
    try:
        wait_until(lambda: all(pulse.exists() for pulse in pulses))
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(PATIENCE_SECONDS)


def take_night(as_of: date) -> float:
    """Ring for a night; seconds until readers see it. What it has to say is thrown away."""
    from accounts.models import Notification, OutgoingEmail
    from analytics import tasks
    from analytics.models import NightlyRun
    from analytics.services import nights

    run = nights.ensure(as_of=as_of)
    started = time.perf_counter()
    tasks.advance_night.delay(run.pk)
    wait_until(lambda: NightlyRun.objects.filter(pk=run.pk, is_current=True).exists())
    seconds = time.perf_counter() - started
    OutgoingEmail.objects.all().delete()
    Notification.objects.all().delete()
    return seconds


def wait_until(condition: object) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.02)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
