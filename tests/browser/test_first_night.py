"""From a stranger to a letter about drift, with nothing pretended.

Real Chromium, PostgreSQL, Valkey, a Celery worker and an SMTP server, all on this machine.
"""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from analytics import tasks
from analytics.models import NightlyRun
from analytics.services import nights
from portfolios.services import price_imports
from tests.browser.pages import REFUSED, check

EMAIL = "ada@example.org"
PASSWORD = "a-steady-hand-on-the-tiller"
AS_OF = datetime.now(UTC).date() - timedelta(days=2)


@pytest.mark.django_db(transaction=True)
def test_sign_up_build_a_portfolio_and_be_written_to_when_it_drifts(
    site, page: Page, postbox, console
):
    price_imports.refresh(as_of=AS_OF)

    page.goto(f"{site}/account/signup/")
    check(page)
    page.get_by_label("E-mail address").fill(EMAIL)
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    letter = postbox.wait_for("Confirm your e-mail")
    page.goto(link_in(letter, containing="confirm-email"))
    check(page)
    page.locator("main form button[type=submit]").click()
    expect(page.get_by_text("Your e-mail address is confirmed.")).to_be_visible()
    log_in(page, site)
    check(page)

    page.goto(f"{site}/portfolios/new/")
    check(page)
    page.get_by_label("Name").fill("Rainy days")
    page.get_by_text("Moderate", exact=True).click()
    page.get_by_label("Amount").fill("25000")
    page.get_by_role("button", name="Open the portfolio").click()
    expect(page.get_by_role("heading", name="Rainy days")).to_be_visible()
    overview = page.url

    page.goto(f"{overview}targets/")
    target(page, "BTC").fill("50")
    expect(page.get_by_text("Together 115 %")).to_be_visible()
    page.get_by_role("button", name="Save targets").click()
    expect(page.get_by_text("Take 15.00 % away")).to_be_visible()
    check(page)
    target(page, "ETH").fill("5")
    expect(page.get_by_text("Together 100 %")).to_be_visible()
    page.get_by_role("button", name="Save targets").click()
    page.wait_for_url(overview)

    page.goto(f"{overview}rules/")
    check(page)
    page.get_by_label("A rebalance must pay within").fill("3650")
    page.get_by_role("button", name="Save").first.click()
    page.wait_for_url(lambda url: "rules" not in url)

    run = nights.ensure(as_of=AS_OF)
    tasks.advance_night.delay(run.pk)
    letter = postbox.wait_for("Rainy days is 15.0 pp off: ")
    run.refresh_from_db()
    assert run.state == NightlyRun.State.PUBLISHED
    assert (run.in_breach, run.emails_queued) == (1, 1)

    page.goto(overview)
    expect(page.get_by_text("Out of its bands")).to_be_visible()
    check(page)
    text = letter.get_body(("plain",)).get_content()
    assert "BTC is at 35.0 % against a target of 50.0 %: −15.0 points" in text
    assert "No trades are executed" in text
    assert letter["To"] == EMAIL
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    page.goto(link_in(letter, containing="/portfolios/"))
    expect(page.get_by_role("heading", name="Rainy days")).to_be_visible()

    # An edit is calculated again by the worker, and its chart drawn without a reload.
    page.goto(f"{overview}targets/")
    target(page, "BTC").fill("35")
    target(page, "ETH").fill("20")
    page.get_by_role("button", name="Save targets").click()
    page.wait_for_url(overview)
    expect(page.get_by_text("In balance", exact=True)).to_be_visible(timeout=30_000)
    expect(page.locator("[data-chart=weights] canvas")).to_be_visible()

    check(page)
    assert [error for error in console if REFUSED not in error] == []


def log_in(page: Page, site: str) -> None:
    page.goto(f"{site}/account/login/")
    if "/login" not in page.url:
        return
    page.locator("input[type=email]").fill(EMAIL)
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_url(re.compile(r"/portfolios/$"))


def target(page: Page, symbol: str):
    return page.get_by_role("row").filter(has_text=symbol).get_by_role("textbox")


def link_in(letter, *, containing: str) -> str:
    links = re.findall(r"https?://\S+", letter.get_body(("plain",)).get_content())
    return next(link for link in links if containing in link)
