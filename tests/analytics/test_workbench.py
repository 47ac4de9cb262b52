"""The workbench: weights to try beside today's, and what they mean."""

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from analytics.services import nights
from portfolios.models import Portfolio
from tests.analytics.conftest import AS_OF

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def portfolio(hold) -> Portfolio:
    portfolio = hold(
        {"BTC": 6, "SOL": "3.5", "USD": 50}, {"BTC": "0.5", "SOL": "0.44", "USD": "0.06"}
    )
    nights.run_to_end(as_of=AS_OF)
    return portfolio


@pytest.fixture
def owner(portfolio) -> Client:
    client = Client()
    client.force_login(portfolio.owner)
    return client


def address(portfolio: Portfolio) -> str:
    return reverse("analytics:workbench", args=[portfolio.pk])


def test_the_bench_opens_with_what_is_saved(owner, portfolio):
    answer = owner.get(address(portfolio))
    assert answer.status_code == 200
    assert answer.context["form"].tried == {
        target.aim: target.weight for target in portfolio.target_weights.all()
    }
    assert answer.context["outcome"].is_whole


def test_saving_keeps_versions(owner, portfolio, coins):
    typed = {"revision": 1, f"weight-{coins['BTC'].pk}": "60", f"weight-{coins['USD'].pk}": "40"}
    answer = owner.post(address(portfolio), typed | {"saving": "1", "name": "Calm"})
    assert answer.status_code == 302
    assert {t.asset.symbol: t.weight for t in portfolio.target_weights.all()} == {
        "BTC": Decimal("0.6"), "USD": Decimal("0.4")
    }  # fmt: skip
    assert [str(version) for version in portfolio.target_versions.all()] == [
        "Calm", "Before versions were kept",
    ]  # fmt: skip
