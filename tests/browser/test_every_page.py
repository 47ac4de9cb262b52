"""Every page of the site, from its table of addresses: axe finds nothing in any size or theme.

A new address is walked without a word here. One that opens for nobody who walks must be named
below, so no page can be forgotten.
"""

from collections.abc import Iterable

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib import admin
from django.contrib.auth.models import Group
from django.template.loader import render_to_string
from django.urls import reverse
from playwright.sync_api import Page, Route, expect

from accounts.models import BlockedAddress, OutgoingEmail, User, WebhookDelivery
from accounts.services import unsubscribe, webhooks
from portfolios.models import (
    MarketEvent,
    MarketSignal,
    Portfolio,
    QuarantinedPrice,
    QuarantinedSignal,
    TokenMigration,
)
from portfolios.services import catalogue, portfolios
from tests.analytics.conftest import AS_OF
from tests.browser.pages import add_virtual_authenticator, faults, press, sign_in
from tests.factories import PASSWORD, PortfolioFactory, notification, own_asset, staff, webhook
from tests.test_urls import ADMIN, TABLE, concrete, previewed, reviews_of

pytestmark = pytest.mark.django_db(transaction=True)

NEVER_OPENS = {
    "home",  # leads to the list
    "analytics:wizard",  # leads to its first open step; test_wizard.py walks them all
    "analytics:recompute",  # leads to the portfolio
    "account_confirm_login_code",  # logging in with a mailed code is not offered
    "mfa_login_webauthn",  # asked by a script
    "metrics",  # needs a token
    "accounts:action",  # as do these, which test_letters.py opens
    "accounts:letter",
}
# What machinery writes, nobody adds or removes by hand.
REFUSED_TO_ALL = ("_add", "_delete")


@pytest.fixture
def portfolio(portfolio: Portfolio) -> Portfolio:
    """The same, of somebody with some of everything."""
    catalogue.load()
    owner = portfolio.owner
    EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
    notification(owner)
    portfolios.archive(portfolio=PortfolioFactory(owner=owner, name="Put away"))
    portfolios.delete(portfolio=PortfolioFactory(owner=owner, name="Thrown away"))
    return portfolio


@pytest.fixture
def arguments(portfolio) -> dict[str, object]:
    """What the table's arguments stand for here."""
    return {
        "portfolio": portfolio.pk,
        "holding": portfolio.holdings.first().pk,
        "transaction": portfolio.transactions.first().pk,
        "import": previewed(portfolio).pk,
        "year": 2025,
        "webhook": told_twice(portfolio.owner),
        "token": unsubscribe.url(portfolio.owner).rstrip("/").rpartition("/")[2],
        "key": "unknown",
        "step": "questions",
        "model": "conservative",
        "own_asset": own_asset(owner=portfolio.owner, prices={AS_OF: 250}, name="A painting").pk,
        "uid": "1",
        **reviews_of(portfolio),
        "listed": "bitcoin",
        "other_listed": "solana",
    }


def told_twice(owner: User) -> int:
    """A webhook with a long address, to which one delivery failed and a test is on its way."""
    made = webhook(owner, "https://hooks.example.org/" + "a-long-way-down/" * 12)
    webhooks.test(webhook=made)
    item = notification(owner, key="drift:told")
    WebhookDelivery.objects.create(
        webhook=made, notification=item, attempt=3, last_status=503, last_error="It answered 503."
    )
    return made.pk


class Walk:
    """Opens addresses one after the other, and keeps what opened and what is wrong with it."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.opened: set[str] = set()
        self.faults: list[str] = []

    def open(self, name: str, path: str) -> None:
        """Asked first without drawing: it may lead elsewhere, or be a file or a fragment."""
        answer = self.page.request.get(self.address + path, max_redirects=0)
        assert answer.status < 500, path
        if answer.status == 200 or (answer.status == 403 and name.endswith(REFUSED_TO_ALL)):
            self.opened.add(name)
        if answer.status == 200 and answer.text().lstrip().startswith("<!DOCTYPE html>"):
            self.look_at(path)

    def look_at(self, path: str) -> None:
        self.page.goto(self.address + path)
        self.faults += faults(self.page)


def add_key(page: Page, address: str, user: User) -> int:
    """Give the user a key, with recovery codes, as they would; its id."""
    add_virtual_authenticator(page)
    page.goto(address + reverse("mfa_add_webauthn"))
    page.locator("input[type=password]").fill(PASSWORD)
    press(page, "Confirm")
    page.get_by_label("Name of the key").fill("Ada's phone")
    press(page, "Add the key")
    expect(page.locator("#recovery_codes code")).to_have_count(10)
    return user.authenticator_set.get(type=Authenticator.Type.WEBAUTHN).pk


def test_every_page_for_people_is_accessible_and_fits(
    page: Page, live_server, portfolio, arguments, console
) -> None:
    walk, owner = Walk(page, live_server.url), portfolio.owner

    def walk_the_rest() -> None:
        for name, url in TABLE.items():
            if "GET" not in url.allowed or name in walk.opened:
                continue
            if set(url.arguments) <= set(arguments):
                path = reverse(name, args=[arguments[each] for each in url.arguments])
                walk.open(name, path)

    walk_the_rest()  # as a visitor
    log_in(page, live_server.url, owner)
    walk_the_rest()
    arguments["passkey"] = add_key(page, live_server.url, owner)
    walk_the_rest()
    TOTP.activate(owner, generate_totp_secret())
    walk_the_rest()
    page.context.clear_cookies()
    log_in(page, live_server.url, owner)  # and stop at the second step
    walk_the_rest()
    owner.set_unusable_password()
    owner.save()
    sign_in(page, live_server.url, owner)
    walk_the_rest()
    assert not walk.faults, "\n".join(walk.faults)
    with_get = {name for name, url in TABLE.items() if "GET" in url.allowed}
    assert with_get - walk.opened == NEVER_OPENS
    assert console == []


def log_in(page: Page, address: str, user: User) -> None:
    """With the form: who has just typed a password is not asked for it again."""
    page.goto(f"{address}/account/login/")
    page.get_by_label("E-mail address").fill(user.email)
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    press(page, "Log in")
    page.wait_for_url(lambda url: "/login/" not in url)


def test_every_error_page_is_accessible_and_fits(page: Page, live_server) -> None:
    walk = Walk(page, live_server.url)

    def broken(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        route.fulfill(body=render_to_string(f"{name}.html"), content_type="text/html")

    page.route("**/broken/*", broken)
    for name in ("400", "403", "403_csrf", "404", "429", "500"):
        walk.look_at(f"/broken/{name}")
    assert not walk.faults, "\n".join(walk.faults)


IMPORTED = ("asset", "assetcategory", "modelportfolio", "riskprofile", "tokenmigration")
STAFF_NEVER_OPEN = {
    *(f"admin:portfolios_{model}_process_import" for model in IMPORTED),  # a second step
    "admin:login",  # leads on
    "admin:logout",  # takes a POST
    "admin:autocomplete",  # is asked for a field
    "admin:view_on_site",  # leads there
    "admin:None",  # whatever the admin site does not know
}


@pytest.fixture
def rows(portfolio) -> None:
    """One of everything that the admin site lists."""
    group = Group.objects.create(name="Curators")
    owner = portfolio.owner
    owner.groups.add(group)
    old, new = (holding.asset for holding in portfolio.holdings.all()[:2])
    TokenMigration.objects.create(
        old_asset=old, new_asset=new, effective_on=AS_OF, started_by=owner
    )
    OutgoingEmail.objects.create(
        dedupe_key="k", recipient="r@example.org", kind="account", state="failed"
    )
    BlockedAddress.objects.create(address="gone@example.org", reason="bounced")
    MarketEvent.objects.create(date=AS_OF, kind="rates", title="FOMC decision")
    for model in (QuarantinedPrice, QuarantinedSignal):
        model.objects.create(source="a.csv", line=7, reason="No close.", row="x,y,z")
    MarketSignal.objects.create(name="funding_rate", asset=old, date=AS_OF, value=0.0001)


def admin_pages() -> Iterable[tuple[str, str]]:
    """Name and path of every address of the admin site, with a row where it needs one."""
    models = {
        f"admin:{model._meta.app_label}_{model._meta.model_name}_": model
        for model in admin.site._registry
    } | {"admin:auth_user_": User}  # the page of a person's password
    for name, route in ADMIN:
        model = next((model for start, model in models.items() if name.startswith(start)), None)
        row = model._default_manager.first() if model else None
        yield name, "/" + concrete(route, key=row.pk if row else 1)


def test_every_page_for_staff_is_accessible_and_fits(
    page: Page, live_server, rows, console
) -> None:
    walk = Walk(page, live_server.url)
    sign_in(page, live_server.url, staff())
    for name, path in admin_pages():
        walk.open(name, path)
    assert not walk.faults, "\n".join(walk.faults)
    assert {name for name, _ in admin_pages()} - walk.opened == STAFF_NEVER_OPEN
    assert console == []
