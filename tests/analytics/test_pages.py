"""What the pages say about results of real nights, and what they never say."""

import html
import json
import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from kombu.exceptions import OperationalError

from analytics import tasks
from analytics.models import AlertEvent, NightlyRun
from analytics.selectors import market_page, portfolio_pages
from analytics.services import nights, recomputation
from analytics.views.portfolios import MAX_TRIES
from portfolios.models import Portfolio
from portfolios.services import holdings, portfolios
from tests.analytics.conftest import AS_OF
from tests.factories import (
    AssetFactory,
    DailyPriceFactory,
    HoldingFactory,
    PortfolioFactory,
    UserFactory,
)
from tests.reading import unexplained

PAGES = ["overview", "allocation", "rebalance"]


@pytest.fixture(autouse=True)
def own_cache(settings) -> None:
    """The real cache, without what other tests have left there."""
    settings.CACHES = {"default": {**settings.CACHES["default"], "KEY_PREFIX": uuid.uuid4().hex}}


@pytest.fixture
def asked(monkeypatch) -> Iterator[list[int]]:
    """Which portfolios a worker was asked to compute."""
    calls: list[int] = []
    monkeypatch.setattr(tasks.recompute_portfolio, "delay", calls.append)
    return calls


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words += data.split()


def words(response) -> str:
    """What a reader sees of a page's main part, without the markup."""
    html = unexplained(response.content.decode())
    parser = _Words()
    parser.feed(html.partition("<main")[2].rpartition("</main>")[0] or html)
    return " ".join(parser.words)


def client_of(portfolio: Portfolio) -> Client:
    client = Client()
    client.force_login(portfolio.owner)
    return client


def see(portfolio: Portfolio, page: str, *, htmx: bool = False, **query: object) -> str:
    response = client_of(portfolio).get(
        reverse(f"analytics:{page}", args=[portfolio.pk]),
        query,
        headers={"HX-Request": "true"} if htmx else {},
    )
    assert response.status_code == 200
    return words(response)


@pytest.fixture
def drifted(hold, as_of) -> Portfolio:
    """60 % Bitcoin, 35 % Solana and 5 % dollars of 1,000 where 50, 44 and 6 are wanted."""
    portfolio = hold(
        {"BTC": 6, "SOL": "3.5", "USD": 50},
        {"BTC": "0.5", "SOL": "0.44", "USD": "0.06"},
        name="Drifted",
    )
    nights.run_to_end(as_of=as_of)
    return portfolio


# --- The overview ---------------------------------------------------------------------------------


def test_the_overview_says_what_it_is_worth_whether_it_is_in_balance_and_what_to_do(drifted):
    page = see(drifted, "overview")
    assert "1,000.00 USD At the close of 30 June 2024 (UTC)." in page
    assert "Out of its bands" in page
    assert "Furthest from its target: BTC, +10.0 points over." in page
    assert "The band is ± 5.0 points." in page
    # 100.10 dollars sold and 99.90 bought, at 0.1 % of each.
    assert "3 trades They return it to its targets for 0.20 USD, and pay for themselves in" in page


def test_the_overview_lists_positions_with_signed_drift_in_words(drifted):
    page = see(drifted, "overview")
    assert "BTC Bitcoin 600.00 60.0 50.0 +10.0 over" in page
    assert "SOL Solana 350.00 35.0 44.0 −9.0 under" in page
    assert "USD US dollar 50.00 5.0 6.0 −1.0 under" in page


def test_the_chart_has_the_numbers_of_its_table(drifted):
    response = client_of(drifted).get(drifted.get_absolute_url())
    rows = re.search(r'data-chart="weights"\s+data-rows="(.*?)"', response.content.decode())
    drawn = json.loads(html.unescape(rows[1]))
    bars = {bar["name"]: (bar["weight"], bar["target"]) for bar in drawn}
    assert bars == {
        "Smart Contract L1s": (pytest.approx(0.95), pytest.approx(0.94)),
        "Cash": (pytest.approx(0.05), pytest.approx(0.06)),
    }
    assert "Smart Contract L1s 950.00 95.0 94.0" in words(response)


def test_a_portfolio_on_target_has_nothing_to_do(hold, as_of):
    portfolio = hold({"BTC": 5, "SOL": 5}, {"BTC": "0.5", "SOL": "0.5"})
    nights.run_to_end(as_of=as_of)
    page = see(portfolio, "overview")
    assert "In balance Every position is on its target." in page
    assert "Nothing to do Every position is inside its band." in page


def test_a_portfolio_without_targets_is_told_to_set_them(hold, as_of):
    portfolio = hold({"BTC": 5}, {})
    nights.run_to_end(as_of=as_of)
    page = see(portfolio, "overview")
    assert "500.00 USD" in page
    assert "No targets yet" in page
    assert "drift, points" not in page.lower()


def test_a_missing_price_is_named_and_no_balance_is_claimed(hold, as_of):
    portfolio = hold({"BTC": 5, "SOL": 5}, {"BTC": "0.5", "SOL": "0.5"})
    HoldingFactory(portfolio=portfolio, asset=AssetFactory(symbol="NOPE", name="Unlisted"))
    nights.run_to_end(as_of=as_of)
    page = see(portfolio, "overview")
    assert "1,000.00 USD" in page
    assert "Without NOPE: no price is known." in page
    assert "It cannot be judged while there is no price for NOPE · Unlisted." in page
    assert "NOPE Unlisted no price" in page
    assert "over" not in page.split("By asset")[1].split()


def test_a_stale_price_and_a_short_history_are_said_in_words(hold, as_of):
    portfolio = hold({"BTC": 8}, {})
    young = AssetFactory(symbol="YNG", name="Young")
    DailyPriceFactory(asset=young, date=as_of - timedelta(days=5), close=2.0)
    HoldingFactory(portfolio=portfolio, asset=young, quantity=Decimal(100))
    nights.run_to_end(as_of=as_of)
    page = see(portfolio, "overview")
    assert "The price of YNG is stale" in page
    assert "YNG Young 200.00 stale price" in page
    assert "Risk is measured for 80.0 % of the value: YNG has too short a history." in page
    assert "YNG Young 200.00 stale price 20.0 —" in see(portfolio, "allocation")


# --- Allocation and rebalance ---------------------------------------------------------------------


def test_the_allocation_prints_each_band_and_shares_of_risk_that_sum_to_one(drifted, as_of):
    page = see(drifted, "allocation")
    assert "BTC Bitcoin 600.00 60.0 50.0 45.0–55.0 +10.0 over" in page
    assert "USD US dollar 50.00 5.0 6.0 1.0–11.0 −1.0 under 0.0" in page
    reading = portfolio_pages.read(drifted, run=NightlyRun.objects.get())
    shares = [position.share_of_risk for position in reading.positions]
    assert sum(shares) == pytest.approx(1)
    assert sum(share.share_of_risk for share in reading.categories) == pytest.approx(1)


def test_the_rebalance_page_lists_sells_before_buys_with_quantity_and_price(drifted):
    page = see(drifted, "rebalance")
    # The fee leaves 999.80 to split: Bitcoin keeps 499.90, Solana gets 439.91, dollars 59.99.
    sell, buy = (
        "Sell BTC Bitcoin 1.001 100.10 100.00 0.10",
        "Buy SOL Solana 0.89912 89.91 100.00 0.09",
    )
    assert f"{sell} {buy}" in page
    assert "Buy USD US dollar 9.988 9.99 1.00" in page
    assert "Fees at 0.1 % of each trade, USD 0.20" in page
    assert "One-way turnover, % of the value 10.0" in page
    assert "No trades are executed." in page


def test_the_rebalance_page_gives_the_reason_of_the_wide_band(drifted):
    NightlyRun.objects.update(high_volatility=True)
    assert "± 10 points , because volatility is high" in see(drifted, "rebalance")
    NightlyRun.objects.update(high_volatility=False)
    assert "± 5 points , since volatility is normal." in see(drifted, "rebalance")


# --- Empty states ---------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("page", PAGES)
def test_before_the_first_night_a_page_explains_and_does_not_poll(page, asked):
    portfolio = HoldingFactory().portfolio
    response = client_of(portfolio).get(reverse(f"analytics:{page}", args=[portfolio.pk]))
    assert "The first night is still to come" in words(response)
    assert "hx-trigger" not in response.content.decode()
    assert asked == []


@pytest.mark.django_db
@pytest.mark.parametrize("page", PAGES)
def test_an_empty_portfolio_is_shown_where_to_begin(page):
    assert "Nothing held yet" in see(PortfolioFactory(), page)


@pytest.mark.django_db
def test_a_newcomer_is_told_what_a_portfolio_is():
    client = Client()
    client.force_login(UserFactory())
    assert "No portfolio yet" in words(client.get(reverse("analytics:portfolio-list")))


# --- Results that are older than the portfolio ----------------------------------------------------


@pytest.fixture
def edited(drifted) -> Portfolio:
    """Calculated, then doubled."""
    for holding in drifted.holdings.select_related("asset"):
        holdings.save(portfolio=drifted, asset=holding.asset, quantity=holding.quantity * 2)
    return drifted


@pytest.mark.parametrize("page", PAGES)
def test_numbers_of_an_older_revision_are_never_shown(page, edited):
    shown = see(edited, page)
    assert "Calculating…" in shown
    assert "1,000.00" not in shown
    assert "Sell" not in shown


def test_the_list_has_no_numbers_of_an_older_revision_either(edited):
    shown = words(client_of(edited).get(reverse("analytics:portfolio-list")))
    assert "Not calculated since its last change" in shown
    assert "1,000.00" not in shown


@pytest.mark.parametrize("page", ["portfolio-result", "allocation", "rebalance"])
def test_the_fragment_asks_once_a_revision_and_polls_until_a_worker_has_stored_it(
    page, edited, asked
):
    for attempt in (1, 2, 3):
        assert "Calculating…" in see(edited, page, htmx=True, tries=attempt)
    assert asked == [edited.pk]
    recomputation.recompute(portfolio_id=edited.pk)
    fresh = see(edited, page, htmx=True, tries=4)
    assert "Calculating…" not in fresh
    assert {"portfolio-result": "2,000.00", "allocation": "1,200.00", "rebalance": "200.20"}[
        page
    ] in fresh


def test_a_further_edit_asks_again(edited, asked):
    see(edited, "portfolio-result", htmx=True)
    portfolios.rename(portfolio=edited, name="Another name", expected_revision=None)
    see(edited, "portfolio-result", htmx=True)
    assert asked == [edited.pk, edited.pk]


def test_the_skeleton_waits_a_second_between_questions_and_counts_them(edited, asked):
    client = client_of(edited)
    page = client.get(edited.get_absolute_url()).content.decode()
    assert 'hx-trigger="load"' in page
    url = reverse("analytics:portfolio-result", args=[edited.pk])
    assert f'hx-get="{url}?tries=0"' in page
    fragment = client.get(url, {"tries": 0}).content.decode()
    assert 'hx-trigger="load delay:1s"' in fragment
    assert f'hx-get="{url}?tries=1"' in fragment


@pytest.mark.parametrize("tries", [MAX_TRIES, 999])
def test_after_a_minute_of_asking_the_fragment_offers_a_button_and_stops(tries, edited, asked):
    response = client_of(edited).get(
        reverse("analytics:portfolio-result", args=[edited.pk]), {"tries": tries}
    )
    assert "takes longer than usual" in words(response)
    assert "hx-trigger" not in response.content.decode()


@pytest.mark.parametrize("tries", ["-1", "x", "9" * 5000, "٣"])
def test_a_nonsensical_count_of_questions_does_no_harm(tries, edited, asked):
    assert "Calculating…" in see(edited, "portfolio-result", tries=tries)


def test_without_a_broker_the_page_stands_and_the_next_request_tries_again(edited, monkeypatch):
    attempts = []

    def unreachable(portfolio_id: int) -> None:
        attempts.append(portfolio_id)
        raise OperationalError("connection refused")

    monkeypatch.setattr(tasks.recompute_portfolio, "delay", unreachable)
    for _ in range(2):
        assert "takes longer than usual" in see(edited, "portfolio-result", htmx=True)
    assert attempts == [edited.pk, edited.pk]


def test_without_a_cache_the_calculation_is_asked_for_all_the_same(edited, asked, settings):
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1"}}
    assert "Calculating…" in see(edited, "portfolio-result", htmx=True)
    assert asked == [edited.pk]


def test_anyone_may_ask_for_a_calculation(drifted, asked):
    address = reverse("analytics:recompute", args=[drifted.pk])
    response = client_of(drifted).post(address, follow=True)
    assert "We wrote to you about these figures" in response.text
    assert asked == []  # they stay what the letter says
    AlertEvent.objects.all().delete()
    response = client_of(drifted).post(address, follow=True)
    assert asked == [drifted.pk]
    assert "The calculation has started." in response.text


def test_the_button_says_that_it_works_until_the_result_was_written_anew(drifted, asked):
    address = reverse("analytics:recompute", args=[drifted.pk])
    htmx = {"headers": {"HX-Request": "true"}}
    AlertEvent.objects.all().delete()
    client = client_of(drifted)
    working = client.post(address, **htmx).text
    assert "Calculating again:" in working
    poll = html.unescape(re.search(r'hx-get="([^"]+)"', working)[1])
    assert "Calculating again:" in client.get(poll, **htmx).text
    recomputation.recompute(portfolio_id=drifted.pk)  # to the same figures
    done = client.get(poll, **htmx)
    assert done.headers["HX-Refresh"] == "true"
    assert "Calculated again." in client.get(drifted.get_absolute_url()).text
    tired = client.get(f"{poll}00", **htmx)
    assert tired.headers["HX-Refresh"] == "true"  # done meanwhile


def test_the_button_stops_waiting_for_a_worker_that_is_away(drifted, asked):
    run = NightlyRun.objects.get()
    before = portfolio_pages.version(drifted, run=run)
    address = reverse("analytics:recompute", args=[drifted.pk])
    answer = client_of(drifted).get(
        address, {"before": before, "tries": "60"}, headers={"HX-Request": "true"}
    )
    assert "takes longer than usual" in answer.text
    assert "hx-get" not in answer.text


# --- The list -------------------------------------------------------------------------------------


def test_the_list_says_value_status_worst_drift_and_day_of_each(drifted):
    shown = words(client_of(drifted).get(reverse("analytics:portfolio-list")))
    assert re.search(r"Drifted Rename 1,000\.00 .* Out of its bands 10\.0, band ± 5\.0", shown)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_takes_a_bounded_number_of_queries(page, drifted):
    client = client_of(drifted)
    url = reverse(f"analytics:{page}", args=[drifted.pk])
    with CaptureQueriesContext(connection) as captured:
        client.get(url)
    # A plan reads its own prices, risks and costs.
    assert len(captured) <= {"overview": 11, "allocation": 11, "rebalance": 20}[page]


# --- The market -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_before_the_first_night_the_market_page_explains():
    client = Client()
    client.force_login(UserFactory())
    assert "The market is not measured yet" in words(client.get(reverse("analytics:market")))


@pytest.mark.parametrize(("days", "is_old"), [(1, False), (7, False), (8, True), (500, True)])
def test_the_market_page_says_when_its_prices_are_far_older_than_today(drifted, days, is_old):
    assert market_page.read(today=AS_OF + timedelta(days=days)).day.is_old is is_old
    assert "days old: the newest complete day" in words(
        client_of(drifted).get(reverse("analytics:market"))
    )
