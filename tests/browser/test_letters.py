"""A letter read in a browser, and what its links do without a login."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import OutgoingEmail
from accounts.services import letters, outbox
from analytics.services import suggestions
from portfolios.models import Portfolio
from tests.browser.pages import check

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_suggestion_is_snoozed_from_its_letter(
    page: Page, live_server: Any, portfolio: Portfolio, settings: Any, console: list[str]
) -> None:
    settings.SITE_URL = live_server.url
    outbox.send_due()
    page.goto(letters.browser_url(OutgoingEmail.objects.get(kind=letters.KIND)))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Rainy days")
    check(page)

    page.get_by_role("link", name="Snooze for 7 days").click()
    expect(page.get_by_role("heading", name="Snooze for 7 days?")).to_be_visible()
    check(page)
    life = suggestions.current(portfolio)
    assert life is not None
    assert life.state == "open", "a link alone changes nothing"

    page.get_by_role("button", name="Snooze for 7 days").click()
    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    check(page)
    life.refresh_from_db()
    assert life.state == "snoozed"
    assert console == []
