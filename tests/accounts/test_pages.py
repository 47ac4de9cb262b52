"""Every account page has the strict CSP, and nothing in it that the policy would block."""

from html.parser import HTMLParser
from typing import Any

import pytest
from allauth.account import urls as account_urls
from allauth.account.models import EmailConfirmationHMAC
from allauth.mfa.base import urls as mfa_urls
from django.contrib.auth.tokens import default_token_generator
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from accounts import urls as own_urls
from accounts.services import unsubscribe, webhooks
from tests.factories import UserFactory, staff

pytestmark = pytest.mark.django_db

NAMES = sorted(
    {str(pattern.name) for urls in (account_urls, mfa_urls) for pattern in urls.urlpatterns}
    | {f"accounts:{pattern.name}" for pattern in own_urls.urlpatterns}
    # These take a POST and show nothing.
    - {
        f"accounts:{name}"
        for name in (
            "theme",
            "write-again",
            "notification",
            "notifications-read",
            "token-revoke",
            "webhook-test",
            "webhook-pause",
            "webhook-resume",
            "webhook-delete",
        )
    }
    # Somebody else's is not found: below.
    - {"accounts:webhook"}
    # Asked for in tests of their own; what a letter needs is another policy, as strict.
    - {"accounts:letter", "accounts:action"}
)


class InlineCode(HTMLParser):
    """Collects what a policy without unsafe-inline blocks, and addresses outside the site."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        # A block of JSON is no script: no policy stops it, and no browser runs it.
        code = tag == "script" and named.get("type") != "application/json"
        if tag == "style" or (code and not named.get("src")):
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            if name == "style" or name.startswith(("on", "hx-on")):
                self.found.append(f"<{tag} {name}>")
            if name in ("src", "href") and (value or "").startswith(("http", "//", "javascript")):
                self.found.append(f"<{tag} {name}={value}>")


def inline_code(response: Any) -> list[str]:
    parser = InlineCode()
    parser.feed(response.content.decode())
    return parser.found


@pytest.fixture(params=["visitor", "user"])
def anybody(request: pytest.FixtureRequest) -> Client:
    browser = Client(raise_request_exception=False)
    if request.param == "user":
        user = UserFactory()
        user.emailaddress_set.create(email=user.email, verified=True, primary=True)
        user.emailaddress_set.create(email=f"second-{user.email}")
        browser.force_login(user)
    return browser


def address(name: str) -> str:
    user = UserFactory()
    unconfirmed = user.emailaddress_set.create(email=user.email, primary=True)
    arguments = {
        "account_confirm_email": [EmailConfirmationHMAC(unconfirmed).key],
        "account_reset_password_from_key": ["1", default_token_generator.make_token(user)],
        "accounts:unsubscribe": [unsubscribe.url(user).rstrip("/").rpartition("/")[2]],
    }
    return reverse(name, args=arguments.get(name, []))


@pytest.mark.parametrize("name", NAMES)
def test_every_account_page_obeys_the_strict_policy(name: str, anybody: Client) -> None:
    response = anybody.get(address(name), follow=True)

    assert response.status_code == 200
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert inline_code(response) == []
    assert "Simulated market data" in response.content.decode()


def test_the_page_of_a_webhook_obeys_it_too(client: Client) -> None:
    user = UserFactory()
    made, _ = webhooks.create(user=user, url="https://example.org/hook", kinds=["drift"])
    client.force_login(user)
    response = client.get(reverse("accounts:webhook", args=[made.pk]))
    assert response.status_code == 200
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert inline_code(response) == []


def test_forms_with_errors_obey_it_too(client: Client) -> None:
    for name in ("account_login", "account_signup", "account_reset_password"):
        assert inline_code(client.post(reverse(name), {})) == []


@pytest.mark.parametrize("template", ["400", "403", "403_csrf", "404", "500"])
def test_error_pages_need_no_context(template: str) -> None:
    assert "<h1" in render_to_string(f"{template}.html")


def test_a_page_that_is_not_there_says_so_in_our_look(client: Client) -> None:
    response = client.get("/account/no-such-page/")
    assert response.status_code == 404
    assert "Nothing is here" in response.content.decode()
    assert inline_code(response) == []


def test_every_page_offers_a_way_past_the_menu(client: Client) -> None:
    client.force_login(UserFactory())
    page = client.get("/account/settings/").content.decode()
    assert 'href="#main"' in page
    assert page.index('href="#main"') < page.index("<header") < page.index('id="main"')


def test_pages_of_real_markets_do_not_call_them_simulated(client: Client, settings: Any) -> None:
    settings.MARKET_DATA_DIR = "/somewhere"
    assert "Simulated" not in client.get("/account/login/").content.decode()


def test_the_page_of_an_error_of_ours_says_where_prices_come_from(
    client: Client, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("accounts.services.unsubscribe.find", broken)
    client.raise_request_exception = False
    address = reverse("accounts:unsubscribe", args=["token"])
    assert "Simulated market data" in (answer := client.get(address)).text
    assert answer.status_code == 500
    settings.MARKET_DATA_DIR = "/somewhere"
    assert "Simulated market data" not in client.get(address).text


def test_a_pop_up_of_the_admin_site_says_it_too(client: Client) -> None:
    client.force_login(staff())
    page = client.get(reverse("admin:portfolios_asset_add"), {"_popup": "1"})
    assert "Simulated market data" in page.text
