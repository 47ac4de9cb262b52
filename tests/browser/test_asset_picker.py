"""Finding an asset by typing: with the keyboard, and among equal tickers."""

import pytest
from playwright.sync_api import Page, expect

from portfolios.models import Portfolio
from tests.browser.pages import SIZES, check, sign_in
from tests.factories import AssetFactory, HoldingFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def portfolio() -> Portfolio:
    AssetFactory(symbol="SKY", name="Sky", coingecko_id="sky", cap_rank=70)
    AssetFactory(symbol="SKY", name="Skycoin", coingecko_id="skycoin")
    return HoldingFactory(asset__symbol="SKYX", asset__name="Held already").portfolio


def test_one_of_two_equal_tickers_is_chosen_with_the_keyboard_and_held(
    page: Page, visit, portfolio, console
):
    visit("portfolios:holdings", portfolio.pk)
    field = page.get_by_role("combobox", name="Asset")
    field.press_sequentially("sky")
    options = page.get_by_role("option")
    expect(options).to_have_count(2)  # what is held already is not offered
    expect(options.nth(0)).to_contain_text("sky · Smart Contract L1s")
    expect(options.nth(1)).to_contain_text("skycoin · Smart Contract L1s")
    expect(options.nth(0)).to_have_attribute("aria-selected", "true")
    check(page)
    field.press("ArrowDown")
    expect(field).to_have_attribute(
        "aria-activedescendant", options.nth(1).get_attribute("id") or ""
    )
    field.press("Enter")
    expect(field).to_have_value("SKY · Skycoin")
    expect(field).to_have_attribute("aria-expanded", "false")
    check(page)
    page.get_by_label("Quantity").fill("3")
    page.get_by_label("Quantity").press("Enter")
    expect(page.get_by_text("SKY is saved.")).to_be_visible()
    assert portfolio.holdings.filter(asset__coingecko_id="skycoin", quantity=3).exists()
    assert console == []


def test_escape_closes_the_list_then_empties_the_field_and_text_alone_is_no_choice(
    page: Page, visit, portfolio
):
    visit("portfolios:holdings", portfolio.pk)
    field = page.get_by_role("combobox", name="Asset")
    field.press_sequentially("sky")
    expect(page.get_by_role("option")).to_have_count(2)
    field.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(field).to_have_value("sky")
    page.get_by_label("Quantity").fill("3")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("Choose an asset.")).to_be_visible()
    check(page)
    assert portfolio.holdings.count() == 1
    field.press("Escape")
    expect(field).to_have_value("")


def test_a_click_chooses_and_nothing_found_is_said(page: Page, visit, portfolio):
    visit("portfolios:holdings", portfolio.pk)
    field = page.get_by_role("combobox", name="Asset")
    field.press_sequentially("zzz")
    expect(page.get_by_role("status").filter(has_text="No asset found")).to_be_attached()
    check(page)
    field.fill("skyc")
    page.get_by_role("option").click()
    expect(field).to_have_value("SKY · Skycoin")


def test_without_javascript_the_list_of_all_assets_is_the_picker(
    browser, live_server, portfolio, width
):
    context = browser.new_context(
        java_script_enabled=False, viewport={"width": width, "height": SIZES[width]}
    )
    page = context.new_page()
    sign_in(page, live_server.url, portfolio.owner)
    page.goto(f"{live_server.url}/portfolios/{portfolio.pk}/holdings/")
    page.get_by_label("Asset").select_option(label="SKY · Skycoin")
    page.get_by_label("Quantity").fill("3")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("cell", name="SKY Skycoin")).to_be_visible()
    context.close()
