"""Portfolios from one end to the other, on a phone in the dark and at a desk in the light."""

from collections.abc import Callable
from decimal import Decimal
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect

from analytics.services import nights
from portfolios.models import Portfolio
from portfolios.services import catalogue, holdings, portfolios
from tests.analytics.conftest import AS_OF, as_of, coins, hold, quotes  # noqa: F401  (fixtures)
from tests.factories import PortfolioFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize(("width", "theme"), [(360, "dark"), (1280, "light")]),
]
REFUSED = "the server responded with a status of 422"  # said by the browser of every refused form
SEVERE = {"serious", "critical"}

Open = Callable[..., None]


@pytest.fixture(autouse=True)
def look(page: Page, width: int, theme: Literal["dark", "light"]) -> None:
    page.set_viewport_size({"width": width, "height": 740 if width < 500 else 800})
    page.emulate_media(color_scheme=theme)


@pytest.fixture
def portfolio(hold) -> Portfolio:  # noqa: F811
    """60 % Bitcoin where 50 are wanted, measured by a night."""
    portfolio = hold(
        {"BTC": 6, "SOL": "3.5", "USD": 50},
        {"BTC": "0.5", "SOL": "0.44", "USD": "0.06"},
        name="Rainy days",
        notes="Until the boat is paid",
    )
    nights.run_to_end(as_of=AS_OF)
    return portfolio


@pytest.fixture
def visit(live_server, page: Page, portfolio) -> Open:
    """Open an address of the site as the portfolio's owner."""
    client = Client()
    client.force_login(portfolio.owner)
    session = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies(
        [
            {
                "name": django_settings.SESSION_COOKIE_NAME,
                "value": session,
                "url": live_server.url,
            }
        ]
    )

    def go(name: str, *arguments: object) -> None:
        page.goto(live_server.url + reverse(name, args=arguments))

    return go


def press(page: Page, name: str) -> None:
    page.locator("#main").get_by_role("button", name=name, exact=True).click()


def check(page: Page) -> None:
    """No serious violation of WCAG as far as axe knows, and nothing wider than the screen."""
    violations = Axe().run(page).response["violations"]
    severe = [
        (found["id"], [node["html"][:200] for node in found["nodes"]])
        for found in violations
        if found["impact"] in SEVERE
    ]
    assert severe == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url


def test_every_page_of_portfolios_is_accessible_and_fits(page: Page, visit, portfolio, console):
    catalogue.load()
    portfolios.archive(portfolio=PortfolioFactory(owner=portfolio.owner, name="Put away"))
    portfolios.delete(portfolio=PortfolioFactory(owner=portfolio.owner, name="Thrown away"))
    holding = portfolio.holdings.first()
    for name, *arguments in [
        ("analytics:portfolio-list",),
        ("analytics:overview", portfolio.pk),
        ("analytics:value-history", portfolio.pk),
        ("analytics:allocation", portfolio.pk),
        ("analytics:rebalance", portfolio.pk),
        ("analytics:market",),
        ("analytics:asset-list",),
        ("portfolios:holdings", portfolio.pk),
        ("portfolios:holding", portfolio.pk, holding.pk),
        ("portfolios:holding-remove", portfolio.pk, holding.pk),
        ("portfolios:targets", portfolio.pk),
        ("portfolios:settings", portfolio.pk),
        ("portfolios:rules", portfolio.pk),
        ("portfolios:portfolio-delete", portfolio.pk),
        ("portfolios:portfolio-create",),
        ("portfolios:model-portfolio-list",),
        ("portfolios:model-portfolio", "conservative"),
    ]:
        visit(name, *arguments)
        if name == "analytics:overview":
            expect(page.locator("#value-history canvas")).to_be_visible()
        check(page)
    assert console == []


def test_what_it_is_worth_its_balance_and_what_to_do_stand_on_the_first_screen(
    page: Page, visit, portfolio
):
    visit("analytics:overview", portfolio.pk)
    for words in ("1,000.00", "Out of its bands", "3 trades"):
        expect(page.locator("#portfolio-result .h1", has_text=words)).to_be_in_viewport()


def test_a_portfolio_is_copied_archived_restored_deleted_and_brought_back(
    page: Page, visit, portfolio, console
):
    visit("portfolios:settings", portfolio.pk)
    press(page, "Copy")
    expect(page.get_by_role("heading", name="Copy of Rainy days")).to_be_visible()
    copy = Portfolio.objects.get(name="Copy of Rainy days")

    visit("portfolios:settings", copy.pk)
    press(page, "Archive")
    page.get_by_text("Archived (1)").click()
    page.get_by_role("button", name="Restore Copy of Rainy days").click()
    expect(
        page.locator("#main").get_by_role("link", name="Copy of Rainy days", exact=True)
    ).to_be_visible()

    visit("portfolios:settings", copy.pk)
    page.get_by_role("link", name="Delete…").click()
    press(page, "Delete it")
    expect(
        page.locator("#main").get_by_role("link", name="Copy of Rainy days", exact=True)
    ).to_have_count(0)
    check(page)
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.get_by_text("“Copy of Rainy days” is back.")).to_be_visible()
    expect(
        page.locator("#main").get_by_role("link", name="Copy of Rainy days", exact=True)
    ).to_be_visible()
    assert console == []


def test_the_list_is_sorted_by_its_heads(page: Page, visit, portfolio, width):
    PortfolioFactory(owner=portfolio.owner, name="Another")
    visit("analytics:portfolio-list")
    links = page.locator("tbody a")
    expect(links.first).to_have_text("Another")
    heads = page.get_by_role("navigation", name="Sort by") if width < 500 else page.locator("thead")
    heads.get_by_role("link", name="Value, USD").click()
    expect(links.first).to_have_text("Rainy days")
    check(page)


def test_a_second_tab_is_told_of_the_first_and_overwrites_nothing(
    page: Page,
    visit,
    portfolio,
    coins,  # noqa: F811
    console,
):
    visit("portfolios:settings", portfolio.pk)
    elsewhere = Portfolio.objects.get(pk=portfolio.pk)
    holdings.save(portfolio=elsewhere, asset=coins["BTC"], quantity=Decimal(7))
    page.get_by_label("Notes").fill("Written in the second tab")
    press(page, "Save")
    expect(page.get_by_role("alert")).to_contain_text("changed in another tab")
    expect(page.get_by_text("Saved now: Until the boat is paid")).to_be_visible()
    expect(page.get_by_label("Notes")).to_have_value("Written in the second tab")
    check(page)
    press(page, "Save")
    expect(page.get_by_text("The settings are saved.")).to_be_visible()
    assert [error for error in console if REFUSED not in error] == []


def test_a_page_whose_session_has_ended_leads_to_the_login(page: Page, visit, portfolio):
    visit("portfolios:holdings", portfolio.pk)
    page.context.clear_cookies()
    page.get_by_label("Change BTC").click()
    page.wait_for_url(f"**{reverse('account_login')}?next=*")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_the_tab_in_force_is_in_sight(page: Page, visit, portfolio):
    visit("portfolios:settings", portfolio.pk)
    expect(page.get_by_role("link", name="Settings", exact=True).last).to_be_in_viewport(ratio=0.9)
