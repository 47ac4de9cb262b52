"""What a figure means, opened with the keyboard, and without any script."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import pages

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_figure_is_explained_in_place_with_the_keyboard_alone(
    visit, page: Page, portfolio, console
) -> None:
    visit("analytics:overview", portfolio.pk)
    button = page.get_by_role("button", name="what it means, Value", exact=True)
    opened = page.locator(".explanation:popover-open")
    button.focus()
    page.keyboard.press("Enter")
    expect(opened).to_contain_text("Σ quantity × newest close")
    box, window = opened.bounding_box(), page.viewport_size
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= window["width"]
    assert box["y"] + box["height"] <= window["height"]
    pages.check(page)
    page.keyboard.press("Tab")
    expect(opened.get_by_role("link")).to_be_focused()
    page.keyboard.press("Escape")
    expect(opened).to_have_count(0)
    button.click()
    opened.get_by_role("link").click()
    page.wait_for_url("**/glossary/#value")
    expect(page.locator("#value")).to_be_in_viewport()
    assert console == []


def test_it_opens_without_javascript(browser: Browser, live_server, portfolio) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    pages.sign_in(page, live_server.url, portfolio.owner)
    page.goto(f"{live_server.url}/portfolios/{portfolio.pk}/")
    page.get_by_role("button", name="what it means, Value", exact=True).click()
    expect(page.get_by_text("Σ quantity × newest close")).to_be_visible()
    context.close()
