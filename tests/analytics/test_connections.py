"""Whoever stands still in the middle of a COPY is put out, and nobody else."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from analytics.models import RunChunk
from analytics.services import chunks, connections, nights
from tests.workers import database_url

NAME = "evenkeel"


@pytest.fixture(autouse=True)
def patience(settings) -> None:
    settings.DATABASE_TIMEOUT_SECONDS = 1


@contextmanager
def in_mid_copy(*, name: str = NAME, holding: int = 0) -> Iterator[psycopg.Connection]:
    """A process that has begun a COPY and sends nothing; its row of the chunk is locked."""
    stalled = psycopg.connect(database_url(), application_name=name, autocommit=True)
    try:
        stalled.execute("SET statement_timeout = '1s'")
        stalled.execute("CREATE TEMP TABLE copied (n int)")
        stalled.execute("BEGIN")
        stalled.execute("UPDATE analytics_runchunk SET state = 'done' WHERE id = %s", [holding])
        stalled.pgconn.send_query(b"COPY copied FROM STDIN")
        yield stalled
    finally:
        stalled.close()


def is_alive(stalled: psycopg.Connection) -> bool:
    with psycopg.connect(database_url()) as looker:
        query = "SELECT FROM pg_stat_activity WHERE pid = %s"
        return bool(looker.execute(query, [stalled.info.backend_pid]).fetchall())


def test_a_chunk_held_by_a_worker_that_stands_still_in_a_copy_comes_back(hold, as_of):
    hold({"BTC": 9, "SOL": 1}, {"BTC": "0.5", "SOL": "0.5"})
    run = nights.advance(run_id=nights.ensure(as_of=as_of).pk)
    chunk = chunks.claim(run_id=run.pk)
    RunChunk.objects.update(lease_until="2020-01-01T00:00Z")
    with in_mid_copy(holding=chunk.pk):
        time.sleep(1.2)
        assert chunks.claim(run_id=run.pk) is None, "PostgreSQL's own timeout does not free it"
        assert connections.end_stalled() == 1
        deadline = time.monotonic() + 10
        while not (again := chunks.claim(run_id=run.pk)):
            assert time.monotonic() < deadline
    assert (again.pk, again.attempt) == (chunk.pk, chunk.attempt + 1)


def test_one_that_has_only_begun_is_left_alone(transactional_db, settings):
    settings.DATABASE_TIMEOUT_SECONDS = 60
    with in_mid_copy() as young:
        time.sleep(0.2)
        assert connections.end_stalled() == 0
        assert is_alive(young)


def test_what_other_programs_copy_is_left_alone(transactional_db):
    with in_mid_copy(name="pg_restore") as other:
        time.sleep(1.2)
        assert connections.end_stalled() == 0
        assert is_alive(other)
