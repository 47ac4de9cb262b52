"""Editing in place, in a real browser: where the focus goes, and what is said while one types."""

from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from portfolios.models import Portfolio
from tests.browser.pages import REFUSED, check
from tests.factories import AssetFactory, HoldingFactory, TargetWeightFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def portfolio() -> Portfolio:
    """60 % Bitcoin and 40 % Ether; Bitcoin is held."""
    bitcoin, ether = AssetFactory(symbol="BTC"), AssetFactory(symbol="ETH")
    portfolio = HoldingFactory(asset=bitcoin, quantity=Decimal("0.5")).portfolio
    TargetWeightFactory(portfolio=portfolio, asset=bitcoin, weight=Decimal("0.6"))
    TargetWeightFactory(portfolio=portfolio, asset=ether, weight=Decimal("0.4"))
    return portfolio


def test_a_holding_is_edited_with_the_keyboard_and_the_focus_stays_in_its_row(
    page: Page, visit, portfolio, console
):
    visit("portfolios:holdings", portfolio.pk)
    page.get_by_label("Change BTC").click()
    field = page.get_by_label("Quantity of BTC")
    expect(field).to_be_focused()
    field.fill("many")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Enter a number")
    expect(field).to_be_focused()
    expect(field).to_have_value("many")
    check(page)
    field.fill("0.75")
    field.press("Enter")
    expect(page.get_by_label("Change BTC")).to_be_focused()
    expect(page.get_by_text("BTC is saved.")).to_be_visible()
    assert portfolio.holdings.get().quantity == Decimal("0.75")
    assert [error for error in console if REFUSED not in error] == []


def test_keeping_a_holding_returns_to_its_row(page: Page, visit, portfolio):
    visit("portfolios:holdings", portfolio.pk)
    page.get_by_label("Remove BTC").click()
    expect(page.get_by_role("button", name="Remove")).to_be_focused()
    check(page)
    page.get_by_role("link", name="Keep").click()
    expect(page.get_by_label("Change BTC")).to_be_focused()
    assert portfolio.holdings.exists()


def test_the_browser_and_the_server_say_the_same_about_what_is_missing(
    page: Page, visit, portfolio, console
):
    visit("portfolios:targets", portfolio.pk)
    remainder = page.locator("[data-targets-remainder]")
    for percentage, words, total in [
        ("60", "complete", "100.00 %"),
        ("0.1", "59.9 % left", "40.10 %"),
        ("33.3333333", "26.6666667 % left", "73.3333333 %"),
        ("60.0000001", "0.0000001 % too much", "100.0000001 %"),
        ("", "60 % left", "40.00 %"),
    ]:
        page.get_by_label("BTC").fill(percentage)
        expect(remainder).to_have_text(words)
        if words != "complete":
            with page.expect_response(lambda response: response.status == 422):
                page.get_by_role("button", name="Save targets").click()
            expect(page.get_by_role("alert")).to_contain_text(f"Targets sum to {total}")
            expect(remainder).to_have_text(words)
    check(page)
    assert [error for error in console if REFUSED not in error] == []


def test_an_added_asset_takes_the_focus_and_keeps_what_was_typed(page: Page, visit, portfolio):
    AssetFactory(symbol="ADA", name="Cardano")
    visit("portfolios:targets", portfolio.pk)
    page.get_by_label("BTC").fill("50")
    page.get_by_label("Add an asset").press_sequentially("carda")
    expect(page.locator("#asset-options").get_by_role("option")).to_contain_text("Cardano")
    page.keyboard.press("Enter")
    added = page.get_by_label("ADA Cardano")
    expect(added).to_be_focused()
    expect(page.get_by_label("BTC")).to_have_value("50")
    expect(page.locator("[data-targets-remainder]")).to_have_text("10 % left")
    check(page)
