"""The page of one night in the admin site, and what staff may do there."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from kombu.exceptions import OperationalError

from analytics import tasks
from analytics.models import NightlyRun, RunChunk
from analytics.selectors import market as market_selector
from analytics.services import chunks, nights, runs
from tests.factories import UserFactory, staff

HALVES = {"BTC": "0.5", "SOL": "0.5"}


@pytest.fixture
def site(client: Client, transactional_db) -> Client:
    client.force_login(staff())
    return client


@pytest.fixture
def night(hold, as_of, settings) -> NightlyRun:
    """Four portfolios in chunks of one; one is done, one failed and is quarantined."""
    settings.NIGHT_CHUNK_SIZE = 1
    for _ in range(4):
        hold({"BTC": 9, "SOL": 1}, HALVES)
    run = nights.advance(run_id=nights.ensure(as_of=as_of).pk)
    conditions = market_selector.read(as_of=as_of)
    chunks.compute(chunk=chunks.claim(run_id=run.pk), market=conditions)
    failing = chunks.claim(run_id=run.pk)
    RunChunk.objects.filter(pk=failing.pk).update(state="quarantined", problem="planted <fault>")
    return run


def url(page: str, run: NightlyRun, query: str = "") -> str:
    return reverse(f"admin:analytics_nightlyrun_{page}", args=[run.pk]) + query


def rows_of_chunks(html: str) -> int:
    table = html.partition('id="chunks"')[2]
    return len(re.findall(r"<td class=\"ids\">\d+ to \d+</td>", table))


def test_the_page_says_how_the_night_goes(site, night):
    html = site.get(url("change", night)).text
    assert "Computing portfolios" in html
    stages = re.findall(r"<td>([A-Z][a-z ]+)</td>\s*<td>20\d\d-\d\d-\d\d \d\d:\d\d:\d\d</td>", html)
    assert stages == [
        "Waiting for prices", "Prices are in", "Market measured", "Computing portfolios",
    ]  # fmt: skip
    assert "planted &lt;fault&gt;" in html
    assert re.search(r"Portfolios done</dt>\s*<dd>\s*1 of 4", html)
    assert rows_of_chunks(html) == 4


def test_chunks_are_shown_by_state_and_by_page_in_a_bounded_number_of_queries(site, night):
    assert rows_of_chunks(site.get(url("change", night, "?state=ready")).text) == 2
    assert rows_of_chunks(site.get(url("change", night, "?state=no-such&p=x")).text) == 4
    with CaptureQueriesContext(connection) as few:
        site.get(url("change", night))
    RunChunk.objects.bulk_create(
        RunChunk(run=night, number=n, first_portfolio_id=n, last_portfolio_id=n, state=state)
        for n, state in enumerate(["ready", "quarantined"] * 200, start=100)
    )
    with CaptureQueriesContext(connection) as many:
        html = site.get(url("change", night)).text
    assert rows_of_chunks(html) == 25
    assert "Page 1 of 17" in html
    assert (
        len(re.findall(r"/portfolio/\d+/change/", html)) == 100
    )  # as many quarantined as are shown
    assert len(many) == len(few) <= 12
    assert rows_of_chunks(site.get(url("change", night, "?state=ready&p=9")).text) == 2


def test_a_night_is_cancelled_after_a_question_and_retried(site, night):
    asked = site.get(url("cancel", night)).text
    assert "Readers keep the previous night." in asked
    night.refresh_from_db()
    assert night.state == "planned", "a question changes nothing"

    page = site.post(url("cancel", night), follow=True).text
    assert "Night of 2024-06-30 is cancelled." in page
    night.refresh_from_db()
    assert (night.state, night.problem) == ("cancelled", "Cancelled by staff.")
    assert "Cancel…" not in page

    assert "is taken up again within a minute" in site.post(url("retry", night), follow=True).text
    assert nights.finish(run_id=night.pk).state == "published"
    entries = LogEntry.objects.order_by("pk").values_list("change_message", flat=True)
    assert [message.partition(" is ")[2][:8] for message in entries] == ["cancelle", "taken up"]
    assert "is cancelled" in site.get(url("history", night)).text


def test_what_came_too_late_changes_nothing_and_is_not_in_the_history(site, night):
    RunChunk.objects.filter(run=night, state="quarantined").update(state="ready")
    nights.finish(run_id=night.pk)
    for page, words in (("cancel", "nothing to cancel"), ("retry", "nothing to retry")):
        assert words in site.post(url(page, night), follow=True).text
    assert not LogEntry.objects.exists()


def test_quarantined_portfolios_of_the_current_night_are_rung_for(site, night, monkeypatch):
    run = nights.finish(run_id=night.pk)
    assert (run.state, run.portfolios) == ("published", 3)
    rung: list[int] = []
    monkeypatch.setattr(tasks.recompute_quarantined, "delay", rung.append)
    assert "The next night" not in site.get(url("retry", night)).text
    assert "are being computed again" in site.post(url("retry", night), follow=True).text
    assert rung == [night.pk]
    tasks.recompute_quarantined(night.pk)
    run.refresh_from_db()
    assert run.portfolios == 4
    assert "Retry…" not in site.get(url("change", night)).text


def test_without_a_broker_nothing_has_changed_and_the_page_says_so(site, night, monkeypatch):
    def away(run_id: int) -> None:
        raise OperationalError("away")

    nights.finish(run_id=night.pk)
    monkeypatch.setattr(tasks.recompute_quarantined, "delay", away)
    assert "Nothing has changed" in site.post(url("retry", night), follow=True).text
    assert not LogEntry.objects.exists()


def test_a_skipped_night_is_taken_up_only_if_its_prices_are_there(site, coins, as_of):
    there = runs.create(as_of=as_of, state=runs.State.SKIPPED)
    beyond = runs.create(as_of=as_of + timedelta(days=90), state=runs.State.SKIPPED)
    site.post(url("retry", there))
    assert "There are no prices for 2024-09-28" in site.post(url("retry", beyond), follow=True).text
    assert dict(NightlyRun.objects.values_list("pk", "state")) == {
        there.pk: "created",
        beyond.pk: "skipped",
    }


def test_a_later_night_says_which_one_it_waits_for(site, night, as_of):
    later = nights.ensure(as_of=as_of + timedelta(days=1))
    assert "night of 2024-06-30</a>: nights end in order" in site.get(url("change", later)).text


@pytest.mark.parametrize("page", ["retry", "cancel"])
def test_only_who_may_change_nights_cancels_or_retries_them(client, night, page):
    viewer = UserFactory(is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_nightlyrun"))
    client.force_login(viewer)
    html = client.get(url("change", night)).text
    assert "Cancel…" not in html
    for method in (client.get, client.post):
        assert method(url(page, night)).status_code == 403
    client.force_login(UserFactory(is_staff=True))
    assert client.get(url("change", night)).status_code == 403
    night.refresh_from_db()
    assert night.state == "planned"


def test_a_night_that_is_not_there_is_404(site, night):
    night.pk = 10**15
    for page in ("change", "retry", "cancel"):
        assert site.get(url(page, night)).status_code == 404
