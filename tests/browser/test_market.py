"""The market's pages in a browser."""

import re
from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from analytics.services import nights
from portfolios.models import Portfolio
from tests.analytics.conftest import AS_OF
from tests.browser.pages import check

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., None]


@pytest.fixture
def portfolio(hold) -> Portfolio:
    """Somebody to look at the market, after a night."""
    portfolio = hold({"BTC": 1}, {})
    nights.run_to_end(as_of=AS_OF)
    return portfolio


def test_the_explorer_from_a_choice_to_a_pair(page: Page, visit: Open, console) -> None:
    visit("analytics:correlation")
    heatmap = page.locator("#correlation-heatmap")
    expect(heatmap.get_by_role("heading", name="Correlation over 90 days")).to_be_visible()
    page.get_by_label("Window").select_option("30")
    expect(heatmap.get_by_role("heading", name="Correlation over 30 days")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?window=30&days=all$"))
    page.get_by_text("Choose assets").click()
    for name in ("BTC", "SOL", "UNI"):
        page.get_by_role("checkbox", name=name).check()
    expect(page).to_have_url(re.compile(r"assets=bitcoin.*assets=solana.*assets=uniswap"))
    page.get_by_label("Bitcoin’s part").select_option("Removed")
    expect(heatmap.locator(".heatmap thead th")).to_have_count(2)
    check(page)

    heatmap.locator(".heatmap tbody tr").filter(has_text="SOL").first.get_by_role("link").click()
    pair = page.locator("#correlation-pair")
    expect(pair.get_by_role("heading", name="Solana (SOL) and Uniswap (UNI)")).to_be_visible()
    expect(pair.locator("canvas")).to_have_count(3)
    pair.get_by_role("link", name="90 days").click()
    expect(pair.get_by_role("heading", name="Correlation over 90 days")).to_be_visible()
    expect(page).to_have_url(re.compile(r"bitcoin=removed"))  # the explorer's, to come back to
    check(page)

    page.reload()
    expect(heatmap.locator(".heatmap thead th")).to_have_count(2)
    expect(page.get_by_label("Window")).to_have_value("30")
    assert console == []


def test_without_javascript_the_explorer_is_a_form_and_a_cell_a_page(
    browser, live_server, page: Page, visit: Open
) -> None:
    visit("analytics:correlation")
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies(page.context.cookies())
    plain = context.new_page()
    plain.goto(live_server.url + reverse("analytics:correlation"))
    plain.get_by_label("Window").select_option("30")
    plain.get_by_role("button", name="Show").click()
    expect(plain.get_by_role("heading", name="Correlation over 30 days")).to_be_visible()
    plain.locator("#correlation-heatmap .heatmap a").first.click()
    expect(plain).to_have_url(re.compile(r"/market/correlation/[\w-]+/[\w-]+/\?window=30"))
    expect(plain.get_by_role("cell", name="Both rose")).to_be_visible()
    context.close()


def test_volatility_and_the_pages_of_assets(page: Page, visit: Open, console) -> None:
    visit("analytics:volatility")
    page.get_by_label("Asset").select_option("SOL Solana")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="Solana, the last 30 days")).to_be_visible()
    expect(page.locator("canvas")).to_have_count(2)
    check(page)
    visit("analytics:asset-list")
    page.get_by_role("link", name="SOL Solana").click()
    expect(page.get_by_role("heading", name="What changed this quarter")).to_be_visible()
    expect(page.locator("canvas")).to_have_count(1)
    check(page)
    page.get_by_role("link", name="how it moves with Bitcoin").click()
    expect(page.get_by_role("heading", name="Correlation over 90 days")).to_be_visible()
    check(page)
    assert console == []
