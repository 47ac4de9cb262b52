"""Who starts the night, and that several workers share it without treading on each other."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db import connection

from accounts.models import OutgoingEmail
from analytics import tasks
from analytics.models import NightlyRun, PortfolioResult
from analytics.services import nights

HALVES = {"BTC": "0.5", "SOL": "0.5"}


@pytest.fixture
def rings(monkeypatch) -> list[tuple[str, tuple[int, ...]]]:
    """What was rung for; nobody hears it."""
    heard: list[tuple[str, tuple[int, ...]]] = []
    for name in ("advance_night", "compute_chunks", "send_due_mail"):
        task = getattr(tasks, name)
        monkeypatch.setattr(task, "delay", lambda *ids, name=name: heard.append((name, ids)))
    return heard


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2024, 7, 1, 0, 29, tzinfo=UTC), date(2024, 6, 29)),
        (datetime(2024, 7, 1, 0, 30, tzinfo=UTC), date(2024, 6, 30)),
        (datetime(2024, 7, 1, 23, 59, tzinfo=UTC), date(2024, 6, 30)),
    ],
)
def test_a_night_is_due_half_an_hour_after_its_day(now, expected):
    assert nights.due_day(now=now) == expected


def test_ticks_create_the_due_night_once_and_ring_until_it_is_out(hold, as_of, rings):
    hold({"BTC": 9, "SOL": 1}, HALVES)
    with time_machine.travel(datetime(2024, 7, 1, 0, 31, tzinfo=UTC), tick=False):
        tasks.tick()
        tasks.tick()
        run = NightlyRun.objects.get()
        assert run.as_of == as_of
        assert rings == [("advance_night", (run.pk,))] * 2

        nights.run_to_end(as_of=as_of)
        rings.clear()
        tasks.tick()
    assert rings == []


def test_when_the_data_end_early_their_last_day_is_measured_once(hold, as_of, rings):
    hold({"BTC": 9, "SOL": 1}, HALVES)
    for day in (10, 11):
        with time_machine.travel(datetime(2024, 8, day, 12, tzinfo=UTC), tick=False):
            tasks.tick()
    assert NightlyRun.objects.get().as_of == as_of + timedelta(days=3)


def test_each_task_rings_for_what_comes_next(hold, as_of, rings):
    hold({"BTC": 9, "SOL": 1}, HALVES)
    run = nights.ensure(as_of=as_of)
    tasks.advance_night(run.pk)
    assert rings == [("compute_chunks", (run.pk,))]
    tasks.compute_chunks(run.pk)
    assert rings[1:] == [("advance_night", (run.pk,))]
    tasks.advance_night(run.pk)
    assert rings[2:] == [("send_due_mail", ())]
    run.refresh_from_db()
    assert run.state == NightlyRun.State.PUBLISHED


def test_four_workers_share_a_night_and_each_portfolio_is_computed_once(hold, as_of, settings):
    settings.NIGHT_CHUNK_SIZE = 3
    for quantity in range(1, 31):
        hold({"BTC": quantity, "SOL": 31 - quantity}, HALVES)
    run = nights.advance(run_id=nights.ensure(as_of=as_of).pk)

    def worker(_: int) -> None:
        try:
            nights.work(run_id=run.pk)
            nights.advance(run_id=run.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(worker, range(4)))
    run.refresh_from_db()
    assert run.state == NightlyRun.State.PUBLISHED
    assert set(run.chunks.values_list("state", "attempt")) == {("done", 1)}
    assert PortfolioResult.objects.filter(run=run).count() == run.portfolios == 30
    assert OutgoingEmail.objects.count() == run.in_breach == run.emails_queued
