"""From trying without an account to having one, in a real browser."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from analytics.services import nights
from tests.browser.conftest import Postbox
from tests.browser.pages import check, follow, press
from tests.browser.test_first_night import link_in

EMAIL = "ada@example.org"
PASSWORD = "a-steady-hand-on-the-tiller"
AS_OF = datetime.now(UTC).date() - timedelta(days=2)


@pytest.mark.django_db(transaction=True)
def test_a_sandbox_becomes_the_account_of_who_signs_up(
    site: str, page: Page, postbox: Postbox, console: list[str]
) -> None:
    nights.run_to_end(as_of=AS_OF)

    page.goto(f"{site}/account/login/")
    check(page)
    press(page, "Try it without signing up")
    expect(page.get_by_text("What it is worth")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("heading", name=re.compile("^Moderate since"))).to_be_visible()
    expect(page.get_by_text("Out of its bands")).to_be_visible()
    check(page)
    example = page.url

    page.goto(f"{example}holdings/")
    page.get_by_role("link", name="Change BTC").click()
    page.get_by_label("Quantity of BTC").fill("3.25")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name=re.compile("BTC"))).to_contain_text("3.25")
    page.goto(f"{site}/account/second-step/")
    expect(page.get_by_role("heading", name="Sign up first")).to_be_visible()
    check(page)

    follow(page, "Sign up")
    expect(page.get_by_text("Your sandbox comes along.")).to_be_visible()
    check(page)
    page.get_by_label("E-mail address").fill(EMAIL)
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    press(page, "Sign up")
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    check(page)
    follow(page, "Back to the sandbox")
    expect(page.get_by_text("Open the link in the e-mail we sent you")).to_be_visible()

    letter = postbox.wait_for("Confirm your e-mail")
    page.goto(link_in(letter, containing="confirm-email"))
    press(page, "Yes, confirm it")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.locator("input[type=password]").fill(PASSWORD)
    press(page, "Log in")
    expect(page.get_by_text("Your sandbox came along")).to_be_visible()
    page.get_by_role("link", name=re.compile("^Moderate since")).click()
    assert page.url == example
    expect(page.get_by_text("What it is worth")).to_be_visible(timeout=30_000)
    expect(page.locator(".sandbox-notice")).to_have_count(0)
    page.goto(f"{example}holdings/")
    expect(page.get_by_role("row", name=re.compile("BTC"))).to_contain_text("3.25")
    assert User.objects.get().email == EMAIL
    refused = "the server responded with a status of 403"  # the page about second steps
    assert [error for error in console if refused not in error] == []
