"""The admin site in a real browser: our name, room on a phone, nothing the policy forbids."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from portfolios.models import AssetCategory
from portfolios.services import catalogue
from tests.browser.pages import check, sign_in
from tests.factories import staff

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def admin_site(live_server: Any, page: Page) -> str:
    """The address of the admin site, for somebody signed in as staff."""
    catalogue.load()
    sign_in(page, live_server.url, staff())
    return f"{live_server.url}/admin/"


def test_a_category_is_given_to_many_assets_with_mouse_and_keyboard(
    admin_site: str, page: Page, console: list[str]
) -> None:
    page.goto(f"{admin_site}portfolios/asset/?q=aave")
    page.get_by_role("row", name="AAVE").get_by_role("checkbox").check()
    page.get_by_label("Action:").select_option("set_category")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_text("2 model portfolios: Moderate, Aggressive.")).to_be_visible()
    check(page)
    page.get_by_label("New category").select_option("Gaming")
    page.get_by_label("New category").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 asset changed.")).to_be_visible()
    assert AssetCategory.objects.get(assets__coingecko_id="aave").slug == "gaming"
    assert console == []


def test_a_file_is_rehearsed_and_then_imported(
    admin_site: str, page: Page, console: list[str]
) -> None:
    page.goto(f"{admin_site}portfolios/asset/import/")
    file = {"name": "a.csv", "mimeType": "text/csv", "buffer": b"coingecko_id,name\naave,Aave 2\n"}
    page.set_input_files("input[type=file]", file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("ins", has_text="Aave 2")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Confirm import").click()
    expect(page.get_by_text("Import finished: 0 new, 1 updated")).to_be_visible()
    assert console == []
