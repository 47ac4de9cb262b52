"""What pages and letters say of categories with a target, own assets and missing prices."""

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from analytics.selectors import portfolio_pages
from analytics.services import nights, recomputation
from portfolios.models import Asset
from portfolios.services import holdings, own_assets
from tests.analytics.conftest import written
from tests.factories import AssetCategoryFactory, AssetFactory, own_asset


@pytest.fixture
def defi(coins):
    category = AssetCategoryFactory(slug="defi", name="DeFi", colour=3)
    for rank, symbol in ((20, "UNI"), (30, "SOL")):
        Asset.objects.filter(pk=coins[symbol].pk).update(category=category, cap_rank=rank)
    return category


def aim(hold, defi, held, targets, *, whole: str):
    portfolio = hold(held, targets)
    portfolio.target_weights.create(category=defi, weight=Decimal(whole))
    return portfolio


def see(portfolio, page: str) -> str:
    client = Client()
    client.force_login(portfolio.owner)
    answer = client.get(reverse(page, args=[portfolio.pk])).content.decode()
    answer = answer.partition("<main")[2] or answer
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer)).split())


def reading(portfolio) -> portfolio_pages.Reading:
    found = portfolio_pages.read(portfolio, run=portfolio_pages.current_run())
    assert found is not None
    return found


@pytest.fixture
def heavy_in_defi(hold, defi, as_of):
    """DeFi is 8 points over as a whole, each of its assets less than the band."""
    portfolio = aim(
        hold, defi, {"BTC": "5.2", "UNI": "2.4", "SOL": "2.4"}, {"BTC": "0.6"}, whole="0.4"
    )
    nights.run_to_end(as_of=as_of)
    return portfolio


def test_the_overview_says_which_category_is_furthest_and_by_how_much(heavy_in_defi):
    page = see(heavy_in_defi, "analytics:overview")
    assert "Furthest from its target: DeFi, +8.0 points over." in page or (
        "Furthest from its target: BTC, −8.0 points under." in page
    )
    assert "3 trades" in page
    assert "DeFi 480.00 48.0 40.0 +8.0 over" in page


def test_allocation_shows_the_part_of_each_asset_and_judges_only_the_whole(heavy_in_defi):
    page = see(heavy_in_defi, "analytics:allocation")
    assert page.count("its part of DeFi") == 2
    assert page.count("floats") == 2
    found = reading(heavy_in_defi)
    assert {each.name for each in found.breaches} == {"BTC", "DeFi"}
    assert sum(position.in_breach for position in found.positions if position.from_category) == 0
    whole = found.category_targets[0]
    assert (whole.weight, whole.target_weight) == pytest.approx((0.48, 0.4))


def test_the_worst_drift_is_the_one_that_the_night_stored(heavy_in_defi):
    found = reading(heavy_in_defi)
    assert abs(found.worst.drift) == pytest.approx(found.result.worst_drift)


def test_the_letter_names_the_category(heavy_in_defi):
    letter = written()
    assert "DeFi, all of it, is at 48.0 % against a target of 40.0 %: +8.0 points." in letter.text
    assert "DeFi, all of it" in letter.html
    assert "UNI is at" not in letter.text


def test_an_example_is_called_one(hold, defi, as_of):
    portfolio = aim(hold, defi, {"BTC": 5, "USD": 500}, {"BTC": "0.5"}, whole="0.5")
    nights.run_to_end(as_of=as_of)
    assert "or any other asset of DeFi" in see(portfolio, "analytics:rebalance")
    letter = written()
    assert "UNI (or any other of DeFi)" in letter.text


def test_what_is_held_is_no_example(heavy_in_defi):
    assert "or any other" not in see(heavy_in_defi, "analytics:rebalance")


def test_a_category_that_nothing_can_be_bought_of_is_said_to_be_the_reason(hold, coins, as_of):
    empty = AssetCategoryFactory(slug="empty", name="Empty", colour=9)
    portfolio = aim(hold, empty, {"BTC": 5}, {"BTC": "0.5"}, whole="0.5")
    nights.run_to_end(as_of=as_of)
    assert "no asset that could be bought for it" in see(portfolio, "analytics:overview")


@pytest.fixture
def collector(hold, as_of):
    """Half Bitcoin, half a painting whose price is 100 days old."""
    portfolio = hold({"BTC": 2}, {"BTC": "1"})
    painting = own_asset(
        owner=portfolio.owner, symbol="ART", name="A painting",
        prices={as_of - timedelta(days=100): 100.0},
    )  # fmt: skip
    holdings.save(portfolio=portfolio, asset=painting, quantity=Decimal(2))
    nights.run_to_end(as_of=as_of)
    return portfolio


def test_an_own_price_has_its_day_and_its_age_wherever_it_is_used(collector):
    overview = see(collector, "analytics:overview")
    assert "Your price of ART is of 22 March 2024, more than 90 days old." in overview
    assert "own price of 22 Mar 2024" in overview
    assert "stale price" not in overview
    assert "is stale" not in overview
    assert "nobody measures the risk of ART, which you price yourself" in overview
    assert "Risk is measured for 50.0 % of the value" in overview
    letter = written()
    assert "Your own prices: ART of 22 March 2024." in letter.text


def test_a_new_price_is_calculated_at_once(collector, as_of):
    painting = Asset.of_anybody.get(owner=collector.owner)
    own_assets.set_price(asset=painting, price=Decimal(300), priced_on=as_of, today=as_of)
    collector.refresh_from_db()
    assert portfolio_pages.read(collector, run=portfolio_pages.current_run()) is None
    recomputation.recompute(portfolio_id=collector.pk)
    assert reading(collector).result.value == pytest.approx(2 * 100 + 2 * 300)


def test_an_old_letter_does_without_an_own_asset_that_was_removed_since(collector):
    painting = Asset.of_anybody.get(owner=collector.owner)
    holdings.remove(portfolio=collector, asset=painting)
    own_assets.remove(asset=painting)
    letter = written()
    assert "BTC is at 50.0 %" in letter.text
    assert "ART" not in letter.text


def test_what_has_no_price_has_no_weight_on_any_page(hold, coins, as_of):
    portfolio = hold({"BTC": 9}, {"BTC": "1"})
    new = AssetCategoryFactory(slug="new", name="New things", colour=9)
    portfolio.holdings.create(asset=AssetFactory(symbol="NEW", name="N", category=new), quantity=1)
    nights.run_to_end(as_of=as_of)
    for page in ("overview", "allocation"):
        shown = see(portfolio, f"analytics:{page}")
        assert re.search(r"NEW N no price —", shown)
        assert "New things — —" in shown


def test_pages_take_as_many_queries_with_own_assets_and_categories_as_without(
    collector, hold, defi, django_assert_max_num_queries
):
    client = Client()
    client.force_login(collector.owner)
    for page, most in {"overview": 13, "allocation": 13, "rebalance": 21}.items():
        with django_assert_max_num_queries(most):
            client.get(reverse(f"analytics:{page}", args=[collector.pk]))
