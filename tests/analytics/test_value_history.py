"""What today's holdings would have been worth: only where every one of them had a price."""

from datetime import date, timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analytics.models import NightlyRun
from analytics.selectors import value_history
from portfolios.models import Asset, Portfolio
from tests.factories import (
    AssetFactory,
    DailyPriceFactory,
    HoldingFactory,
    PortfolioFactory,
    own_asset,
)

pytestmark = pytest.mark.django_db

AS_OF = date(2024, 6, 30)


def hold(portfolio: Portfolio, quantity: str, closes: dict[int, float], **fields: object) -> None:
    """Hold an asset that had these closes so many days before."""
    asset = AssetFactory(**fields)
    for days, close in closes.items():
        DailyPriceFactory(asset=asset, date=AS_OF - timedelta(days=days), close=close)
    HoldingFactory(portfolio=portfolio, asset=asset, quantity=Decimal(quantity))


def days_of(portfolio: Portfolio) -> dict[int, float]:
    history = value_history.read(portfolio, as_of=AS_OF)
    return {(AS_OF - day).days: value for day, value in history.days}


def test_a_day_counts_when_every_holding_had_a_close_and_cash_is_always_itself():
    portfolio = PortfolioFactory()
    hold(portfolio, "2", {-1: 99.0, 0: 10.0, 1: 20.0, 2: 30.0, 365: 5.0, 366: 5.0})
    hold(portfolio, "3", {0: 1.0, 2: 2.0, 365: 4.0})
    hold(portfolio, "50", {}, coingecko_id="usd", kind=Asset.Kind.CASH)
    hold(PortfolioFactory(), "9", {0: 9.0})
    assert days_of(portfolio) == {0: 73.0, 2: 116.0, 365: 72.0}


def test_an_asset_without_any_price_leaves_no_day():
    portfolio = PortfolioFactory()
    hold(portfolio, "2", {0: 10.0, 1: 20.0})
    hold(portfolio, "1", {})
    assert days_of(portfolio) == {}


def test_an_own_price_holds_until_the_next_and_there_is_no_day_before_the_first():
    portfolio = PortfolioFactory()
    hold(portfolio, "2", {-1: 99.0, 0: 10.0, 1: 20.0, 2: 30.0, 4: 5.0, 9: 5.0})
    mine = own_asset(
        owner=portfolio.owner,
        prices={
            AS_OF - timedelta(days=days): price for days, price in ((4, 1.0), (1, 7.0), (-1, 9))
        },
    )
    HoldingFactory(portfolio=portfolio, asset=mine, quantity=Decimal(3))
    assert days_of(portfolio) == {0: 41.0, 1: 61.0, 2: 63.0, 4: 13.0}


def test_with_own_assets_and_cash_alone_every_day_since_their_first_price_counts():
    portfolio = PortfolioFactory()
    hold(portfolio, "50", {}, coingecko_id="usd", kind=Asset.Kind.CASH)
    mine = own_asset(owner=portfolio.owner, prices={AS_OF - timedelta(days=400): 2.0})
    HoldingFactory(portfolio=portfolio, asset=mine, quantity=Decimal(3))
    assert days_of(portfolio) == dict.fromkeys(range(366), 56.0)


def test_the_table_has_the_end_of_each_month_the_latest_first():
    portfolio = PortfolioFactory()
    hold(portfolio, "1", {0: 6.0, 1: 5.5, 30: 5.0, 31: 4.5, 61: 4.0})
    history = value_history.read(portfolio, as_of=AS_OF)
    assert history.month_ends == [
        (date(2024, 6, 30), 6.0),
        (date(2024, 5, 31), 5.0),
        (date(2024, 4, 30), 4.0),
    ]


def page_of(portfolio: Portfolio, **headers: str) -> str:
    client = Client()
    client.force_login(portfolio.owner)
    url = reverse("analytics:value-history", args=[portfolio.pk])
    return unescape(" ".join(client.get(url, headers=headers).content.decode().split()))


def test_the_fragment_says_what_the_chart_is_and_has_its_numbers():
    NightlyRun.objects.create(as_of=AS_OF, is_current=True, state="published")
    portfolio = PortfolioFactory()
    hold(portfolio, "2", {0: 1000.0, 30: 20.0})
    fragment = page_of(portfolio, hx_request="true")
    assert "<html" not in fragment
    assert '{"day": "2024-05-31", "value": 40.0}' in fragment
    assert '<td>30 June 2024</td> <td class="num">2,000.00</td>' in fragment
    assert "It is not what you earned" in fragment
    assert "<html" in page_of(portfolio)


@pytest.mark.parametrize("has_night", [True, False])
def test_without_prices_the_chart_s_place_says_when_there_will_be_one(has_night):
    if has_night:
        NightlyRun.objects.create(as_of=AS_OF, is_current=True, state="published")
    assert "No history yet" in page_of(PortfolioFactory())


def test_a_year_of_many_assets_is_one_query():
    portfolio = PortfolioFactory()
    for _ in range(5):
        hold(portfolio, "1", dict.fromkeys(range(30), 2.0))
    with CaptureQueriesContext(connection) as captured:
        assert len(days_of(portfolio)) == 30
    assert len(captured) == 1
