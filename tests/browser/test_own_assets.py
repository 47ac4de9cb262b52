"""An own asset from its name to its value, and a category's target from its form to the trades."""

import pytest
from playwright.sync_api import Page, expect

from analytics import tasks
from analytics.services import nights, recomputation
from portfolios.models import Asset, Portfolio
from tests.analytics.conftest import AS_OF
from tests.browser.pages import check
from tests.factories import AssetCategoryFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def portfolio(hold, coins, monkeypatch) -> Portfolio:
    """Half Bitcoin, half DeFi in two tokens, measured by a night."""

    def at_once(portfolio_id: int) -> None:
        recomputation.recompute(portfolio_id=portfolio_id)

    monkeypatch.setattr(tasks.recompute_portfolio, "delay", at_once)
    defi = AssetCategoryFactory(slug="defi", name="DeFi", colour=3)
    for symbol in ("SOL", "UNI"):
        Asset.objects.filter(pk=coins[symbol].pk).update(category=defi)
    portfolio = hold({"BTC": 5, "SOL": 3, "UNI": 2}, {}, name="Rainy days")
    nights.run_to_end(as_of=AS_OF)
    return portfolio


def test_something_of_one_s_own_is_added_held_and_counted(page: Page, visit, portfolio, console):
    visit("portfolios:holdings", portfolio.pk)
    page.get_by_role("link", name="Add your own").click()
    check(page)
    page.get_by_label("Name").fill("A painting")
    page.get_by_label("Symbol").fill("ART")
    page.get_by_label("Category").select_option("DeFi")
    page.get_by_label("Price of one, US dollars").fill("250")
    expect(page.get_by_label("At the close of")).to_have_value("2024-06-30")
    page.get_by_label("At the close of").fill("2024-06-01")
    page.get_by_role("button", name="Add the asset").click()
    expect(page.get_by_text("ART is added. Only you can see it.")).to_be_visible()
    expect(page.get_by_role("combobox", name="Asset")).to_have_value("ART · A painting")
    page.get_by_label("Quantity").fill("4")
    page.get_by_label("Quantity").press("Enter")
    expect(page.get_by_text("own price of 1 Jun 2024")).to_be_visible()
    expect(page.locator("tfoot")).to_contain_text("2,000.00")
    check(page)
    visit("analytics:overview", portfolio.pk)
    expect(page.get_by_text("2,000.00").first).to_be_visible()
    expect(page.get_by_text("nobody measures the risk of ART")).to_be_visible()
    check(page)
    page.get_by_role("link", name="Holdings").click()
    page.get_by_role("link", name="Enter a price").click()
    page.get_by_label("Price of one, US dollars").fill("500")
    check(page)
    page.get_by_role("button", name="Save the price").click()
    expect(page.get_by_role("cell", name="500.00")).to_be_visible()
    visit("analytics:overview", portfolio.pk)
    expect(page.get_by_text("3,000.00").first).to_be_visible()
    visit("portfolios:own-asset-list")
    check(page)
    visit("portfolios:own-asset-remove", Asset.of_anybody.get(owner=portfolio.owner).pk)
    expect(page.get_by_text("It is in use")).to_be_visible()
    check(page)
    assert console == []


def test_a_category_s_target_is_judged_as_a_whole(
    page: Page,
    visit,
    portfolio,
    coins,
    console,
):
    visit("portfolios:targets", portfolio.pk)
    page.get_by_label("Add a whole category").select_option("DeFi")
    page.get_by_role("button", name="Add the category").click()
    expect(page.get_by_label("DeFi all of it")).to_be_focused()
    page.get_by_label("DeFi all of it").fill("30")
    page.get_by_label("BTC Bitcoin").fill("60")
    expect(page.get_by_text("10 % left")).to_be_visible()
    page.get_by_label("BTC Bitcoin").fill("70")
    expect(page.get_by_text("complete")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Save targets").click()
    expect(page.get_by_text("Out of its bands")).to_be_visible()
    expect(page.get_by_role("row", name="DeFi").first).to_contain_text("+20.0 over")
    check(page)
    visit("analytics:allocation", portfolio.pk)
    expect(page.get_by_text("its part of DeFi").first).to_be_visible()
    check(page)
    visit("analytics:rebalance", portfolio.pk)
    for trade in ("Sell SOL", "Sell UNI", "Buy BTC"):
        expect(page.get_by_role("row", name=trade).first).to_be_visible()
    check(page)
    assert console == []
