"""After an outage: missed days are computed in order or skipped, and everybody gets one letter."""

from collections import deque
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine

from accounts.models import OutgoingEmail
from analytics import tasks
from analytics.models import AlertEvent, BreachEpisode, NightlyRun, RegimeDay, RunStep
from analytics.services import nights, runs
from tests.analytics.conftest import quote, rehold, written
from tests.factories import UserFactory

HALVES = {"BTC": "0.5", "SOL": "0.5"}
LASTING = {"UNI": "0.5", "SOL": "0.5"}
LAST_NIGHT, FIRST_BACK = date(2024, 6, 27), date(2024, 7, 3)  # a Thursday, a Wednesday
# Bitcoin leaves its band, comes back for two nights and leaves again; Uniswap leaves and stays out.
BITCOIN = [100, 100, 150, 150, 100, 100, 150]
UNISWAP = [100, 100, 150, 150, 150, 150, 150]


@pytest.fixture
def days(coins, quotes) -> list[date]:
    """The last night before the outage, five that are missed, and the one after it."""
    days = [LAST_NIGHT + timedelta(days=n) for n in range(7)]
    before = {LAST_NIGHT - timedelta(days=n): 100 + n % 3 for n in range(1, 91)}
    for symbol, closes in (("BTC", BITCOIN), ("UNI", UNISWAP), ("SOL", [100] * 7)):
        quote(quotes, symbol, before | dict(zip(days, closes, strict=True)))
    return days


@pytest.fixture
def tick(monkeypatch):
    """A minute at the given moment: the tick, and workers that answer every ring."""
    rings: deque = deque()
    for name in ("advance_night", "compute_chunks"):
        task = getattr(tasks, name)
        monkeypatch.setattr(task, "delay", lambda run_id, task=task: rings.append((task, run_id)))
    monkeypatch.setattr(tasks.send_due_mail, "delay", lambda: None)

    def at(now: datetime) -> None:
        with time_machine.travel(now, tick=False):
            tasks.tick()
            while rings:
                task, run_id = rings.popleft()
                task(run_id)

    return at


def morning_after(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 1, tzinfo=UTC) + timedelta(days=1)


def owner_of(hold, preference: str, *wanted: dict[str, str]):
    owner = UserFactory(alert_preference=preference)
    for targets in wanted:
        hold(dict.fromkeys(targets, 1), targets, owner=owner)
    return owner


def episodes() -> list[tuple]:
    columns = ("portfolio", "opened_on", "closed_on", "calm_nights")
    return list(BreachEpisode.objects.order_by(*columns[:2]).values_list(*columns))


def regimes() -> list[tuple]:
    return list(RegimeDay.objects.order_by("date").values_list("date", "realised_volatility"))


def forget_everything() -> None:
    for model in (OutgoingEmail, AlertEvent, BreachEpisode, NightlyRun, RegimeDay):
        model.objects.all().delete()


def test_episodes_and_regimes_are_those_of_nights_that_were_never_missed(hold, days, tick):
    owner_of(hold, "each", HALVES, LASTING)
    for day in days:
        tick(morning_after(day))
    without_outage = (episodes(), regimes())
    assert len(without_outage[0]) == 3  # two of Bitcoin's, one of Uniswap's
    forget_everything()

    tick(morning_after(LAST_NIGHT))
    tick(morning_after(FIRST_BACK))
    assert (episodes(), regimes()) == without_outage
    runs_of_days = NightlyRun.objects.order_by("as_of")
    assert [(run.as_of, run.state) for run in runs_of_days] == [(day, "published") for day in days]
    assert [run.is_silent for run in runs_of_days] == [False] + [True] * 5 + [False]
    assert NightlyRun.objects.get(is_current=True).as_of == FIRST_BACK


def test_nights_that_were_missed_are_taken_one_after_the_other(hold, days, tick):
    owner_of(hold, "each", HALVES)
    tick(morning_after(LAST_NIGHT))
    tick(morning_after(FIRST_BACK))
    steps = list(RunStep.objects.order_by("pk").values_list("run__as_of", "state"))
    begun_or_ended = [step for step in steps if step[1] in ("priced", "published")]
    assert begun_or_ended == [(day, state) for day in days for state in ("priced", "published")]


def test_everybody_gets_one_letter_about_the_whole_outage(hold, days, tick):
    one = owner_of(hold, "each", LASTING)
    several = owner_of(hold, "each", HALVES, LASTING, LASTING)
    daily = owner_of(hold, "daily", HALVES, LASTING)
    weekly = owner_of(hold, "weekly", HALVES, LASTING)
    owner_of(hold, "none", LASTING)
    tick(morning_after(LAST_NIGHT))
    assert not OutgoingEmail.objects.exists()
    tick(morning_after(FIRST_BACK))

    told = {mail.user: mail.notifications.count() for mail in OutgoingEmail.objects.all()}
    assert told == {one: 1, several: 3, daily: 2, weekly: 2}
    assert OutgoingEmail.objects.count() == len(told)
    assert written(user=several).subject.endswith(", and 2 more")


def test_the_night_after_writes_as_always_again(hold, coins, days, tick, quotes):
    portfolio = hold({"BTC": 1, "SOL": 1}, HALVES)
    tick(morning_after(LAST_NIGHT))
    tick(morning_after(FIRST_BACK))
    tick(morning_after(FIRST_BACK) + timedelta(hours=1))
    assert OutgoingEmail.objects.count() == 1
    run = NightlyRun.objects.get(is_current=True)
    assert (run.letters_since, run.emails_queued) == (LAST_NIGHT + timedelta(days=1), 1)

    next_day = FIRST_BACK + timedelta(days=1)
    for symbol in ("BTC", "UNI", "SOL"):
        with (quotes / f"{symbol}.csv").open("a") as file:
            file.write(f"{next_day},100,100,100,100,,\n")
    rehold(portfolio, coins["BTC"], 1)
    tick(morning_after(next_day))
    run = NightlyRun.objects.get(is_current=True)
    assert (run.as_of, run.letters_since, run.is_silent) == (next_day, next_day, False)


def test_a_week_that_ended_before_the_night_was_back_is_not_lost(hold, coins, quotes, tick):
    """Departures of the Wednesday before an outage over two Sundays still reach weekly readers."""
    wednesday = date(2024, 6, 12)
    lines = {wednesday + timedelta(days=n): 100 for n in range(-60, 17)}
    for symbol in ("BTC", "UNI", "SOL"):
        quote(quotes, symbol, lines | {d: 150 for d in lines if d >= wednesday and symbol == "BTC"})
    owner_of(hold, "weekly", HALVES)
    nights.run_to_end(as_of=wednesday - timedelta(days=1))
    tick(morning_after(wednesday))
    tick(morning_after(wednesday + timedelta(days=13)))
    assert OutgoingEmail.objects.get().due_at.weekday() == 0
    assert "closing prices of 12 June 2024" in written().text


def test_days_longer_ago_and_days_without_prices_are_skipped_and_say_so(
    hold, days, tick, quotes, settings
):
    settings.NIGHT_CATCH_UP_DAYS = 3
    hold({"BTC": 1, "SOL": 1}, HALVES)
    without = days[4]
    for symbol in ("BTC", "UNI", "SOL"):
        path = quotes / f"{symbol}.csv"
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not line.startswith(str(without))))
    tick(morning_after(LAST_NIGHT))
    tick(morning_after(FIRST_BACK))
    seen = {run.as_of: (run.state, run.problem) for run in NightlyRun.objects.all()}
    assert {day: state for day, (state, _) in seen.items()} == dict(
        zip(
            days,
            ["published", "skipped", "skipped", "published", "skipped", "published", "published"],
            strict=True,
        )
    )
    assert "more than 3 days ago" in seen[days[1]][1]
    assert "no prices for this day" in seen[without][1]


def test_a_skipped_night_can_be_asked_for(hold, days, tick, settings):
    settings.NIGHT_CATCH_UP_DAYS = 0
    hold({"BTC": 1, "SOL": 1}, HALVES)
    tick(morning_after(LAST_NIGHT))
    tick(morning_after(FIRST_BACK))
    letters = OutgoingEmail.objects.count()
    run = nights.run_to_end(as_of=days[2])
    assert (run.state, run.is_current) == ("published", False)
    assert OutgoingEmail.objects.count() == letters


def test_a_new_server_begins_with_the_night_that_is_due(hold, days, tick):
    tick(morning_after(FIRST_BACK))
    assert NightlyRun.objects.get().as_of == FIRST_BACK


def test_a_night_that_stands_still_is_given_up_after_a_day_for_the_one_that_waits(hold, days):
    hold({"BTC": 1, "SOL": 1}, HALVES)
    stuck, waiting = nights.ensure(as_of=days[0]), nights.ensure(as_of=days[1])
    NightlyRun.objects.filter(pk=stuck.pk).update(problem="MissingPrices: planted")
    assert nights.finish(run_id=waiting.pk).state == "created"
    begun = stuck.steps.get().entered_at
    runs.skip_standing(now=begun + timedelta(hours=23))
    assert runs.next_up() == stuck.pk
    runs.skip_standing(now=begun + timedelta(hours=25))
    stuck.refresh_from_db()
    assert (stuck.state, stuck.problem) == ("skipped", "MissingPrices: planted")
    assert nights.finish(run_id=waiting.pk).state == "published"
