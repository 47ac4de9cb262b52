"""Calendars: which days they name, and what a night makes of a portfolio that keeps one."""

from datetime import date, timedelta

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import OutgoingEmail
from accounts.services import outbox
from analytics.core import backtests
from analytics.models import AlertEvent, Suggestion, SuggestionLife
from analytics.services import cadences, nights, suggestions
from portfolios.models.portfolios import Cadence
from tests.analytics.conftest import quote

HALVES = {"BTC": "0.5", "SOL": "0.5"}
DAYS = [date(2021, 1, 1) + timedelta(days=n) for n in range(1461)]


def named(cadence: Cadence, stormy: bool = False) -> list[date]:
    return [day for day in DAYS if cadences.names(cadence, day, stormy=DAYS if stormy else ())]


def test_the_days_are_those_of_the_backtest_kernel_s_schedules():
    monthly = backtests.monthly(np.array(DAYS, dtype="datetime64[D]"), [1])
    assert named(Cadence.MONTHLY) == [day for day, on in zip(DAYS, monthly, strict=True) if on]
    assert {day.month for day in named(Cadence.QUARTERLY)} == {1, 4, 7, 10}
    assert len(named(Cadence.QUARTERLY)) == 16
    assert named(Cadence.ADAPTIVE) == named(Cadence.MONTHLY)
    weekly = backtests.every(len(DAYS), 7)  # the first of 2021 is a Friday
    assert (
        named(Cadence.ADAPTIVE, stormy=True)
        == [
            day + timedelta(days=3)
            for day, on in zip(DAYS, weekly, strict=True)
            if on or day == DAYS[0]
        ][: len(named(Cadence.ADAPTIVE, stormy=True))]
    )
    assert named(Cadence.BANDS, stormy=True) == []


def test_a_day_is_due_for_a_week():
    first = date(2024, 7, 1)
    due = [
        cadences.due_on(Cadence.MONTHLY, as_of=first + timedelta(days=n), stormy=())
        for n in range(-1, 8)
    ]
    assert due == [None, *[first] * 7, None]


# --- The night ------------------------------------------------------------------------------------


@pytest.fixture
def night(coins, quotes, as_of):
    """The night so many days after the last of June; prices stand still for two months."""
    generator = np.random.default_rng(7)
    for symbol in ("BTC", "SOL", "UNI"):
        shocks = generator.normal(0, 0.05, 90)
        closes = 100 * np.exp(np.cumsum(shocks) - shocks.sum())
        days = {as_of - timedelta(days=89 - n): float(close) for n, close in enumerate(closes)}
        quote(quotes, symbol, days | {as_of + timedelta(days=n): 100 for n in range(1, 60)})
    return lambda n: nights.run_to_end(as_of=as_of + timedelta(days=n))


def lives(portfolio) -> list[tuple]:
    rows = SuggestionLife.objects.filter(portfolio=portfolio).order_by("pk")
    return [(life.state, life.due_on, life.ended_on) for life in rows]


def page(portfolio, name: str = "rebalance") -> str:
    client = Client()
    client.force_login(portfolio.owner)
    return " ".join(client.get(reverse(f"analytics:{name}", args=[portfolio.pk])).text.split())


@pytest.mark.django_db(transaction=True)
def test_between_its_days_a_breach_waits_and_nobody_is_written_to(hold, night):
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES, cadence=Cadence.QUARTERLY)
    night(0)
    assert Suggestion.objects.get().answer == Suggestion.Answer.NOT_DUE
    assert lives(portfolio) == []
    assert not OutgoingEmail.objects.exists()
    assert "Next due on 1 July 2024" in page(portfolio)
    assert "by its calendar it is next due on 1 July 2024" in page(portfolio)
    assert "Wait: not due yet" in page(portfolio, "overview")


@pytest.mark.django_db(transaction=True)
def test_on_its_day_it_is_written_about_inside_its_bands_too_and_once(hold, night, mailoutbox):
    portfolio = hold(
        {"BTC": "54.5", "SOL": "45.5"},
        HALVES,
        fee_rate="0.0002",
        cadence=Cadence.MONTHLY,
        name="Monthly",
    )
    only_bands = hold({"BTC": "54.5", "SOL": "45.5"}, HALVES, fee_rate="0.0002")
    first = date(2024, 7, 1)
    for n in (1, 2):
        night(n)
    assert lives(portfolio) == [("open", first, None)]
    assert lives(only_bands) == []
    alert = AlertEvent.objects.get()
    assert (alert.kind, alert.due_on, alert.episode) == ("due", first, None)
    outbox.send_due()
    (letter,) = mailoutbox
    assert letter.subject.startswith("Monthly is due to be rebalanced")
    assert "looked at on 1 July 2024" in letter.body
    assert "risk aversion γ of 3.00" in letter.body
    assert "It is due since 1 July 2024" in page(portfolio)
    night(8)
    assert lives(portfolio) == [("superseded", first, date(2024, 7, 8))]
    assert "Next due on 1 August 2024" in page(portfolio)


@pytest.mark.django_db(transaction=True)
def test_what_is_done_on_its_day_is_not_suggested_again_before_the_next(hold, coins, night):
    portfolio = hold(
        {"BTC": "54.5", "SOL": "45.5"}, HALVES, fee_rate="0.0002", cadence=Cadence.MONTHLY
    )
    night(1)
    life = suggestions.current(portfolio)
    portfolio.holdings.update(quantity=50)
    SuggestionLife.objects.filter(pk=life.pk).update(state="done", ended_on=date(2024, 7, 2))
    portfolio.holdings.filter(asset=coins["BTC"]).update(quantity=54)
    night(2)
    assert [state for state, *_ in lives(portfolio)] == ["done"]
    night(32)
    assert [state for state, *_ in lives(portfolio)] == ["done", "open"]
    assert AlertEvent.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_who_changes_to_a_calendar_in_a_breach_hears_of_it_on_its_day(hold, night):
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES)
    night(0)
    portfolio.cadence = Cadence.MONTHLY
    portfolio.save()
    night(1)
    assert [state for state, *_ in lives(portfolio)] == ["superseded", "open"]
    assert set(AlertEvent.objects.values_list("kind", flat=True)) == {"drift", "due"}
