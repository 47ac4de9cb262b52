"""Lost pegs, prices that ended, and the month in figures: to whom it concerns, and once."""

from datetime import timedelta

import pytest

from accounts.models import Notification, OutgoingEmail
from accounts.services import letters, notifications
from analytics.services import news, nights
from portfolios.models import Asset
from portfolios.services import portfolios
from tests.analytics.conftest import quote, rehold, written
from tests.factories import AssetFactory

HALVES = {"BTC": "0.5", "SOL": "0.5"}


def told(portfolio, kind: str) -> list[Notification]:
    rows = Notification.objects.filter(user=portfolio.owner, kind=kind).order_by("pk")
    return notifications.with_words(rows)


@pytest.fixture
def stablecoin(coins, quotes, as_of):
    """A dollar until two days before the night: then below its peg for good."""
    closes = {as_of + timedelta(days=n): 1.0 for n in range(-60, 4)}
    closes |= {as_of + timedelta(days=n): 0.971 for n in range(-1, 4)}
    quote(quotes, "USDQ", closes)
    return AssetFactory(symbol="USDQ", name="Dollar Q", kind=Asset.Kind.STABLECOIN)


@pytest.fixture
def holder(hold, stablecoin):
    return give(hold({"BTC": 1}, {"BTC": "1"}), stablecoin)


def give(portfolio, asset, quantity=10):
    portfolio.holdings.create(asset=asset, quantity=quantity)
    return portfolio


def test_holders_hear_of_a_lost_peg_once_however_long_it_lasts(hold, stablecoin, as_of):
    holder = give(hold({"BTC": 1}, {"BTC": "1"}), stablecoin)
    other = hold({"BTC": 1}, {"BTC": "1"})
    sold = give(hold({"BTC": 1}, {"BTC": "1"}), stablecoin, 0)
    away = give(hold({"BTC": 1}, {"BTC": "1"}), stablecoin)
    portfolios.archive(portfolio=away)
    for day in range(3):
        nights.run_to_end(as_of=as_of + timedelta(days=day))
    [item] = told(holder, "depeg")
    assert item.subject == "USDQ is at 0.9710 USD: 2.9 % below its peg"
    assert "since 29 June 2024" in item.body
    assert item.link == f"/market/assets/{stablecoin.coingecko_id}/"
    assert [told(each, "depeg") for each in (other, sold, away)] == [[], [], []]


@pytest.mark.parametrize(
    ("last_two", "is_told"),
    [
        ((0.98, 0.98), True),
        ((1.02, 1.02), True),
        ((1.0, 0.98), False),  # one reading is none
        ((0.98, 1.0), False),  # it is back
        ((0.991, 0.991), False),  # within one percent
    ],
)
def test_a_peg_is_lost_by_two_readings_more_than_a_percent_away(
    quotes, as_of, holder, last_two, is_told
):
    closes = {as_of + timedelta(days=n): 1.0 for n in range(-60, 1)}
    closes |= dict(zip((as_of - timedelta(days=1), as_of), last_two, strict=True))
    quote(quotes, "USDQ", closes)
    nights.run_to_end(as_of=as_of)
    assert bool(told(holder, "depeg")) is is_told


def test_a_peg_that_is_lost_again_is_told_again(hold, quotes, stablecoin, as_of):
    days = [as_of + timedelta(days=n) for n in range(-60, 4)]
    off = dict.fromkeys(days, 1.0) | dict.fromkeys((*days[59:61], *days[62:64]), 0.9)
    quote(quotes, "USDQ", off)
    holder = give(hold({"BTC": 1}, {"BTC": "1"}), stablecoin)
    for day in range(4):
        nights.run_to_end(as_of=as_of + timedelta(days=day))
    assert len(told(holder, "depeg")) == 2


def test_figures_are_in_the_style_of_each_reader(hold, stablecoin, as_of):
    holder = give(hold({"BTC": 1}, {"BTC": "1"}), stablecoin)
    holder.owner.number_style = "point_comma"
    holder.owner.save()
    nights.run_to_end(as_of=as_of)
    assert told(holder, "depeg")[0].subject == "USDQ is at 0,9710 USD: 2,9 % below its peg"


@pytest.mark.parametrize(("days_old", "is_told"), [(2, False), (3, True), (40, True)])
def test_holders_hear_of_a_price_that_ended(hold, quotes, as_of, days_old, is_told):
    last = as_of - timedelta(days=days_old)
    quote(quotes, "OLD", {last - timedelta(days=1): 99.0, last: 100.0})
    old = AssetFactory(symbol="OLD", name="Old coin")
    holder = give(hold({"BTC": 1}, {"BTC": "1"}), old)
    nights.run_to_end(as_of=as_of)
    items = told(holder, "stale_price")
    assert len(items) == is_told
    if is_told:
        assert items[0].subject == f"The price of OLD is {days_old} days old"
        assert f"since {last:%-d %B %Y} (UTC): 100.00 USD" in items[0].body


def test_a_month_is_summed_up_once_from_its_last_night(hold, as_of):
    mine = hold({"BTC": 9, "SOL": 1}, HALVES, name="Mine")
    hold({"BTC": 2}, {"BTC": "1"}, name="Second", owner=mine.owner)
    first = as_of + timedelta(days=1)
    nights.run_to_end(as_of=as_of - timedelta(days=1))
    assert news.tell_month(today=first) == 0, "its last night is not there yet"
    nights.run_to_end(as_of=as_of)
    assert [news.tell_month(today=first + timedelta(days=n)) for n in (0, 1, 6)] == [1, 0, 0]
    [item] = told(mine, "summary")
    assert item.subject == "June: your portfolios are worth 1,200.00 USD"
    assert "Mine: 1,000.00 USD, " in item.body
    assert " % in 30 days on what it holds now, volatility " in item.body
    assert "out of its bands." in item.body
    assert "Second: 200.00 USD" in item.body
    assert "The market: too little is known" in item.body


def test_all_of_it_is_in_one_letter_the_most_urgent_first(hold, coins, stablecoin, as_of):
    holder = give(hold({"BTC": 9, "SOL": 1}, HALVES, name="Mine"), stablecoin)
    nights.run_to_end(as_of=as_of)
    news.tell_month(today=as_of + timedelta(days=1))
    letters.queue()
    assert OutgoingEmail.objects.get().notifications.count() == 3
    letter = written()
    assert letter.subject == "USDQ is at 0.9710 USD: 2.9 % below its peg, and 2 more"
    order = [letter.text.index(words) for words in ("USDQ is at", "Mine is 4", "June: your")]
    assert order == sorted(order)
    rehold(holder, coins["BTC"], 9)
    nights.run_to_end(as_of=as_of)
    assert Notification.objects.count() == 3, "said once"
