"""The regime page in a real browser."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect

from analytics.models import NightlyRun
from analytics.services import regimes
from portfolios.models import Asset, DailyPrice, MarketEvent, MarketSignal
from tests.browser.pages import check
from tests.factories import AssetFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
AS_OF = date(2024, 6, 30)
DAYS = 1100


def price(asset: Asset, seed: int) -> None:
    path = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.001, 0.03, DAYS)))
    DailyPrice.objects.bulk_create(
        DailyPrice(
            asset=asset,
            date=AS_OF - timedelta(days=DAYS - 1 - n),
            high=close * 1.01,
            low=close * 0.99,
            close=close,
            volume=1000.0,
        )
        for n, close in enumerate(path.tolist())
    )


@pytest.fixture
def market(transactional_db: None) -> None:
    """Three years of prices, some signals, a night and an event with a long name."""
    for n, coingecko_id in enumerate(["bitcoin", "ethereum", *(f"alt-{n}" for n in range(12))]):
        price(AssetFactory(coingecko_id=coingecko_id), seed=n)
    MarketSignal.objects.bulk_create(
        MarketSignal(name="fear_greed", date=AS_OF - timedelta(days=n), value=20, source="x.csv")
        for n in range(DAYS)
    )
    MarketEvent.objects.create(
        date=AS_OF + timedelta(days=2), title="A" * 80, kind="upgrade", link="https://example.org"
    )
    regimes.refresh(as_of=AS_OF)
    NightlyRun.objects.create(as_of=AS_OF, is_current=True, state="published")


def session(address: str) -> Any:
    """The cookie of somebody who is logged in."""
    client = Client()
    client.force_login(UserFactory())
    name = django_settings.SESSION_COOKIE_NAME
    return {"name": name, "value": client.cookies[name].value, "url": address}


def test_the_regime_page_draws_tells_fits_and_is_accessible(
    live_server: Any, page: Page, market: None, console: list[str]
) -> None:
    page.context.add_cookies([session(live_server.url)])
    page.goto(live_server.url + reverse("analytics:market"))
    expect(page.locator("#regime .h1")).not_to_have_text("Unknown")
    chart = page.locator('#regime-history [data-chart="regimes"]')
    expect(chart.locator("canvas")).to_be_visible()
    drawn = chart.locator("canvas").evaluate(
        "c => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size"
    )
    assert drawn > 20  # not an empty sheet
    chart.hover(position={"x": 150, "y": 100})  # the tooltip is drawn on the canvas, too

    page.get_by_text("All ", exact=False).locator("visible=true").first.click()
    page.get_by_text("Where the thresholds come from").click()
    expect(page.get_by_text("The altcoin season index", exact=False).first).to_be_attached()
    expect(page.locator("#regime-evidence tbody tr")).to_have_count(14 + 2)
    unavailable = page.locator("#regime-evidence").get_by_text("unavailable", exact=True)
    expect(unavailable).to_have_count(7)
    expect(page.locator("#switching tbody tr")).to_have_count(6)
    expect(page.locator("#market-events")).to_contain_text("2 Jul 2024")

    check(page)
    assert console == []


def test_the_numbers_are_there_without_javascript(
    browser: Any, live_server: Any, market: None
) -> None:
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([session(live_server.url)])
    page = context.new_page()
    page.goto(live_server.url + reverse("analytics:market"))
    expect(page.locator("#regime-history tbody tr").first).to_be_visible()
    expect(page.locator("#regime-evidence tbody tr")).to_have_count(14 + 2)
    context.close()
