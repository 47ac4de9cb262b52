"""Recompute now: each stage is told as it begins and shown, and nobody asks too often."""

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from analytics import tasks
from analytics.models import AlertEvent
from analytics.selectors import portfolio_pages
from analytics.services import nights, recomputation
from analytics.services.recomputation import Stage

pytestmark = pytest.mark.django_db(transaction=True)
SHOWN = {
    Stage.WAITING: "waiting for a worker",
    Stage.READING: "reading the portfolio",
    Stage.MEASURING: "measuring it against the market",
    Stage.STORING: "storing what was found",
}


@pytest.fixture
def portfolio(hold, as_of, settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    cache.clear()
    portfolio = hold({"BTC": 5, "SOL": 5}, {"BTC": "0.5", "SOL": "0.5"})
    nights.run_to_end(as_of=as_of)
    return portfolio


@pytest.fixture
def client(portfolio) -> Client:
    client = Client(headers={"HX-Request": "true"})
    client.force_login(portfolio.owner)
    return client


def test_the_page_shows_what_the_worker_is_at(client, portfolio, monkeypatch):
    """Asked between the worker's own reports, while its transaction is still open."""
    address = reverse("analytics:recompute", args=[portfolio.pk])
    before = portfolio_pages.version(portfolio, run=portfolio_pages.current_run())
    monkeypatch.setattr(tasks.recompute_portfolio, "delay", lambda pk: None)
    assert SHOWN[Stage.WAITING] in client.post(address).text
    told = []

    def tell(stage: Stage) -> None:
        tasks._tell(portfolio.pk, stage)
        told.append(stage)
        assert tasks.stage(portfolio) == stage

    recomputation.recompute(portfolio_id=portfolio.pk, tell=tell)
    assert told == [Stage.READING, Stage.MEASURING, Stage.STORING]
    now = portfolio_pages.version(portfolio, run=portfolio_pages.current_run())
    for stage in told:
        tasks._tell(portfolio.pk, stage)
        assert SHOWN[stage] in client.get(address, {"before": now}).text
    done = client.get(address, {"before": before})
    assert done.headers["HX-Refresh"] == "true"


def test_who_asks_too_often_is_told_so_and_others_are_not(client, portfolio, hold, monkeypatch):
    asked = []
    monkeypatch.setattr(tasks.recompute_portfolio, "delay", asked.append)
    monkeypatch.setattr(tasks, "AGAIN_SECONDS", 0)
    address = reverse("analytics:recompute", args=[portfolio.pk])
    for _ in range(6):
        assert "too often" not in client.post(address).text
    assert "That was too often" in client.post(address).text
    other = Client()
    other.force_login(hold({"BTC": 1}, {"BTC": "1"}).owner)
    theirs = other.post(reverse("analytics:recompute", args=[portfolio.pk]))
    assert theirs.status_code == 404
    assert asked
    assert not AlertEvent.objects.exists()
