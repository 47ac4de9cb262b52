"""Second steps, sessions, taking one's data along and leaving, in a real browser."""

import json
import re
import time
import zipfile
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import hotp_value
from playwright.sync_api import Browser, Page, expect

from accounts.models import OutgoingEmail, User
from tests.browser.pages import REFUSED, add_virtual_authenticator, check, follow, press
from tests.factories import PASSWORD, PortfolioFactory, UserFactory

EMAIL = "ada@example.org"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user() -> User:
    user = UserFactory(email=EMAIL)
    user.emailaddress_set.create(email=EMAIL, verified=True, primary=True)
    return user


@pytest.fixture
def address(live_server: Any, settings: Any) -> str:
    settings.SITE_URL = live_server.url
    return str(live_server.url)


def code_now(secret: str) -> str:
    """What the app shows; just before it changes, the next one."""
    if (left := 30 - time.time() % 30) < 4:
        time.sleep(left)
    return f"{hotp_value(secret, int(time.time()) // 30):06}"


def log_in(page: Page, address: str) -> None:
    page.goto(f"{address}/account/login/")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    press(page, "Log in")


def log_out(page: Page, address: str) -> None:
    page.goto(f"{address}/account/logout/")
    press(page, "Log out")
    page.wait_for_url("**/account/login/")


def confirm(page: Page) -> None:
    expect(page.get_by_role("heading", name="Confirm it is you")).to_be_visible()
    check(page)
    page.locator("input[type=password]").fill(PASSWORD)
    press(page, "Confirm")


def test_an_app_is_set_up_and_its_codes_and_recovery_codes_let_in(
    page: Page, address: str, user: User, console: list[str]
) -> None:
    log_in(page, address)
    page.goto(f"{address}/account/settings/")
    check(page)
    follow(page, "Second step")
    check(page)
    follow(page, "Set up an app")
    confirm(page)
    check(page)
    picture = page.locator("img.totp-qr")
    assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
    secret = page.locator("#authenticator_secret").inner_text()
    page.get_by_label("Code").fill(code_now(secret))
    press(page, "Turn on")
    codes = page.locator("#recovery_codes code")
    expect(codes).to_have_count(10)
    recovery_code = codes.first.inner_text()
    check(page)

    log_out(page, address)
    log_in(page, address)
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    check(page)
    page.get_by_label("Code").fill("000000")
    press(page, "Log in")
    expect(page.get_by_text("This did not fit.")).to_be_visible()
    page.get_by_label("Code").fill(code_now(secret))
    press(page, "Log in")
    page.wait_for_url(re.compile(r"/portfolios/$"))

    log_out(page, address)
    log_in(page, address)
    page.get_by_label("Code").fill(recovery_code)
    press(page, "Log in")
    page.wait_for_url(re.compile(r"/portfolios/$"))
    assert console == []


def test_a_passkey_is_added_and_lets_in_without_a_password(
    page: Page, address: str, user: User, console: list[str]
) -> None:
    add_virtual_authenticator(page)
    log_in(page, address)
    page.goto(f"{address}/account/second-step/")
    follow(page, "Add a key")
    confirm(page)
    check(page)
    page.get_by_label("Name of the key").fill("Ada's phone")
    page.get_by_label("Let this key log me in alone").check()
    press(page, "Add the key")
    expect(page.locator("#recovery_codes code")).to_have_count(10)
    assert OutgoingEmail.objects.get().subject == "A key was added"
    page.goto(f"{address}/account/second-step/webauthn/")
    expect(page.get_by_role("row", name="Ada's phone")).to_contain_text("Passkey")
    check(page)

    log_out(page, address)
    press(page, "Log in with a passkey")
    page.wait_for_url(re.compile(r"/portfolios/$"))

    log_out(page, address)
    log_in(page, address)
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    press(page, "Use a passkey or security key")
    page.wait_for_url(re.compile(r"/portfolios/$"))
    assert console == []


def test_a_key_that_does_not_answer_is_told_in_words(
    page: Page, address: str, user: User, console: list[str]
) -> None:
    add_virtual_authenticator(page)  # which holds no key of this site
    page.goto(f"{address}/account/login/")
    check(page)
    press(page, "Log in with a passkey")
    expect(page.get_by_text("The browser got no answer from a key.")).to_be_visible()
    assert console == []


def test_the_other_sessions_are_ended(
    page: Page, browser: Browser, address: str, user: User, console: list[str]
) -> None:
    log_in(page, address)
    page.wait_for_url(re.compile(r"/portfolios/$"))
    elsewhere = browser.new_page()
    log_in(elsewhere, address)
    elsewhere.wait_for_url(re.compile(r"/portfolios/$"))

    page.goto(f"{address}/account/sessions/")
    check(page)
    expect(page.get_by_text("This one")).to_have_count(1)
    press(page, "End all others")
    expect(page.get_by_text("All other sessions are ended.")).to_be_visible()
    expect(page.get_by_text("No other session is open.")).to_be_visible()
    elsewhere.reload()
    assert "/account/login/" in elsewhere.url
    elsewhere.close()
    assert console == []


def test_data_are_taken_along_and_the_account_is_deleted(
    page: Page, address: str, user: User, console: list[str], tmp_path: Any
) -> None:
    PortfolioFactory(owner=user, name="Rainy days")
    log_in(page, address)
    page.goto(f"{address}/account/settings/")
    follow(page, "Download")
    confirm(page)
    check(page)
    with page.expect_download() as download:
        press(page, "Download")
    download.value.save_as(tmp_path / "account.zip")
    with zipfile.ZipFile(tmp_path / "account.zip") as archive:
        assert json.loads(archive.read("portfolios.json"))[0]["name"] == "Rainy days"

    page.goto(f"{address}/account/settings/")
    follow(page, "Delete your account")
    check(page)
    page.get_by_label("Type your e-mail address").fill("somebody@example.org")
    press(page, "Delete the account")
    expect(page.get_by_text("This is not it.")).to_be_visible()
    page.get_by_label("Type your e-mail address").fill(EMAIL)
    press(page, "Delete the account")
    expect(page.get_by_text("Your account is deleted")).to_be_visible()
    assert not User.objects.exists()
    assert [error for error in console if REFUSED not in error] == []
