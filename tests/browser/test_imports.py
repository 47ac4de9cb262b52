"""A file from its choice to its undoing, with a real worker, on a phone and at a desk."""

import re

import pytest
from playwright.sync_api import Page, expect

from portfolios.models import Portfolio
from portfolios.services import catalogue
from tests.browser.pages import check, press
from tests.factories import AssetFactory, PortfolioFactory
from tests.workers import worker

pytestmark = pytest.mark.django_db(transaction=True)

HISTORY = """\
UTC_Time,Account,Operation,Coin,Change,Remark
2024-01-01 10:00:00,Spot,Deposit,ETH,10,
2024-01-02 10:00:00,Spot,Buy,BTC,0.5,
2024-01-02 10:00:00,Spot,Sell,ETH,-8,
2024-01-03 10:00:00,Spot,Airdrop Assets,TWIN,123456789.123456789,
2024-01-04 10:00:00,Spot,Withdraw,ETH,-3,
2024-01-05 10:00:00,Spot,Dance,ETH,1,
2024-01-06 10:00:00,Spot,Simple Earn Flexible Subscription,BTC,-0.1,
"""
UNKNOWN = "When,What,How many\n03/04/2024,ETH,3\n05/04/2024,BTC,-5\n"


@pytest.fixture
def portfolio() -> Portfolio:
    catalogue.load()
    AssetFactory(symbol="TWIN", name="First twin of a rather long name")
    AssetFactory(symbol="TWIN", name="Second twin")
    return PortfolioFactory(name="Rainy days")


def choose(page: Page, name: str, content: str) -> None:
    page.get_by_label("File", exact=True).set_input_files(
        {"name": name, "mimeType": "text/csv", "buffer": content.encode()}
    )
    press(page, "Look at it")


def test_a_history_is_looked_at_chosen_imported_and_undone(page: Page, visit, portfolio, console):
    with worker():
        visit("portfolios:import-list", portfolio.pk)
        check(page)
        choose(page, "a-rather-long-name-of-a-history-file-2024.csv", HISTORY)
        expect(page.get_by_role("heading", name="What are these?")).to_be_visible()
        expect(page.get_by_role("button", name=re.compile("^Import 3"))).to_be_disabled()
        check(page)
        page.get_by_label("Second twin").check()
        press(page, "Save the answers")
        expect(page.get_by_role("heading", name="1 row takes more than is there")).to_be_visible()
        check(page)
        page.get_by_label("Open the history with what is missing").check()
        press(page, "Save the decision")
        expect(page.get_by_role("heading", name="5 new transactions")).to_be_visible()
        expect(page.get_by_text("Operation: “Dance” is not an operation")).to_be_visible()
        page.get_by_text("How it was read").click()
        expect(page.get_by_text("your answer")).to_be_visible()
        check(page)
        page.get_by_label("Leave out the 1 row that cannot be read").check()
        press(page, "Import 5 transactions")
        expect(page.get_by_role("heading", name="5 transactions imported")).to_be_visible(
            timeout=30_000
        )
        check(page)
        assert portfolio.transactions.count() == 5
        press(page, "Undo the whole import")
        expect(page.get_by_text("taken out again")).to_be_visible()
        check(page)
        assert portfolio.transactions.count() == 0
    assert console == []


def test_what_an_unknown_table_means_is_asked(page: Page, visit, portfolio, console):
    visit("portfolios:import-list", portfolio.pk)
    choose(page, "mine.csv", UNKNOWN)
    expect(page.get_by_label("When")).to_have_value("When")
    check(page)
    page.get_by_label("Asset", exact=True).select_option("What")
    page.get_by_label("Quantity", exact=True).select_option("How many")
    press(page, "Go on")
    page.get_by_label("The day first").check()
    check(page)
    press(page, "Go on")
    expect(page.get_by_text("1 row takes more than is there")).to_be_visible()
    press(page, "Discard the file")
    expect(page.get_by_text("“mine.csv” is discarded.")).to_be_visible()
    assert console == []
