"""Figures in the reader's style on pages and in letters, and totals in Bitcoin or Ether."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analytics.services import nights
from portfolios.models import DailyPrice
from tests.analytics.conftest import written
from tests.factories import UserFactory

HALVES = {"BTC": "0.5", "SOL": "0.5"}
LIST = "/portfolios/"


@pytest.fixture
def portfolio(hold, as_of):
    """9,000 dollars of Bitcoin and 1,000 of Solana, at 100 each."""
    held = hold({"BTC": 90, "SOL": 10}, HALVES)
    nights.run_to_end(as_of=as_of)
    return held


def prefer(portfolio, **choices):
    for name, choice in choices.items():
        setattr(portfolio.owner, name, choice)
    portfolio.owner.save()


def see(portfolio, page):
    client = Client()
    client.force_login(portfolio.owner)
    return " ".join(client.get(page).content.decode().split())


def test_pages_are_written_in_the_reader_s_style_and_only_theirs(portfolio):
    prefer(portfolio, number_style="point_comma")
    overview = see(portfolio, portfolio.get_absolute_url())
    assert "10.000,00" in overview
    assert "+40,0 points over" in overview
    assert 'data-number-style="point_comma"' in overview
    assert "10.000,00" in see(portfolio, LIST)
    prefer(portfolio, number_style="comma_point")
    assert "10,000.00" in see(portfolio, LIST)


def test_what_stands_in_a_form_has_a_point_in_every_style(portfolio):
    prefer(portfolio, number_style="point_comma")
    portfolio.tolerance_band = "0.0525"
    portfolio.save()
    assert 'value="5.25"' in see(portfolio, f"{portfolio.get_absolute_url()}settings/")
    targets = see(portfolio, f"{portfolio.get_absolute_url()}targets/")
    assert re.search(r'value="50" data-target-weight', targets)
    assert "Together" in targets


def test_letters_are_written_in_the_style_of_their_reader(portfolio):
    for style, shown in (("comma_point", "10,000.00"), ("space_comma", "10\u00a0000,00")):
        prefer(portfolio, number_style=style)
        letter = written()
        assert f"worth {shown} USD" in letter.text
        assert f"{shown} USD" in unescape(letter.html)


def test_what_is_said_of_several_portfolios_is_too(hold, as_of):
    owner = UserFactory(number_style="point_comma", alert_preference="daily")
    for _ in range(2):
        hold({"BTC": 90, "SOL": 10}, HALVES, owner=owner)
    nights.run_to_end(as_of=as_of)
    assert "is 40,0 pp off: BTC 90 % of a 50 % target" in written().subject
    assert "worth 10.000,00 USD" in written().text


# --- The base unit --------------------------------------------------------------------------------


def test_totals_are_shown_in_the_base_unit_at_the_close_of_the_same_day(portfolio, as_of):
    assert "100.00 BTC" not in see(portfolio, LIST)
    prefer(portfolio, base_unit="btc")
    for page in (LIST, portfolio.get_absolute_url()):
        assert "100.00 BTC" in see(portfolio, page)
        assert "10,000.00" in see(portfolio, page)
    DailyPrice.objects.filter(asset__coingecko_id="bitcoin", date=as_of).update(close=40.0)
    assert "250.00 BTC" in see(portfolio, LIST)


def test_a_unit_whose_close_is_unknown_that_day_is_not_shown(portfolio, as_of):
    prefer(portfolio, base_unit="eth")
    assert "ETH" not in see(portfolio, LIST)
    prefer(portfolio, base_unit="btc")
    bitcoin = DailyPrice.objects.filter(asset__coingecko_id="bitcoin")
    bitcoin.filter(date=as_of).update(date=as_of + timedelta(days=30))
    page = see(portfolio, LIST)
    assert "10,000.00" in page
    assert not re.search(r"[\d.]+ BTC", page)


def test_who_wants_dollars_only_pays_no_query_for_the_others(portfolio):
    client = Client()
    client.force_login(portfolio.owner)
    client.get(LIST)
    counts = {}
    for unit in ("usd", "btc"):
        prefer(portfolio, base_unit=unit)
        for page in (LIST, portfolio.get_absolute_url()):
            with CaptureQueriesContext(connection) as queries:
                client.get(page)
            counts[unit, page] = len(queries)
    for page in (LIST, portfolio.get_absolute_url()):
        assert counts["btc", page] == counts["usd", page] + 1
    assert counts["usd", LIST] <= 8
