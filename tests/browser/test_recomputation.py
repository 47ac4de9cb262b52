"""Calculate again: a worker's progress is seen from the page, and then what it found."""

import pytest
from django.db import transaction
from django.urls import reverse
from playwright.sync_api import Page, expect

from analytics.services import nights
from portfolio_site.settings import CACHES
from portfolios.models import Portfolio
from tests.browser.pages import check, press, sign_in
from tests.workers import somebody_waits_for_a_lock, wait, worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("width", [360], indirect=True)
def test_what_a_worker_is_at_is_shown_and_then_its_suggestion(
    page: Page, live_server, hold, *, as_of, settings, console
):
    settings.CACHES = CACHES  # the worker's own: through it the page hears of its progress
    portfolio = hold({"BTC": 5, "SOL": 5}, {"BTC": "0.5", "SOL": "0.5"}, name="Rainy days")
    nights.run_to_end(as_of=as_of)
    with worker():
        sign_in(page, live_server.url, portfolio.owner)
        page.goto(live_server.url + reverse("analytics:rebalance", args=[portfolio.pk]))
        plan = page.locator("#rebalance")
        expect(plan.get_by_text("No trades.")).to_be_visible()
        portfolio.holdings.filter(asset__symbol="BTC").update(quantity=9)
        with transaction.atomic():
            # The worker says that it reads the portfolio, comes to its row, and waits there.
            Portfolio.objects.select_for_update().get(pk=portfolio.pk)
            press(page, "Calculate again")
            wait(somebody_waits_for_a_lock)
            expect(plan.get_by_text("reading the portfolio")).to_be_visible(timeout=40_000)
            check(page)
        expect(page.locator("#toasts").get_by_text("Calculated again.")).to_be_visible(
            timeout=40_000
        )
        expect(plan.get_by_role("row").filter(has_text="Sell BTC").first).to_be_visible()
        expect(plan.get_by_text("Act.", exact=True)).to_be_visible()
    assert console == []
