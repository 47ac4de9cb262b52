"""The admin site in a real browser: our name, room on a phone, nothing the policy forbids."""

from datetime import date
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from accounts.models import OutgoingEmail
from analytics.models import NightlyRun, RunChunk
from portfolios.models import Asset, AssetCategory, ModelPortfolio
from portfolios.services import catalogue
from tests.factories import HoldingFactory, staff

pytestmark = pytest.mark.django_db(transaction=True)

SIZES = {"phone": {"width": 360, "height": 740}, "desktop": {"width": 1280, "height": 800}}


@pytest.fixture
def admin_site(live_server: Any, page: Page) -> str:
    """The address of the admin site, for somebody signed in as staff."""
    catalogue.load()
    client = Client()
    client.force_login(staff())
    for cookie in client.cookies.values():
        page.context.add_cookies(
            [{"name": cookie.key, "value": cookie.value, "url": live_server.url}]
        )
    return f"{live_server.url}/admin/"


def paths() -> list[str]:
    """What staff look at."""
    aave = Asset.objects.get(coingecko_id="aave")
    HoldingFactory(asset=aave)
    run = NightlyRun.objects.create(as_of=date(2024, 1, 1))
    RunChunk.objects.create(run=run, number=1, first_portfolio_id=1, last_portfolio_id=2)
    OutgoingEmail.objects.create(dedupe_key="k", recipient="r@example.org", kind="account")
    model = ModelPortfolio.objects.get(slug="moderate")
    return [
        "",
        "portfolios/asset/",
        f"portfolios/asset/{aave.pk}/change/",
        f"portfolios/asset/{aave.pk}/delete/",
        f"portfolios/asset/{aave.pk}/history/",
        "portfolios/asset/import/",
        "portfolios/asset/export/",
        "portfolios/tokenmigration/",
        f"portfolios/modelportfolio/{model.pk}/change/",
        f"analytics/nightlyrun/{run.pk}/change/",
        "accounts/outgoingemail/",
    ]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_says_where_prices_come_from_and_obeys_the_policy(
    admin_site: str, page: Page, console: list[str], size: str, scheme: Any
) -> None:
    page.set_viewport_size(SIZES[size])  # type: ignore[arg-type]
    page.emulate_media(color_scheme=scheme)
    for path in paths():
        page.goto(admin_site + path)
        expect(page.get_by_text("Simulated market data")).to_be_visible()
        expect(page.locator("#site-name")).to_have_text("Evenkeel administration")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width == SIZES[size]["width"], path
    assert console == []


def test_a_category_is_given_to_many_assets_with_mouse_and_keyboard(
    admin_site: str, page: Page, console: list[str]
) -> None:
    page.goto(f"{admin_site}portfolios/asset/?q=aave")
    page.get_by_role("row", name="AAVE").get_by_role("checkbox").check()
    page.get_by_label("Action:").select_option("set_category")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_text("2 model portfolios: Moderate, Aggressive.")).to_be_visible()
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
    page.get_by_role("button", name="Confirm import").click()
    expect(page.get_by_text("Import finished: 0 new, 1 updated")).to_be_visible()
    assert console == []
