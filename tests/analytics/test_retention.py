"""Old nights lose their figures, but for what a letter is about."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.services import outbox
from analytics.models import AlertEvent, NightlyRun, PortfolioResult, RunChunk, Suggestion
from analytics.services import nights, retention

HALVES = {"BTC": "0.5", "SOL": "0.5"}
KEPT_DAYS = 30


@pytest.fixture(autouse=True)
def kept_days(settings) -> None:
    settings.RESULTS_KEPT_DAYS = KEPT_DAYS


@pytest.fixture
def two_nights(hold, as_of) -> tuple[NightlyRun, NightlyRun]:
    """One portfolio in breach since the first night, and two in balance."""
    hold({"BTC": 9, "SOL": 1}, HALVES)
    hold({"BTC": 5, "SOL": 5}, HALVES)
    hold({"BTC": 5, "SOL": 5}, HALVES)
    first = nights.run_to_end(as_of=as_of)
    return first, nights.run_to_end(as_of=as_of + timedelta(days=1))


def after(days: int) -> int:
    return retention.purge(now=timezone.now() + timedelta(days=days))


def rows(run: NightlyRun) -> tuple[int, int, int]:
    counted = (PortfolioResult, Suggestion, RunChunk)
    return tuple(model.objects.filter(run=run).count() for model in counted)


def test_within_the_days_nothing_goes(two_nights):
    assert after(KEPT_DAYS - 1) == 0
    assert rows(two_nights[0]) == (3, 1, 1)


def test_after_them_what_an_alert_is_about_stays_with_the_run_and_its_counts(two_nights):
    first, current = two_nights
    steps = first.steps.count()
    assert after(KEPT_DAYS + 1) == 1
    assert rows(first) == (1, 1, 0)
    assert PortfolioResult.objects.get(run=first).portfolio == AlertEvent.objects.get().portfolio
    first.refresh_from_db()
    assert (first.state, first.portfolios, first.steps.count()) == ("published", 3, steps)
    assert rows(current) == (3, 1, 1), "readers see it, however old it is"
    assert after(KEPT_DAYS + 1) == 0, "there is nothing left to purge"


def test_a_letter_that_waited_all_that_time_is_still_written(two_nights, mailoutbox):
    after(KEPT_DAYS + 1)
    assert outbox.send_due().sent == 1
    assert " pp off: " in mailoutbox[0].subject


def test_an_unfinished_night_is_not_touched(two_nights):
    first, _ = two_nights
    NightlyRun.objects.filter(pk=first.pk).update(state="planned")
    assert after(KEPT_DAYS + 1) == 0
    assert rows(first) == (3, 1, 1)


def test_without_time_it_stops_between_two_nights(two_nights, as_of, monkeypatch):
    nights.run_to_end(as_of=as_of + timedelta(days=2))
    monkeypatch.setattr(retention, "AT_MOST_SECONDS", -1.0)
    assert after(KEPT_DAYS + 1) == 0
    monkeypatch.setattr(retention, "AT_MOST_SECONDS", 60.0)
    assert after(KEPT_DAYS + 1) == 2
