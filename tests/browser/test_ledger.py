"""A history typed in a browser: a purchase, a sale, the gain, and what is undone."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from analytics.services import nights
from portfolios.models import Asset, Portfolio
from tests.analytics.conftest import AS_OF
from tests.analytics.test_taxes import hold_lots
from tests.browser.pages import REFUSED, check, press, sign_in
from tests.factories import AssetFactory, PortfolioFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def portfolio() -> Portfolio:
    AssetFactory(coingecko_id="bitcoin", symbol="BTC", name="Bitcoin")
    AssetFactory(coingecko_id="usd", symbol="USD", name="US dollar", kind=Asset.Kind.CASH)
    return PortfolioFactory(name="What I put aside for the days when it rains")


def enter(page: Page, kind: str, moment: str, **legs: tuple[str, str]) -> None:
    """Fill in the form of a kind; each leg is (quantity, asset)."""
    page.get_by_role("link", name="Add a transaction").click()
    kinds = page.get_by_role("list", name="Kinds of transactions")
    if kind != "Buy":  # that is chosen already
        kinds.get_by_role("link", name=kind, exact=True).click()
    expect(kinds.get_by_role("link", name=kind, exact=True)).to_have_attribute(
        "aria-current", "true"
    )
    page.get_by_label("When, UTC").fill(moment)
    for leg, (quantity, asset) in legs.items():
        page.locator(f"[name={leg}_quantity]").fill(quantity)
        page.locator(f"[name={leg}_asset]").select_option(label=asset)


def test_a_purchase_a_sale_and_the_gain_between_them(page: Page, visit, portfolio, console):
    visit("portfolios:activity", portfolio.pk)
    expect(page.get_by_text("Nothing has happened yet")).to_be_visible()
    check(page)

    bitcoin, dollar = "BTC · Bitcoin", "USD · US dollar"
    enter(page, "Buy", "2024-01-10T12:00:00", received=("0.5", bitcoin), sent=("20000", dollar))
    check(page)
    press(page, "Add")
    expect(page.get_by_text("“Buy” is in the ledger.")).to_be_visible()

    enter(page, "Sell", "2025-03-04T08:30:00", sent=("0.75", bitcoin), received=("22000", dollar))
    press(page, "Add")
    expect(page.get_by_role("alert")).to_contain_text("0.25 BTC more than is held")
    expect(page.locator("[name=sent_quantity]")).to_have_value("0.75")
    check(page)
    page.locator("[name=sent_quantity]").fill("0.25")
    press(page, "Add")
    expect(page.get_by_text("“Sell” is in the ledger.")).to_be_visible()
    assert portfolio.holdings.get().quantity == Decimal("0.25")
    check(page)

    page.get_by_role("link", name="Lots and gains").click()
    expect(page.get_by_role("heading", name="Realised gains of 2025")).to_be_visible()
    expect(page.locator("#main").get_by_text("+12,000.00").first).to_be_visible()
    check(page)

    page.get_by_role("link", name="Transactions").click()
    page.get_by_role("link", name="Change the sell of 4 March 2025").click()
    check(page)
    press(page, "Remove")
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.get_by_text("The transaction is back.")).to_be_visible()
    assert portfolio.holdings.get().quantity == Decimal("0.25")

    page.get_by_label("Show kind").select_option(label="Buy")
    expect(page.get_by_role("link", name="Change the sell of 4 March 2025")).to_have_count(0)
    expect(page.get_by_role("link", name="Change the buy of 10 January 2024")).to_be_visible()
    check(page)
    assert [error for error in console if REFUSED not in error] == []


class TestPerformance:
    @pytest.fixture
    def portfolio(self, hold) -> Portfolio:
        """Half Bitcoin, half Solana for two months, measured by a night."""
        portfolio = hold({"BTC": 6, "SOL": 6}, {"BTC": "0.5", "SOL": "0.5"}, name="Rainy days")
        began = datetime.combine(AS_OF - timedelta(days=70), time(12), tzinfo=UTC)
        portfolio.transactions.update(at=began)
        nights.run_to_end(as_of=AS_OF)
        return portfolio

    def test_its_charts_are_drawn_and_every_period_has_its_numbers(
        self, page: Page, visit, portfolio, console
    ):
        visit("analytics:performance", portfolio.pk)
        expect(page.locator("[data-chart] canvas")).to_have_count(3)
        check(page)
        page.get_by_role("link", name="1 month").click()
        expect(page.get_by_text("Gain, 1 month")).to_be_visible()
        page.get_by_text("The charts in numbers").click()
        expect(page.get_by_role("cell", name="30 June 2024")).to_be_visible()
        check(page)
        assert console == []


def test_a_sale_that_the_plan_does_not_call_for(page: Page, live_server, coins, console):
    lots = [("BTC", "6", "50", 90), ("SOL", "4", "150", 90)]
    portfolio = hold_lots(coins, lots, {"BTC": "0.5", "SOL": "0.5"})
    nights.run_to_end(as_of=AS_OF)
    sign_in(page, live_server.url, portfolio.owner)
    page.goto(live_server.url + reverse("portfolios:activity", args=[portfolio.pk]))
    enter(
        page, "Sell", "2024-07-01T08:30:00",
        sent=("1.5", "SOL · Solana"), received=("140", "USD · US dollar"),
    )  # fmt: skip
    page.get_by_label("Note").fill("I need it")
    press(page, "Add")
    expect(page.get_by_role("heading", name="Today's plan does not sell SOL")).to_be_visible()
    expect(page.get_by_text("Sell 1 BTC, Buy 1 SOL")).to_be_visible()
    check(page)
    assert portfolio.holdings.get(asset__symbol="SOL").quantity == 4
    expect(page.get_by_label("Note")).to_have_value("I need it")
    press(page, "Record it anyway")
    expect(page.get_by_text("“Sell” is in the ledger.")).to_be_visible()
    assert portfolio.holdings.get(asset__symbol="SOL").quantity == Decimal("2.5")
    assert console == []
