"""The workbench: weights to try beside today's, and what they mean."""

from datetime import date
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from analytics.services import nights, recomputation
from portfolios.models import Asset, AssetCategory, Portfolio, Tilt
from portfolios.services import targets
from tests.analytics.conftest import AS_OF
from tests.factories import AssetCategoryFactory

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


def test_an_asset_that_is_added_begins_with_a_weight(owner, portfolio, coins):
    typed = {"revision": 1, f"weight-{coins['BTC'].pk}": "99", "add": coins["UNI"].pk}
    form = owner.post(address(portfolio), typed | {"adding": "1"}).context["form"]
    assert form.tried == {coins["BTC"]: Decimal("0.99"), coins["UNI"]: Decimal("0.01")}
    assert not portfolio.target_weights.filter(asset=coins["UNI"]).exists()


def test_a_whole_category_is_made_of_what_is_held_of_it(owner, portfolio, coins):
    layer_one = coins["BTC"].category
    typed = {"revision": 1, f"category-{layer_one.pk}": "94", f"weight-{coins['USD'].pk}": "6"}
    whole = owner.post(address(portfolio), typed).context["outcome"]
    parts = {"BTC": "60.6", "SOL": "33.4", "USD": "6"}  # 600 and 350 of 950 in 94 %
    single = {f"weight-{coins[symbol].pk}": weight for symbol, weight in parts.items()}
    apart = owner.post(address(portfolio), {"revision": 1, **single}).context["outcome"]
    assert whole.shares[layer_one].risk == pytest.approx(1)
    assert whole.tried.volatility == pytest.approx(apart.tried.volatility, rel=0.01)


def test_a_portfolio_without_targets_opens_with_today_and_an_empty_one_with_a_word(
    owner, portfolio
):
    portfolio.target_weights.all().delete()
    answer = owner.get(address(portfolio))
    assert "these are today's holdings" in answer.text.replace("&#x27;", "'")
    assert sum(answer.context["form"].tried.values()) == 1
    portfolio.holdings.all().delete()
    assert "Nothing is held or wanted yet." in owner.get(address(portfolio)).text


def test_a_save_from_an_old_page_is_refused_and_the_second_one_counts(owner, portfolio, coins):
    old = {"revision": 0, f"weight-{coins['BTC'].pk}": "100", "saving": "1", "name": ""}
    refused = owner.post(address(portfolio), old)
    assert refused.status_code == 422
    assert "changed in another tab" in refused.text
    again = old | {"revision": refused.context["form"]["revision"].value()}
    assert owner.post(address(portfolio), again).status_code == 302


def test_a_whole_category_is_added_with_a_weight(owner, portfolio, coins):
    category = AssetCategoryFactory(slug="defi", name="DeFi", colour=3)
    Asset.objects.filter(pk=coins["UNI"].pk).update(category=category)
    typed = {"revision": 1, f"weight-{coins['BTC'].pk}": "99", "add_category": category.pk}
    form = owner.post(address(portfolio), typed | {"adding": "1"}).context["form"]
    assert form.tried == {coins["BTC"]: Decimal("0.99"), category: Decimal("0.01")}


def test_the_bench_says_that_a_temporary_target_is_in_force(owner, portfolio):
    assert "A temporary target is in force" not in owner.get(address(portfolio)).text
    Tilt.objects.create(portfolio=portfolio, regime="Bear market", ends_on=date(2024, 7, 30))
    assert (
        "A temporary target is in force</strong> (bear market)"
        in owner.get(address(portfolio)).text
    )


def test_risk_budgets_are_in_the_address_and_nonsense_is_told(owner, portfolio, coins):
    AssetCategory.objects.update(recommended_min=0, recommended_max=1)
    page = reverse("analytics:proposals", args=[portfolio.pk])
    field = f"budget-{coins['BTC'].category_id}"
    assert "budget-core=70" not in owner.get(page).text
    asked = owner.get(page, {"budget-core": "70"}).text
    assert "?proposal=risk-budgets&amp;budget-core=70" in asked
    for nonsense in ("x", "-1", "0", "NaN", "9" * 400, "<b>"):
        answer = owner.get(page, {field: nonsense})
        assert answer.status_code == 200
        assert "is no risk budget. Enter a percentage above 0" in answer.text
        assert "<b>”" not in answer.text
    opened = owner.get(address(portfolio), {"proposal": "risk-budgets", "budget-core": "70"})
    assert '<input type="hidden" name="budget-core" value="70">' in opened.text


def test_a_target_of_which_nothing_is_held_is_on_every_page_that_matters(owner, portfolio, coins):
    weights = {coins["BTC"]: Decimal("0.7"), coins["UNI"]: Decimal("0.3")}
    targets.replace(portfolio=portfolio, weights=weights, expected_revision=None)
    assert not portfolio.holdings.filter(asset=coins["UNI"]).exists()
    recomputation.recompute(portfolio_id=portfolio.pk)
    for name in ("portfolio-result", "allocation", "rebalance", "workbench"):
        page = owner.get(reverse(f"analytics:{name}", args=[portfolio.pk])).text
        assert "Uniswap" in page, name
    assert "30.0" in owner.get(reverse("analytics:allocation", args=[portfolio.pk])).text
