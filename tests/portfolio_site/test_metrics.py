"""What Prometheus is shown, and to whom."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families

from accounts.models import OutgoingEmail
from accounts.services import outbox
from analytics.models import NightlyRun, RunChunk
from analytics.services import runs
from portfolios.models import QuarantinedPrice

pytestmark = pytest.mark.django_db
TOKEN = "for-the-eyes-of-prometheus"
AS_OF = date(2024, 6, 30)


@pytest.fixture(autouse=True)
def token(settings) -> None:
    settings.METRICS_TOKEN = TOKEN


def ask(shown: str = f"Bearer {TOKEN}"):
    return Client().get("/metrics", headers={"Authorization": shown} if shown else {})


def figures() -> dict[str, float]:
    """Every sample by its name, its label's value after a colon."""
    answer = ask()
    assert answer.status_code == 200
    return {
        ":".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.mark.parametrize("shown", ["", TOKEN, "Bearer ", f"Bearer {TOKEN}x", "Bearer tökën"])
def test_who_does_not_show_the_token_is_refused(shown):
    refused = ask(shown)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert "evenkeel" not in refused.text


def test_without_a_token_there_is_no_such_page(settings):
    settings.METRICS_TOKEN = ""
    assert ask("Bearer ").status_code == 404


def test_a_site_without_nights_has_an_empty_outbox_and_no_night():
    found = figures()
    assert found["evenkeel_outbox_oldest_seconds"] == 0
    assert found["evenkeel_outbox_messages:pending"] == 0
    assert not [name for name in found if name.startswith("evenkeel_night")]


def put(key: str, *, minutes_ago: float, **fields: object) -> None:
    outbox.enqueue(dedupe_key=key, recipient="a@example.org", kind="x", subject="s", text="t")
    then = Now() - timedelta(minutes=minutes_ago)
    OutgoingEmail.objects.filter(dedupe_key=key).update(
        **{"created_at": then, "due_at": then, **fields}
    )


def test_the_oldest_message_that_waits_is_the_one_that_counts():
    put("sent", minutes_ago=90, state="sent")
    put("failed", minutes_ago=60, state="failed")
    put("in doubt", minutes_ago=20, state="unknown", due_at=Now() + timedelta(minutes=1))
    put("first in line", minutes_ago=5)
    found = figures()
    assert found["evenkeel_outbox_oldest_seconds"] == pytest.approx(20 * 60, abs=5)
    assert found["evenkeel_outbox_overdue_seconds"] == pytest.approx(5 * 60, abs=5)
    assert {state: found[f"evenkeel_outbox_messages:{state}"]
            for state in ("pending", "sending", "unknown", "failed")} == {
        "pending": 1, "sending": 0, "unknown": 1, "failed": 1,
    }  # fmt: skip


@pytest.fixture
def nights() -> NightlyRun:
    """Yesterday's night, published without two portfolios, and one at its chunks since."""
    published = runs.create(as_of=AS_OF)
    NightlyRun.objects.filter(pk=published.pk).update(
        state="published", is_current=True, portfolios=1000, in_breach=50,
        published_at=Now() - timedelta(hours=27),
    )  # fmt: skip
    add_chunks(published, quarantined=2)
    newest = runs.create(as_of=AS_OF + timedelta(days=1))
    runs.enter(run_id=newest.pk, state=NightlyRun.State.PLANNED, after=["created"])
    newest.steps.update(entered_at=Now() - timedelta(seconds=10))
    add_chunks(newest, done=3, ready=5)
    return newest


def add_chunks(run: NightlyRun, **counts: int) -> None:
    states = [state for state, count in counts.items() for _ in range(count)]
    RunChunk.objects.bulk_create(
        RunChunk(run=run, number=n, first_portfolio_id=n, last_portfolio_id=n, state=state,
                 portfolios=100, seconds=1.0)
        for n, state in enumerate(states)
    )  # fmt: skip


def test_the_night_that_readers_see_and_the_one_under_way(nights):
    found = figures()
    assert found["evenkeel_night_published_age_seconds"] == pytest.approx(27 * 3600, abs=5)
    assert found["evenkeel_night_quarantined"] == 2
    assert found["evenkeel_night_portfolios"] == 1000
    assert found["evenkeel_night_in_breach"] == 50
    assert found["evenkeel_night_chunks:done"] == 3
    assert found["evenkeel_night_chunks:ready"] == 5
    assert found["evenkeel_night_state:planned"] == 1
    assert found["evenkeel_night_state:published"] == 0
    assert found["evenkeel_night_stage_seconds:planned"] == pytest.approx(10, abs=2)
    assert found["evenkeel_night_portfolios_per_second"] == pytest.approx(30, rel=0.2)
    assert found["evenkeel_night_unfinished_seconds"] > 0


def test_refused_prices_are_counted():
    QuarantinedPrice.objects.create(source="BTC.csv", line=7, reason="negative", row="-1")
    assert figures()["evenkeel_prices_quarantined"] == 1


def test_the_number_of_queries_does_not_grow_with_nights_chunks_and_mail(nights):
    with CaptureQueriesContext(connection) as few:
        ask()
    for n in range(2, 30):
        runs.create(as_of=AS_OF + timedelta(days=n))
        put(f"letter {n}", minutes_ago=n)
    add_chunks(NightlyRun.objects.first(), done=200)
    with CaptureQueriesContext(connection) as many:
        ask()
    assert len(many) == len(few) <= 10
