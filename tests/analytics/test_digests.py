"""Letters gathered over a day or a week, for who wants no letter each time."""

from datetime import date, timedelta

import pytest

from accounts.models import OutgoingEmail
from analytics import emails
from analytics.selectors import digests
from analytics.services import nights
from tests.analytics.conftest import rehold

HALVES = {"BTC": "0.5", "SOL": "0.5"}


def prefer(portfolio, preference):
    portfolio.owner.alert_preference = preference
    portfolio.owner.save()


def two_of_one_owner(hold, preference):
    first = hold({"BTC": 9, "SOL": 1}, HALVES, name="Rainy <days>")
    prefer(first, preference)
    return first, hold({"BTC": 8, "SOL": 2}, HALVES, name="Sunny days", owner=first.owner)


@pytest.mark.parametrize(
    ("as_of", "first", "last"),
    [
        (date(2024, 6, 30), date(2024, 6, 24), date(2024, 6, 30)),  # a Sunday
        (date(2024, 7, 1), date(2024, 6, 24), date(2024, 6, 30)),
        (date(2024, 7, 6), date(2024, 6, 24), date(2024, 6, 30)),
        (date(2024, 7, 7), date(2024, 7, 1), date(2024, 7, 7)),
    ],
)
def test_a_week_is_the_last_complete_one_from_monday_to_sunday(as_of, first, last):
    assert digests.days("weekly", as_of=as_of) == digests.Days(first, last)


def test_a_daily_digest_is_one_letter_about_all_that_left_their_bands_that_night(hold, as_of):
    two_of_one_owner(hold, "daily")
    run = nights.run_to_end(as_of=as_of)
    assert (run.in_breach, run.emails_queued) == (2, 1)
    letter = emails.digest(OutgoingEmail.objects.get())
    assert letter.subject == "2 portfolios have drifted out of balance"
    assert "On 30 June 2024 these portfolios left their bands" in letter.text
    assert "Rainy <days>: up to 40.0 points from target, with a band of ± 5.0." in letter.text
    assert "Sunny days: up to 30.0 points" in letter.text
    assert "Rainy &lt;days&gt;" in letter.html
    assert "No trades are executed" in letter.text
    assert letter.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_portfolio_that_stays_out_is_in_one_digest_only(hold, coins, as_of):
    two_of_one_owner(hold, "daily")
    for day in range(3):
        nights.run_to_end(as_of=as_of + timedelta(days=day))
    assert OutgoingEmail.objects.count() == 1


def test_a_weekly_digest_leaves_once_with_the_first_night_after_its_week(hold, coins, as_of):
    portfolio = hold({"BTC": 1, "SOL": 1}, HALVES)
    prefer(portfolio, "weekly")
    nights.run_to_end(as_of=as_of - timedelta(days=2))
    rehold(portfolio, coins["BTC"], 9)
    nights.run_to_end(as_of=as_of - timedelta(days=1))  # a Saturday
    assert not OutgoingEmail.objects.exists()
    for day in (1, 2):  # the night of Sunday never came
        nights.run_to_end(as_of=as_of + timedelta(days=day))
    letter = emails.digest(OutgoingEmail.objects.get(kind="weekly_digest"))
    assert letter.subject == "One portfolio has drifted out of balance"
    assert "From 24 June to 30 June 2024" in letter.text


def test_who_stops_letters_meanwhile_gets_no_digest(hold, as_of):
    portfolio, _ = two_of_one_owner(hold, "daily")
    nights.run_to_end(as_of=as_of)
    prefer(portfolio, "none")
    assert emails.digest(OutgoingEmail.objects.get()) is None


def test_a_night_without_a_breach_sends_no_digest(hold, as_of):
    prefer(hold({"BTC": 1, "SOL": 1}, HALVES), "daily")
    assert nights.run_to_end(as_of=as_of).emails_queued == 0
