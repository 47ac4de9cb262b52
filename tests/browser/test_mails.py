"""Every mail there is, on a phone and in a reader's pane, in the light and in the dark."""

from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page

from accounts.models import Kind
from accounts.services import letters, mail_previews
from analytics.services import news, nights
from portfolios.models import Portfolio
from tests.analytics.conftest import AS_OF
from tests.browser import pages
from tests.factories import notification

pytestmark = pytest.mark.django_db(transaction=True)
WIDTHS = (360, 700)
# As long as a name may be, of words that are long themselves, and one that cannot be broken.
LONG = "Altersvorsorgedepot für Großtante Wilhelmina-Charlotte und ihre Enkelkinder 2040"
UNBROKEN = "W" * 80


@pytest.fixture(autouse=True)
def width() -> None:
    """The test goes through widths of its own."""


@pytest.fixture
def drifted(hold: Any, coins: Any) -> Portfolio:
    """Of much and of little, in positions with long figures."""
    portfolio: Portfolio = hold(
        {"BTC": "123456789.12345678", "SOL": "0.00000123", "UNI": "98765432.1", "USD": 50},
        {"BTC": "0.105", "SOL": "0.445", "UNI": "0.35", "USD": "0.1"},
        name=LONG,
    )
    hold({"BTC": 5, "SOL": 5}, {"BTC": "0.5", "SOL": "0.5"}, name="A", owner=portfolio.owner)
    hold({"BTC": 9, "SOL": 1}, {"BTC": "0.5", "SOL": "0.5"}, name=UNBROKEN, owner=portfolio.owner)
    nights.run_to_end(as_of=AS_OF)
    return portfolio


def tell_all(portfolio: Portfolio) -> None:
    """News of every kind, in the words that people get."""
    user = portfolio.owner
    notification(
        user, key="depeg", kind=Kind.DEPEG, link="/market/assets/tether/",
        subject="USDT is at 0.9712 USD: 2.9 % below its peg",
        body="You hold Tether, which should be worth one dollar. Its closes have been more than "
        "2.0 % away from it since 28 June 2024; the last, of 30 June 2024 (UTC), was 0.9712 USD. "
        "What it is worth in your portfolios follows these closes.",
    )  # fmt: skip
    notification(
        user, key="stale", kind=Kind.STALE_PRICE, link="/market/assets/luna/",
        subject="The price of LUNA is 12 days old",
        body="You hold Terra, and no close has come since 18 June 2024 (UTC): 0.00001234 USD. "
        "Until one comes your portfolios are calculated with that price, and say that it is stale.",
    )  # fmt: skip
    notification(
        user, key="review", kind=Kind.REVIEW, subject="Your review of the second quarter is due",
        body=f"{LONG}: the last was on 31 March 2024.", link=portfolio.get_absolute_url(),
    )  # fmt: skip
    notification(
        user, key="general", kind=Kind.GENERAL, link="/account/webhooks/1/",
        subject="Your webhook to hooks.a-rather-long-name-of-a-host.example.org is switched off",
        body="Nothing has arrived there for 3 days. Nothing is sent to it until you resume it.",
    )  # fmt: skip
    news.tell_month(today=AS_OF + timedelta(days=1))


def test_every_mail_is_read_with_ease(page: Page, drifted: Portfolio) -> None:
    tell_all(drifted)
    names = mail_previews.names()
    mails = {name: mail_previews.render(name, user=drifted.owner).message for name in names}
    about_much = letters.compose(
        user=drifted.owner,
        items=drifted.owner.notifications.filter(reference=drifted.alerts.get().pk),
        browser_url="https://evenkeel.example.org/account/letters/example/",
    )
    assert about_much is not None
    faults = []
    for name, mail in (mails | {"about much": about_much}).items():
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 740})
            page.set_content(mail.html)
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                faults.append(f"{name} is wider than {width} px")
        faults += [f"{name}: {fault}" for fault in pages.faults(page)]
    assert not faults, "\n".join(faults)
