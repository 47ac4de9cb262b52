"""A broker and a database that go away in the middle of a night."""

import time
from contextlib import suppress

import psycopg
import pytest

from tests.faults.stack import Stack, wait_until
from tests.faults.test_workers import LEASE_MINUTES


def test_the_broker_is_away_for_six_seconds(night: Stack) -> None:
    with night.holding("analytics_portfolioresult") as held:
        night.start_worker()
        held.wait_for_somebody()
        night.kill_valkey()
    time.sleep(6)
    night.start_valkey()
    night.later(minutes=LEASE_MINUTES)  # a worker drops what it does when it loses the broker


def test_the_broker_forgets_everything(night: Stack) -> None:
    with night.holding("analytics_portfolioresult") as held:
        night.start_worker()
        held.wait_for_somebody()
        night.forget_messages()


def test_the_database_crashes_in_mid_chunk(night: Stack) -> None:
    # The lock goes with the rest.
    with suppress(psycopg.OperationalError), night.holding("analytics_portfolioresult") as held:
        night.start_worker()
        held.wait_for_somebody()
        night.crash_postgres()
    night.start_postgres()
    night.later(minutes=LEASE_MINUTES)


def test_two_beats_ring_twice_and_do_no_harm(night: Stack) -> None:
    night.start_beat()
    night.start_worker()


def test_the_disk_of_the_database_is_full_for_a_while(night: Stack) -> None:
    try:
        with night.small_disk("analytics_portfolioresult") as disk:
            filler = disk / "filler"
            fill(filler)
            night.start_worker()
            said = night.postgres.log
            wait_until(lambda: "No space left on device" in said.read_text(), "the disk is full")
            assert night.state() != "published"
            filler.unlink()
            night.later(minutes=LEASE_MINUTES)
            night.wait_for_publication()
            night.wait_for_mail()
    except PermissionError as error:
        night.start_worker()
        pytest.skip(str(error))


def fill(path: object) -> None:
    with open(str(path), "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            return
