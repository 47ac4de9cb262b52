"""The letter about drift: what it says, to whom, and how it can be stopped."""

from datetime import timedelta

import pytest

from accounts.models import Notification, OutgoingEmail
from accounts.services import letters
from analytics.models import AlertEvent
from analytics.services import nights
from portfolios.services import portfolios
from tests.accounts.conftest import mail_server  # noqa: F401
from tests.analytics.conftest import quote, rehold, written
from tests.factories import AssetFactory, UserFactory

HALVES = {"BTC": "0.5", "SOL": "0.5"}


@pytest.fixture
def outgoing(hold, as_of) -> OutgoingEmail:
    hold({"BTC": 9, "SOL": 1}, HALVES, name="Mine & <b>yours</b>", fee_rate="0.002")
    nights.run_to_end(as_of=as_of)
    return OutgoingEmail.objects.get(kind="letter")


def test_it_says_what_breached_what_to_do_and_what_it_costs(outgoing):
    letter = letters.write(outgoing)
    assert "BTC is at 90.0 % against a target of 50.0 %: +40.0 points" in letter.text
    assert "Its band reaches from 45.0 to 55.0 %" in letter.text
    assert "SOL is at 10.0 % against a target of 50.0 %: −40.0 points" in letter.text
    # Selling x and buying y so that 900 − x = 100 + y, with x − y = 0.002 (x + y) in fees.
    assert "Sell 4.008 BTC for about 400.80 USD" in letter.text
    assert "Buy 3.992 SOL for about 399.20 USD" in letter.text
    assert "Estimated cost: 1.60 USD, for a turnover of 40.0 %" in letter.text
    assert "closing prices of 30 June 2024 (UTC)" in letter.text
    assert "No trades are executed" in letter.text


def test_it_asks_little_of_the_database(outgoing, django_assert_max_num_queries):
    outgoing = OutgoingEmail.objects.get()
    with django_assert_max_num_queries(15):  # a transaction's beginning and end among them
        letters.write(outgoing)


def test_text_and_html_say_the_same_figures(outgoing):
    letter = letters.write(outgoing)
    for figure in ("90.0", "50.0", "+40.0", "−40.0", "400.80", "399.20", "1.60", "1,000.00"):
        assert figure in letter.text
        assert figure in letter.html


def test_names_are_text_and_never_markup(outgoing):
    letter = letters.write(outgoing)
    said = "Mine & <b>yours</b> is 40.0 pp off: BTC 90 % of a 50 % target"
    assert letter.subject == said
    assert letter.text.startswith(said)
    assert "Mine &amp; &lt;b&gt;yours&lt;/b&gt; is 40.0 pp off" in letter.html


def test_it_links_to_the_portfolio_and_can_be_stopped_with_one_click(outgoing, settings, client):
    letter = letters.write(outgoing)
    portfolio = AlertEvent.objects.get().portfolio
    assert f"{settings.SITE_URL}/portfolios/{portfolio.pk}/" in letter.text
    assert letter.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = letter.headers["List-Unsubscribe"].strip(" <>")
    assert url.startswith(settings.SITE_URL)
    response = client.post(url.removeprefix(settings.SITE_URL), {"List-Unsubscribe": "One-Click"})
    assert response.status_code == 200
    assert written() is None


def test_an_edit_after_the_night_does_not_change_what_was_seen(outgoing, coins):
    before = letters.write(outgoing)
    rehold(AlertEvent.objects.get().portfolio, coins["BTC"], 1)
    assert letters.write(outgoing) == before


def test_nothing_is_written_about_a_portfolio_that_is_gone(outgoing):
    AlertEvent.objects.get().portfolio.delete()
    assert letters.write(outgoing) is None


def test_a_stale_price_is_said_to_be_one(hold, quotes, as_of):
    old = AssetFactory(symbol="OLD")
    quote(quotes, "OLD", {as_of - timedelta(days=2): 100.0})
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES)
    portfolio.holdings.create(asset=old, quantity=1)
    nights.run_to_end(as_of=as_of)
    letter = written()
    assert "The price of OLD is stale" in letter.text
    assert "The price of OLD is stale" in letter.html


# --- One letter about several things --------------------------------------------------------------


@pytest.fixture
def owner(hold):
    owner = UserFactory()
    for name, bitcoin in (("Rainy <days>", 9), ("Sunny days", 8)):
        hold({"BTC": bitcoin, "SOL": 10 - bitcoin}, HALVES, name=name, owner=owner)
    return owner


def test_who_has_many_portfolios_gets_one_letter_about_all_of_them(owner, as_of):
    run = nights.run_to_end(as_of=as_of)
    assert (run.in_breach, run.emails_queued) == (2, 1)
    letter = written()
    assert letter.subject == "Rainy <days> is 40.0 pp off: BTC 90 % of a 50 % target, and 1 more"
    assert "Sunny days is 30.0 pp off: BTC 80 % of a 50 % target" in letter.text
    assert (
        "BTC is at 80 % against a target of 50 %; its band reaches from 45 to 55 %." in letter.text
    )
    assert "1 more is outside, too." in letter.text
    assert "Rainy &lt;days&gt;" in letter.html
    assert "No trades are executed" in letter.text


def test_a_portfolio_that_is_put_away_is_left_out_of_it(owner, as_of):
    nights.run_to_end(as_of=as_of)
    portfolios.archive(portfolio=owner.portfolios.get(name="Sunny days"))
    letter = written()
    assert "Sunny days" not in letter.text
    assert "Sell" in letter.text, "there is room for its detail again"


def test_very_many_are_shown_in_part(hold, as_of, monkeypatch):
    monkeypatch.setattr(letters, "MOST_SECTIONS", 2)
    owner = UserFactory()
    for _ in range(5):
        hold({"BTC": 9, "SOL": 1}, HALVES, owner=owner)
    nights.run_to_end(as_of=as_of)
    letter = written()
    assert letter.subject.endswith(", and 4 more")
    assert "And 3 more: " in letter.text
    assert letter.text.count("is 40.0 pp off") == 2


def test_the_same_items_stand_on_the_page_and_in_the_letter(owner, as_of, client):
    nights.run_to_end(as_of=as_of)
    client.force_login(owner)
    page = client.get("/account/notifications/").text
    text = written().text
    for item in Notification.objects.filter(user=owner):
        assert item.body in text
        assert item.subject in text
    assert page.count("its band reaches from 45 to 55 %") == 2


def test_being_back_in_balance_is_told_to_whom_the_drift_was_told(hold, coins, as_of):
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES, name="Mine")
    silent = hold({"BTC": 56, "SOL": 44}, HALVES, fee_rate="0.01")  # never worth its cost
    nights.run_to_end(as_of=as_of)
    for each, balanced in ((portfolio, 1), (silent, 44)):
        rehold(each, coins["BTC"], balanced)
    for day in (1, 2, 3):
        nights.run_to_end(as_of=as_of + timedelta(days=day))
    assert not Notification.objects.filter(user=silent.owner).exists()
    told = Notification.objects.filter(user=portfolio.owner).order_by("pk")
    assert [item.kind for item in told] == ["drift", "balance"]
    letter = written(user=portfolio.owner)
    assert "Mine is back in balance" in letter.text
    assert "Nothing is further from its target than 0.0 pp" in letter.text


def test_a_portfolio_that_swings_is_written_about_every_third_day_at_most(hold, coins, as_of):
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES)
    nights.run_to_end(as_of=as_of)
    alert = AlertEvent.objects.get()
    alert.episode.closed_on = as_of  # it swung back at once
    alert.episode.save()
    for day in (1, 2):
        nights.run_to_end(as_of=as_of + timedelta(days=day))
        assert AlertEvent.objects.filter(portfolio=portfolio, kind="drift").count() == 1
    nights.run_to_end(as_of=as_of + timedelta(days=3))
    assert AlertEvent.objects.filter(portfolio=portfolio, kind="drift").count() == 2
