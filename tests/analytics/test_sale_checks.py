"""A sale that today's plan does not call for: the plan is shown once, then it is done as told."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analytics.services import nights, recomputation
from portfolios.models import Transaction
from tests.analytics.test_taxes import hold_lots
from tests.factories import PortfolioFactory

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "Record it anyway"


@pytest.fixture
def portfolio(coins, as_of):
    """It has too much Bitcoin, so the plan sells that and buys the other."""
    lots = [("BTC", "6", "50", 90), ("SOL", "4", "150", 90)]
    portfolio = hold_lots(coins, lots, {"BTC": "0.5", "SOL": "0.5"})
    nights.run_to_end(as_of=as_of)
    return portfolio


@pytest.fixture
def record(portfolio, coins, as_of):
    """record(kind, sent=…): post the form of a new line, dated the day after the night."""
    client = Client()
    client.force_login(portfolio.owner)

    def post(kind: str, *, days: int = 1, **fields: Any):
        portfolio.refresh_from_db()
        sent, quantity = fields.pop("sent", ("SOL", "1.5"))
        typed = {
            "revision": portfolio.revision,
            "at": f"{as_of + timedelta(days=days)}T09:30:00",
            "note": "so that =nothing is lost",
            "sent_asset": coins[sent].pk,
            "sent_quantity": quantity,
            "received_asset": coins["USD"].pk,
            "received_quantity": "77.25",
        }
        address = reverse("analytics:sale-check", args=[portfolio.pk])
        return client.post(f"{address}?kind={kind}", typed | fields)

    return post


def sales(portfolio) -> int:
    return portfolio.transactions.filter(kind=Transaction.Kind.SELL).count()


def test_the_plan_is_shown_once_with_all_that_was_typed_and_then_it_is_recorded(record, portfolio):
    answer = record("sell")
    page = " ".join(answer.text.split())
    assert (answer.status_code, sales(portfolio)) == (200, 0)
    for words in (
        QUESTION, "plan does not sell SOL", "Sell 1 BTC, Buy 1 SOL", "40.0 %, target 50.0 %",
        'value="1.5"', 'value="77.25"', "so that =nothing is lost", "2024-07-01T09:30:00",
    ):  # fmt: skip
        assert words in page, words
    assert record("sell", anyway="1").status_code == 302
    assert sales(portfolio) == 1
    assert portfolio.holdings.get(asset__symbol="SOL").quantity == 4 - 1.5


def test_what_the_plan_sells_is_recorded_at_once_and_more_than_that_is_not(record, portfolio):
    asked = record("sell", sent=("BTC", "4"))
    assert QUESTION in asked.text
    assert "not more" in asked.text
    assert record("sell", sent=("BTC", "0.5")).status_code == 302
    assert sales(portfolio) == 1


def test_the_question_takes_a_bounded_number_of_queries(record):
    with CaptureQueriesContext(connection) as captured:
        assert QUESTION in record("sell").text
    assert len(captured) <= 25


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("sell", {"days": -8}),  # history that is completed
        ("withdrawal", {}),
        ("buy", {"sent": ("USD", "20"), "received_asset": "BTC"}),
    ],
)
def test_what_is_no_sale_of_today_is_not_asked_about(record, portfolio, coins, kind, asked):
    if "received_asset" in asked:
        asked = {**asked, "received_asset": coins[asked["received_asset"]].pk}
    answer = record(kind, **asked)
    assert QUESTION not in answer.text
    assert "Add" in answer.text or answer.status_code == 302


def test_a_swap_out_of_an_asset_is_a_sale(record, coins):
    assert QUESTION in record("swap", received_asset=coins["BTC"].pk).text


def test_a_refused_sale_is_not_asked_about_again(record, portfolio):
    refused = record("sell", sent=("SOL", "5"), anyway="1")
    assert (refused.status_code, sales(portfolio)) == (422, 0)
    assert 'name="anyway" value="1"' in refused.text
    assert "more than is held" in refused.text


def test_without_a_calculation_nothing_is_asked(coins, as_of):
    portfolio = PortfolioFactory()
    client = Client()
    client.force_login(portfolio.owner)
    address = reverse("analytics:sale-check", args=[portfolio.pk])
    typed = {"revision": 1, "at": f"{as_of}T09:30:00", "sent_asset": coins["SOL"].pk,
             "sent_quantity": "1"}  # fmt: skip
    answer = client.post(f"{address}?kind=sell", typed)
    assert answer.status_code == 422
    assert "1 SOL more than is held" in answer.text


@pytest.fixture
def change(portfolio, coins):
    """change(line, **fields): post a line's own form, as it stands but for these fields."""
    client = Client()
    client.force_login(portfolio.owner)

    def post(line: Transaction, **fields: Any):
        portfolio.refresh_from_db()
        typed = {
            "revision": portfolio.revision,
            "at": f"{line.at:%Y-%m-%dT%H:%M:%S}",
            "sent_asset": line.sent_asset_id,
            "sent_quantity": line.sent_quantity,
            "received_asset": line.received_asset_id,
            "received_quantity": line.received_quantity,
        }
        address = reverse("analytics:changed-sale-check", args=[portfolio.pk, line.pk])
        return client.post(address, typed | fields)

    return post


def test_a_sale_that_is_made_larger_is_asked_about_and_a_smaller_one_is_not(
    record, change, portfolio
):
    record("sell", sent=("SOL", "1"), anyway="1")
    sale = portfolio.transactions.get(kind=Transaction.Kind.SELL)
    recomputation.recompute(portfolio_id=portfolio.pk)
    answer = change(sale, sent_quantity="1.5")
    sale.refresh_from_db()
    assert (answer.status_code, sale.sent_quantity) == (200, 1)
    assert QUESTION in answer.text
    assert "plan does not sell SOL" in answer.text
    assert change(sale, sent_quantity="0.75", note="less").status_code == 302
    recomputation.recompute(portfolio_id=portfolio.pk)
    sale.refresh_from_db()
    assert change(sale, sent_quantity="1.5", anyway="1").status_code == 302
    sale.refresh_from_db()
    assert sale.sent_quantity == 1.5


def test_what_the_plan_still_sells_may_be_added_to_a_sale(record, change, portfolio, coins):
    """The plan knows of the sale as it stands; only what is added counts."""
    record("sell", sent=("BTC", "0.25"))
    sale = portfolio.transactions.get(kind=Transaction.Kind.SELL)
    recomputation.recompute(portfolio_id=portfolio.pk)
    assert QUESTION in change(sale, sent_quantity="4").text
    assert QUESTION in change(sale, sent_asset=coins["SOL"].pk).text
    assert change(sale, sent_quantity="0.75").status_code == 302
    sale.refresh_from_db()
    assert float(sale.sent_quantity) == 0.75


def test_a_purchase_that_is_changed_is_not_asked_about(change, portfolio):
    line = portfolio.transactions.filter(received_asset__symbol="SOL").first()
    assert QUESTION not in change(line, note="more").text
