"""`make chaos`: nights in which every stage is met by a fault drawn at random."""

import os
import random
import time
from collections.abc import Callable
from contextlib import suppress

import psutil
import psycopg
import pytest

from tests.faults.stack import Stack
from tests.faults.test_workers import LEASE_MINUTES, STAGES


def kill_the_worker(night: Stack, worker: psutil.Process) -> None:
    night.end(worker)


def kill_its_children(night: Stack, worker: psutil.Process) -> None:
    for child in worker.children():
        child.kill()


def lose_the_broker(night: Stack, worker: psutil.Process) -> None:
    night.kill_valkey()
    time.sleep(6)
    night.start_valkey()


def flush_the_broker(night: Stack, worker: psutil.Process) -> None:
    night.forget_messages()


def crash_the_database(night: Stack, worker: psutil.Process) -> None:
    night.crash_postgres()


def add_a_beat_and_a_worker_of_another_time(night: Stack, worker: psutil.Process) -> None:
    night.start_beat()
    night.start_worker(hours_ahead=3, concurrency=1)


FAULTS: list[Callable[[Stack, psutil.Process], None]] = [
    kill_the_worker,
    kill_its_children,
    lose_the_broker,
    flush_the_broker,
    crash_the_database,
    add_a_beat_and_a_worker_of_another_time,
]


@pytest.mark.chaos
@pytest.mark.parametrize("seed", range(int(os.environ.get("ROUNDS", "10"))))
def test_a_night_with_a_fault_in_every_stage(night: Stack, seed: int) -> None:
    drawn = random.Random(seed)
    for table in STAGES:
        fault = drawn.choice(FAULTS)
        # A lock on a table goes with a database that crashes.
        with suppress(psycopg.OperationalError), night.holding(table) as held:
            worker = night.start_worker(concurrency=drawn.choice([1, 2]))
            held.wait_for_somebody()
            fault(night, worker)
        night.start_postgres()
        night.later(minutes=LEASE_MINUTES)
        if drawn.random() < 0.5:
            night.end(worker)
    night.start_worker()
