"""Cancelling a night and taking it up again, at any moment; and what staff are told."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import OutgoingEmail
from analytics.models import AlertEvent, NightlyRun, PortfolioResult, RunChunk
from analytics.selectors import market as market_selector
from analytics.services import chunks, measurements, nights, recomputation, runs, staff_alerts
from portfolios.services import price_imports
from tests.analytics.conftest import rehold
from tests.factories import UserFactory, staff

HALVES = {"BTC": "0.5", "SOL": "0.5"}


@pytest.fixture
def poison(monkeypatch):
    """poison(portfolios): the core stumbles over these from now on, and over no others."""
    fine = measurements.measure
    at_fault: set[int] = set()

    def stumble(batch, market):
        if at_fault & set(batch.portfolio_ids.tolist()):
            raise FloatingPointError("planted")
        return fine(batch, market)

    def plant(*portfolios):
        at_fault.clear()
        at_fault.update(portfolio.pk for portfolio in portfolios)

    monkeypatch.setattr(measurements, "measure", stumble)
    return plant


def states(run) -> list[str]:
    return list(run.steps.values_list("state", flat=True))


def planned(hold, as_of, portfolios=4):
    for _ in range(portfolios):
        hold({"BTC": 9, "SOL": 1}, HALVES)
    return nights.advance(run_id=nights.ensure(as_of=as_of).pk)


def test_every_state_is_written_down_with_its_time(hold, as_of):
    hold({"BTC": 9, "SOL": 1}, HALVES)
    run = nights.run_to_end(as_of=as_of)
    assert states(run) == ["created", "priced", "measured", "planned", "published"]
    times = list(run.steps.values_list("entered_at", flat=True))
    assert times == sorted(times)
    assert len(set(times)) == len(times)


def test_a_cancelled_night_is_worked_on_no_more_and_readers_keep_the_one_before(
    hold, as_of, settings
):
    settings.NIGHT_CHUNK_SIZE = 1
    before = nights.run_to_end(as_of=as_of)
    run = planned(hold, as_of + timedelta(days=1))
    conditions = market_selector.read(as_of=run.as_of)
    chunk = chunks.claim(run_id=run.pk)
    runs.cancel(run_id=run.pk, problem="Cancelled by staff.")
    chunks.compute(chunk=chunk, market=conditions)  # what was begun may end
    assert chunks.claim(run_id=run.pk) is None
    assert chunks.waiting(run_id=run.pk) == 0
    assert nights.finish(run_id=run.pk).state == "cancelled"
    assert NightlyRun.objects.get(is_current=True) == before
    assert not OutgoingEmail.objects.exists()
    assert runs.unfinished() == []


def test_a_cancelled_night_is_taken_up_where_it_stopped(hold, as_of, settings):
    settings.NIGHT_CHUNK_SIZE = 1
    run = planned(hold, as_of)
    chunks.compute(chunk=chunks.claim(run_id=run.pk), market=market_selector.read(as_of=run.as_of))
    runs.cancel(run_id=run.pk, problem="Cancelled by staff.")
    hold({"BTC": 9, "SOL": 1}, HALVES)  # a portfolio made meanwhile belongs to the next night
    runs.retry(run_id=run.pk)
    run = nights.finish(run_id=run.pk)
    assert (run.state, run.portfolios, run.problem) == ("published", 4, "")
    assert set(run.chunks.values_list("state", "attempt")) == {("done", 1)}
    assert states(run)[-4:] == ["planned", "cancelled", "planned", "published"]


def test_a_night_cancelled_in_the_middle_of_a_step_stays_cancelled(hold, as_of, monkeypatch):
    hold({"BTC": 9, "SOL": 1}, HALVES)
    run = nights.ensure(as_of=as_of)
    fine = price_imports.refresh

    def cancelled_meanwhile(*, as_of):
        report = fine(as_of=as_of)
        with ThreadPoolExecutor(1) as other:
            other.submit(cancel_elsewhere).result()
        return report

    def cancel_elsewhere():
        try:
            runs.cancel(run_id=run.pk, problem="Cancelled by staff.")
        finally:
            connection.close()

    monkeypatch.setattr(price_imports, "refresh", cancelled_meanwhile)
    run = nights.finish(run_id=run.pk)
    assert (run.state, run.problem) == ("cancelled", "Cancelled by staff.")
    assert states(run) == ["created", "cancelled"]
    monkeypatch.undo()
    runs.retry(run_id=run.pk)
    assert nights.finish(run_id=run.pk).state == "published"


def test_a_withheld_night_is_taken_up_and_its_failed_chunks_tried_again(hold, as_of, poison):
    made = [hold({"BTC": 9, "SOL": 1}, HALVES) for _ in range(8)]
    poison(*made[:6])
    run = nights.run_to_end(as_of=as_of)
    assert run.state == "withheld"
    attempts = dict(run.chunks.filter(state="quarantined").values_list("pk", "attempt"))
    poison()
    runs.retry(run_id=run.pk)
    run = nights.finish(run_id=run.pk)
    assert (run.state, run.portfolios, run.emails_queued) == ("published", 8, 8)
    again = dict(run.chunks.filter(pk__in=attempts).values_list("pk", "attempt"))
    assert again == {pk: attempt + 1 for pk, attempt in attempts.items()}, "it fences"


def test_a_night_that_fails_again_is_withheld_again_and_staff_are_told_once(hold, as_of, poison):
    made = [hold({"BTC": 9, "SOL": 1}, HALVES) for _ in range(8)]
    poison(*made[:6])
    staff()
    run = nights.run_to_end(as_of=as_of)
    runs.retry(run_id=run.pk)
    assert nights.finish(run_id=run.pk).state == "withheld"
    assert OutgoingEmail.objects.filter(kind="staff").count() == 1


def test_what_has_ended_well_is_neither_cancelled_nor_taken_up(hold, as_of):
    run = nights.run_to_end(as_of=as_of)
    with pytest.raises(runs.NotInThatState, match="is published: there is nothing to cancel"):
        runs.cancel(run_id=run.pk, problem="late")
    with pytest.raises(runs.NotInThatState, match="nothing to take up again"):
        runs.retry(run_id=run.pk)
    unfinished = nights.ensure(as_of=as_of + timedelta(days=1))
    with pytest.raises(runs.NotInThatState, match="is created"):
        runs.retry(run_id=unfinished.pk)


def test_a_published_night_gets_its_quarantined_portfolios_and_writes_to_nobody(
    hold, coins, as_of, poison
):
    made = [hold({"BTC": 9, "SOL": 1}, HALVES) for _ in range(5)]
    poison(*made[:3])
    run = nights.run_to_end(as_of=as_of)
    assert (run.portfolios, OutgoingEmail.objects.count()) == (2, 2)

    rehold(made[1], coins["BTC"], 1)  # its owner has edited one, and its page computed it
    poison(made[2])
    assert recomputation.recompute(portfolio_id=made[1].pk)
    for _ in range(2):
        recomputation.recompute_quarantined(run_id=run.pk)
    run.refresh_from_db()
    assert run.portfolios == 4
    assert PortfolioResult.objects.get(portfolio=made[0]).status == "in_breach"
    assert PortfolioResult.objects.get(portfolio=made[1]).status == "in_balance"
    left = run.chunks.get(state=RunChunk.State.QUARANTINED)
    assert left.first_portfolio_id == made[2].pk
    assert (OutgoingEmail.objects.count(), AlertEvent.objects.count()) == (2, 2)

    poison()
    nights.run_to_end(as_of=as_of + timedelta(days=1))
    told = AlertEvent.objects.filter(portfolio__in=[made[0], made[2]])
    assert told.count() == 2, "the next night writes about them"


def test_quarantined_portfolios_of_a_night_that_is_not_current_stay(hold, as_of, poison):
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES)
    poison(portfolio)
    run = nights.run_to_end(as_of=as_of)
    nights.run_to_end(as_of=as_of + timedelta(days=1))
    poison()
    recomputation.recompute_quarantined(run_id=run.pk)
    assert run.chunks.get().state == "quarantined"
    assert not PortfolioResult.objects.exists()


# --- The command ---


def nightly(*arguments: str) -> list[dict]:
    output = StringIO()
    call_command("nightly", *arguments, "--json", stdout=output)
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_the_command_resumes_all_unfinished_nights_in_order(hold, as_of, settings):
    settings.NIGHT_CHUNK_SIZE = 1
    run = planned(hold, as_of, portfolios=2)
    chunks.compute(chunk=chunks.claim(run_id=run.pk), market=market_selector.read(as_of=run.as_of))
    nights.ensure(as_of=as_of + timedelta(days=2))
    nights.ensure(as_of=as_of + timedelta(days=1))
    resumed = nightly("--resume")
    assert [(night["as_of"], night["state"], night["portfolios"]) for night in resumed] == [
        ("2024-06-30", "published", 2),
        ("2024-07-01", "published", 2),
        ("2024-07-02", "published", 2),
    ]
    assert nightly("--resume") == []
    output = StringIO()
    call_command("nightly", "--resume", stdout=output)
    assert output.getvalue() == "No night is unfinished.\n"


def test_the_command_goes_on_after_a_withheld_night_and_says_so_at_the_end(hold, as_of, poison):
    made = [hold({"BTC": 9, "SOL": 1}, HALVES) for _ in range(8)]
    for day in range(2):
        nights.ensure(as_of=as_of + timedelta(days=day))
    poison(*made[:6])
    with pytest.raises(CommandError) as raised:
        nightly("--resume")
    assert str(raised.value).count("6 of 8 portfolios could not be computed") == 2
    assert set(NightlyRun.objects.values_list("state", flat=True)) == {"withheld"}


def test_the_command_says_which_night_another_waits_for(hold, as_of):
    nights.ensure(as_of=as_of)
    with pytest.raises(CommandError, match="waits for that of 2024-06-30; --resume finishes both"):
        nightly("--as-of", str(as_of + timedelta(days=1)))


def test_the_command_catches_up_to_the_night_that_is_due(hold, as_of):
    hold({"BTC": 9, "SOL": 1}, HALVES)
    nights.run_to_end(as_of=as_of)
    with time_machine.travel(datetime(2024, 7, 4, 1, tzinfo=UTC), tick=False):
        assert [night["as_of"] for night in nightly()] == ["2024-07-01", "2024-07-02", "2024-07-03"]
        assert [night["as_of"] for night in nightly()] == ["2024-07-03"]


# --- What staff are told ---


def subjects() -> list[str]:
    staff_mail = OutgoingEmail.objects.filter(kind="staff").order_by("pk")
    return list(staff_mail.values_list("subject", flat=True))


def test_staff_are_told_of_a_partial_night_once_each(hold, as_of, poison):
    members = [staff(), staff(alert_preference="weekly")]
    staff(is_active=False)
    UserFactory()
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES)
    hold({"BTC": 9, "SOL": 1}, HALVES)
    poison(portfolio)
    run = nights.run_to_end(as_of=as_of)
    nights.advance(run_id=run.pk)
    assert subjects() == ["Night of 2024-06-30 was published without one portfolio"] * 2
    told = OutgoingEmail.objects.filter(kind="staff")
    assert {mail.user for mail in told} == set(members)
    assert f"/admin/analytics/nightlyrun/{run.pk}/change/" in told[0].text


def test_staff_are_told_once_of_a_night_that_is_not_out_in_time(hold, as_of, settings):
    settings.NIGHT_LATE_AFTER_MINUTES = 90
    staff()
    run = nights.ensure(as_of=as_of)
    now = timezone.now()
    NightlyRun.objects.filter(pk=run.pk).update(created_at=Now() - timedelta(minutes=89))
    staff_alerts.late(now=now, due=as_of)
    assert subjects() == []
    NightlyRun.objects.filter(pk=run.pk).update(created_at=Now() - timedelta(minutes=91))
    for _ in range(2):
        staff_alerts.late(now=now, due=as_of)
    assert subjects() == ["Night of 2024-06-30 is late"]
    OutgoingEmail.objects.all().delete()
    nights.run_to_end(as_of=as_of)
    staff_alerts.late(now=now, due=as_of)
    assert subjects() == []


def test_staff_are_told_once_when_prices_stay_away(hold, as_of):
    staff()
    now = timezone.now()
    staff_alerts.late(now=now, due=as_of)
    assert subjects() == [], "a new server has no nights yet"
    nights.run_to_end(as_of=as_of)
    for missing in (1, 2, 3):
        staff_alerts.late(now=now, due=as_of + timedelta(days=missing))
    assert subjects() == ["The night of 2024-07-01 is late"]


def test_a_night_is_overdue_some_time_after_it_was_due(settings):
    settings.NIGHT_LATE_AFTER_MINUTES = 120
    at = timezone.now().replace(year=2024, month=7, day=2, hour=2, minute=29)
    assert nights.overdue_day(now=at) == date(2024, 6, 30)
    assert nights.overdue_day(now=at + timedelta(minutes=1)) == date(2024, 7, 1)
