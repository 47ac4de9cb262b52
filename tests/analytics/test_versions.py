"""A worker of one release and one of the next share a night."""

import pytest
from django.db import connection
from django.db.models.functions import Now

from analytics import tasks
from analytics.models import NightlyRun, PortfolioResult, RunChunk
from analytics.services import chunks, nights

HALVES = {"BTC": "0.5", "SOL": "0.5"}
# How release 0.1.0 plans: it knows no version.
PLAN_OF_0_1_0 = """
    INSERT INTO analytics_runchunk
        (run_id, stage, number, first_portfolio_id, last_portfolio_id, state, attempt,
         portfolios, in_breach, problem)
    SELECT %(run)s, 'portfolios', number, min(id), max(id), 'ready', 0, count(*), 0, ''
    FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) / %(size)s AS number
          FROM portfolios_portfolio
          WHERE archived_at IS NULL AND deleted_at IS NULL) AS numbered
    GROUP BY number
    ON CONFLICT DO NOTHING
"""


@pytest.fixture
def release(monkeypatch):
    """release(2): this process is a worker of that release."""

    def become(version: int) -> None:
        monkeypatch.setattr(chunks, "VERSION", version)
        monkeypatch.setattr(tasks, "VERSION", version)

    return become


@pytest.fixture
def rings(monkeypatch) -> list[str]:
    heard: list[str] = []
    for name in ("advance_night", "compute_chunks", "send_due_mail"):
        monkeypatch.setattr(
            getattr(tasks, name), "delay", lambda *ids, name=name: heard.append(name)
        )
    return heard


@pytest.fixture
def run(hold, as_of, settings, release) -> NightlyRun:
    """A night of six chunks that release 2 has planned, two of them as release 1 would."""
    settings.NIGHT_CHUNK_SIZE = 1
    for _ in range(6):
        hold({"BTC": 9, "SOL": 1}, HALVES)
    release(2)
    run = nights.advance(run_id=nights.ensure(as_of=as_of).pk)
    assert set(run.chunks.values_list("version", flat=True)) == {2}
    run.chunks.filter(number__lt=2).update(version=1)
    return run


def test_the_older_worker_leaves_newer_chunks_to_others_without_an_attempt(run, release, rings):
    release(1)
    tasks.compute_chunks(run.pk)
    assert set(run.chunks.filter(version=1).values_list("state", "attempt")) == {("done", 1)}
    assert set(run.chunks.filter(version=2).values_list("state", "attempt")) == {("ready", 0)}
    tasks.advance_night(run.pk)
    run.refresh_from_db()
    assert run.state == "planned"
    assert rings.count("compute_chunks") == 4, "it rings for the newer worker all the same"


def test_the_newer_worker_finishes_what_the_older_one_began(run, release):
    release(1)
    nights.work(run_id=run.pk)
    release(2)
    finished = nights.finish(run_id=run.pk)
    assert finished.state == "published"
    assert set(run.chunks.values_list("state", "attempt")) == {("done", 1)}
    assert PortfolioResult.objects.filter(run=run).count() == 6


def test_the_older_worker_does_not_conclude_what_it_does_not_know(run, release):
    nights.work(run_id=run.pk)
    release(1)
    assert nights.advance(run_id=run.pk).state == "planned"
    release(2)
    assert nights.advance(run_id=run.pk).state == "published"


def test_a_newer_chunk_whose_worker_died_is_not_halved_by_the_older(run, release):
    dead = run.chunks.filter(version=2)
    dead.update(state="leased", attempt=chunks.MAX_ATTEMPTS, lease_until=Now())
    release(1)
    nights.work(run_id=run.pk)
    chunks.recover(run_id=run.pk)
    assert set(dead.values_list("state", "attempt")) == {("leased", chunks.MAX_ATTEMPTS)}


def test_halves_are_of_the_version_of_the_whole(hold, as_of, release):
    for _ in range(2):
        hold({"BTC": 9, "SOL": 1}, HALVES)
    release(2)
    run = nights.advance(run_id=nights.ensure(as_of=as_of).pk)
    run.chunks.update(attempt=chunks.MAX_ATTEMPTS - 1)
    chunks.fail(chunk=chunks.claim(run_id=run.pk), error=ValueError("planted"))
    assert list(run.chunks.values_list("version", flat=True)) == [2, 2]


def test_a_night_planned_by_the_release_before_is_computed(hold, as_of, settings):
    for _ in range(3):
        hold({"BTC": 9, "SOL": 1}, HALVES)
    run = nights.ensure(as_of=as_of)
    with connection.cursor() as cursor:
        cursor.execute(PLAN_OF_0_1_0, {"run": run.pk, "size": 2})
    assert nights.finish(run_id=run.pk).portfolios == 3
    assert RunChunk.objects.filter(run=run).count() == 2


def test_a_message_of_a_newer_release_is_left_to_its_workers(run, release, rings):
    release(1)
    tasks.compute_chunks(run.pk, version=2)
    assert not run.chunks.filter(state="done").exists()
    tasks.compute_chunks(run.pk, patience="much")  # something added that the older need not know
    assert run.chunks.filter(state="done").count() == 2
