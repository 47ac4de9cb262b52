"""One click in a letter: it asks first, does its thing once, and works for a month."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from accounts.models import Notification
from analytics.services import nights, suggestions
from tests.analytics.conftest import rehold, written

HALVES = {"BTC": "0.5", "SOL": "0.5"}


@pytest.fixture
def portfolio(hold, as_of):
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES, name="Mine")
    nights.run_to_end(as_of=as_of)
    return portfolio


@pytest.fixture
def stranger() -> Client:
    """Whoever opens the letter: no cookies, no CSRF token, and the protection switched on."""
    return Client(enforce_csrf_checks=True)


def link(label: str, settings) -> str:
    found = re.search(rf"^{label}: (\S+)$", written().text, re.M)
    assert found, written().text
    return found[1].removeprefix(settings.SITE_URL)


def state(portfolio) -> str:
    return suggestions.current(portfolio).state


def said(page: str) -> list[str]:
    return re.findall(r'<p class="text-center">\s*(.+?)\s*</p>', page, re.S)


SNOOZE, DONE = "Snooze for 7 days", "I have done it"


@pytest.mark.parametrize(("label", "after"), [(SNOOZE, "snoozed"), (DONE, "done")])
def test_a_link_asks_and_only_its_button_does_something(
    portfolio, stranger, settings, label, after
):
    address = link(label, settings)
    for _ in range(2):
        page = stranger.get(address)
        assert page.status_code == 200
        assert f"{label}?" in page.text
        assert "Mine is 40.0 pp off" in page.text
        assert page["Referrer-Policy"] == "no-referrer"
    assert stranger.head(address).status_code == 200
    assert state(portfolio) == "open", "mail scanners open links"
    answers = [said(stranger.post(address).text) for _ in range(2)]
    assert answers[0] == answers[1], "once is as good as twice"
    assert state(portfolio) == after
    life = suggestions.current(portfolio)
    assert life.state_by == portfolio.owner


def test_a_snooze_lasts_a_week_however_often_it_is_asked_for(portfolio, stranger, settings):
    address = link(SNOOZE, settings)
    stranger.post(address)
    until = suggestions.current(portfolio).snoozed_until
    assert until == datetime.now(UTC).date() + timedelta(days=7)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=3)):
        stranger.post(address)
    assert suggestions.current(portfolio).snoozed_until == until


def test_what_is_over_can_no_longer_be_done(portfolio, coins, as_of, stranger, settings):
    address = link(SNOOZE, settings)
    rehold(portfolio, coins["BTC"], 1)
    for day in (1, 2):
        nights.run_to_end(as_of=as_of + timedelta(days=day))
    page = stranger.post(address)
    assert page.status_code == 200
    assert "That is not possible any more" in page.text
    assert "the portfolio has changed since" in page.text


def test_after_a_month_a_link_says_that_it_is_too_old(portfolio, stranger, settings):
    address = link(DONE, settings)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=31)):
        for answer in (stranger.get(address), stranger.post(address)):
            assert answer.status_code == 410
            assert "This link is too old" in answer.text
    assert state(portfolio) == "open"


def test_a_link_that_was_changed_or_is_about_nothing_is_not_found(portfolio, stranger, settings):
    address = link(SNOOZE, settings)
    item = Notification.objects.get()
    for wrong in (address.replace(f"/{item.pk}.", f"/{item.pk + 1}."), address[:-2] + "/"):
        assert wrong != address
        assert stranger.post(wrong).status_code == 404
    item.delete()
    assert stranger.post(address).status_code == 404
