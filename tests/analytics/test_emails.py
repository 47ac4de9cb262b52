"""The drift letter: what it says, to whom, and how it can be stopped."""

from datetime import timedelta

import pytest

from accounts.models import OutgoingEmail
from analytics import emails
from analytics.models import AlertEvent
from analytics.services import nights
from tests.analytics.conftest import quote, rehold
from tests.factories import AssetFactory

HALVES = {"BTC": "0.5", "SOL": "0.5"}


@pytest.fixture
def outgoing(hold, as_of) -> OutgoingEmail:
    hold({"BTC": 9, "SOL": 1}, HALVES, name="Mine & <b>yours</b>", fee_rate="0.002")
    nights.run_to_end(as_of=as_of)
    return OutgoingEmail.objects.get(kind="drift_alert")


def test_it_says_what_breached_what_to_do_and_what_it_costs(outgoing):
    letter = emails.drift_alert(outgoing)
    assert "BTC is at 90.0 % against a target of 50.0 %: +40.0 points" in letter.text
    assert "Its band reaches from 45.0 to 55.0 %" in letter.text
    assert "SOL is at 10.0 % against a target of 50.0 %: −40.0 points" in letter.text
    # Selling x and buying y so that 900 − x = 100 + y, with x − y = 0.002 (x + y) in fees.
    assert "Sell 4.008 BTC for about 400.80 USD" in letter.text
    assert "Buy 3.992 SOL for about 399.20 USD" in letter.text
    assert "Estimated cost: 1.60 USD, for a turnover of 40.0 %" in letter.text
    assert "closing prices of 30 June 2024 (UTC)" in letter.text
    assert "No trades are executed" in letter.text


def test_text_and_html_say_the_same_figures(outgoing):
    letter = emails.drift_alert(outgoing)
    for figure in ("90.0", "50.0", "+40.0", "−40.0", "400.80", "399.20", "1.60", "1,000.00"):
        assert figure in letter.text
        assert figure in letter.html


def test_names_are_text_and_never_markup(outgoing):
    letter = emails.drift_alert(outgoing)
    assert "Mine & <b>yours</b> has drifted" in letter.text
    assert "Mine &amp; &lt;b&gt;yours&lt;/b&gt; has drifted" in letter.html
    assert letter.subject == "Mine & <b>yours</b> has drifted out of its bands"


def test_it_links_to_the_portfolio_and_can_be_stopped_with_one_click(outgoing, settings, client):
    letter = emails.drift_alert(outgoing)
    portfolio = AlertEvent.objects.get().portfolio
    assert f"{settings.SITE_URL}/portfolios/{portfolio.pk}/" in letter.text
    assert letter.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = letter.headers["List-Unsubscribe"].strip(" <>")
    assert url.startswith(settings.SITE_URL)
    response = client.post(url.removeprefix(settings.SITE_URL), {"List-Unsubscribe": "One-Click"})
    assert response.status_code == 200
    assert emails.drift_alert(outgoing) is None


def test_an_edit_after_the_night_does_not_change_what_was_seen(outgoing, coins):
    before = emails.drift_alert(outgoing)
    rehold(AlertEvent.objects.get().portfolio, coins["BTC"], 1)
    assert emails.drift_alert(outgoing) == before


def test_nothing_is_written_about_a_portfolio_that_is_gone(outgoing):
    AlertEvent.objects.get().portfolio.delete()
    assert emails.drift_alert(outgoing) is None


def test_a_stale_price_is_said_to_be_one(hold, quotes, as_of):
    old = AssetFactory(symbol="OLD")
    quote(quotes, "OLD", {as_of - timedelta(days=40): 100.0})
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES)
    portfolio.holdings.create(asset=old, quantity=1)
    nights.run_to_end(as_of=as_of)
    letter = emails.drift_alert(OutgoingEmail.objects.get(kind="drift_alert"))
    assert "The price of OLD is stale" in letter.text
    assert "The price of OLD is stale" in letter.html
