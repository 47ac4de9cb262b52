"""Portfolios from one end to the other."""

from decimal import Decimal

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from portfolios.models import Portfolio
from portfolios.services import holdings
from tests.browser.pages import REFUSED, check, press
from tests.factories import PortfolioFactory

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_it_is_worth_its_balance_and_what_to_do_stand_on_the_first_screen(
    page: Page, visit, portfolio
):
    portfolio.name = "What I put aside for the days when it rains"
    portfolio.save()
    visit("analytics:overview", portfolio.pk)
    answers = page.locator("#portfolio-result")
    for words in ("1,000.00", "Out of its bands", "3 trades"):
        expect(answers.locator(".h1", has_text=words)).to_be_in_viewport(ratio=1)
    expect(answers.get_by_role("link", name="See the trades")).to_be_in_viewport(ratio=1)
    check(page)


def test_a_portfolio_is_copied_archived_restored_deleted_and_brought_back(
    page: Page, visit, portfolio, console
):
    visit("portfolios:settings", portfolio.pk)
    press(page, "Copy")
    expect(page.get_by_role("heading", name="Copy of Rainy days")).to_be_visible()
    check(page)
    copy = Portfolio.objects.get(name="Copy of Rainy days")

    visit("portfolios:settings", copy.pk)
    press(page, "Archive")
    page.get_by_text("Archived (1)").click()
    check(page)
    page.get_by_role("button", name="Restore Copy of Rainy days").click()
    expect(
        page.locator("#main").get_by_role("link", name="Copy of Rainy days", exact=True)
    ).to_be_visible()

    visit("portfolios:settings", copy.pk)
    page.get_by_role("link", name="Delete…").click()
    check(page)
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
    coins,
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
