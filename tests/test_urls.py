"""Who may open what: every address of the site stands in a table here, or a test fails.

The addresses come from the URL resolver. A new one must be given a row, and with it decides who
sees it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from accounts.services import unsubscribe
from analytics import tasks
from analytics.models import QuarterlyReview
from portfolios.models import Asset, Holding, Import, Portfolio
from portfolios.services import imports
from tests.factories import (
    AssetFactory,
    HoldingFactory,
    UserFactory,
    guest,
    notification,
    own_asset,
    staff,
    webhook,
)
from tests.portfolios.factories import ModelPortfolioFactory

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
LOGIN = "/account/login/"


@dataclass(frozen=True)
class Url:
    """What an address answers. `arguments` name objects of the fixture `arguments`."""

    allowed: tuple[str, ...] = ("GET", "POST")
    arguments: tuple[str, ...] = ()
    anonymous: int = 302
    user: int = 200
    # Views of other packages pass PUT to POST, or redirect whatever comes.
    refused: tuple[str, ...] | None = None

    @property
    def methods_refused(self) -> tuple[str, ...]:
        if self.refused is not None:
            return self.refused
        return tuple(method for method in METHODS if method not in self.allowed)


def owned(*arguments: str, allowed: tuple[str, ...] = ("GET", "POST"), user: int = 200) -> Url:
    """An address with somebody's data: 200 to the owner, 404 to others, the login to strangers."""
    return Url(allowed=allowed, arguments=("portfolio", *arguments), user=user)


def allauths(
    *, refused: tuple[str, ...] = ("PATCH", "DELETE"), anonymous: int, user: int, **options: object
) -> Url:
    return Url(anonymous=anonymous, user=user, refused=refused, **options)


# What changes a second factor asks first who is there; tests/accounts go on from there.
SECURED = allauths(anonymous=302, user=302, refused=())
SECURED_KEY = allauths(anonymous=302, user=302, refused=(), arguments=("passkey",))
OWN_ASSET = Url(arguments=("own_asset",))
OWNED = {
    "portfolios:own-asset": OWN_ASSET,
    "portfolios:own-asset-remove": OWN_ASSET,
    "portfolios:own-price": replace(OWN_ASSET, allowed=("POST",), user=422),
    "accounts:webhook": Url(allowed=("GET",), arguments=("webhook",)),
    "accounts:webhook-test": Url(allowed=("POST",), arguments=("webhook",), user=302),
    "accounts:webhook-pause": Url(allowed=("POST",), arguments=("webhook",), user=302),
    "accounts:webhook-resume": Url(allowed=("POST",), arguments=("webhook",), user=302),
    "accounts:webhook-delete": Url(allowed=("POST",), arguments=("webhook",), user=302),
    "accounts:notification": Url(allowed=("POST",), arguments=("notification",), user=302),
    "analytics:overview": owned(allowed=("GET",)),
    "analytics:portfolio-result": owned(allowed=("GET",)),
    "analytics:allocation": owned(allowed=("GET",)),
    "analytics:workbench": owned(),
    "analytics:proposals": owned(),
    "analytics:finder": owned(allowed=("GET",)),
    "analytics:target-versions": Url(arguments=("portfolio",)),
    "analytics:rebalance": owned(allowed=("GET",)),
    "analytics:sale-check": owned(),
    "analytics:changed-sale-check": owned("transaction"),
    "analytics:review": owned(allowed=("GET",)),
    "analytics:quarterly-reviews": owned(),
    "analytics:quarterly-review": owned("finished_review", allowed=("GET",)),
    "analytics:review-question": owned("review", "question"),
    "analytics:tilt": owned(),
    "analytics:tilt-end": owned(allowed=("POST",), user=302),
    "analytics:rebalance-csv": owned(allowed=("GET",), user=302),  # nothing is measured yet
    "analytics:suggestion-history": owned(allowed=("GET",)),
    "analytics:suggestion-done": owned(user=302),
    "analytics:suggestion-dismiss": owned(allowed=("POST",), user=302),
    "analytics:suggestion-snooze": owned(allowed=("POST",), user=302),
    "analytics:suggestion-reopen": owned(allowed=("POST",), user=302),
    "analytics:value-history": owned(allowed=("GET",)),
    "analytics:performance": owned(allowed=("GET",)),
    "analytics:recompute": owned(user=302),
    "portfolios:holdings": owned(),
    "portfolios:holding": owned("holding"),
    "portfolios:holding-remove": owned("holding"),
    "portfolios:targets": owned(),
    "portfolios:activity": owned(allowed=("GET",)),
    "portfolios:transaction-create": owned(),
    "portfolios:transaction-restore": owned(allowed=("POST",), user=302),
    "portfolios:transaction": owned("transaction"),
    "portfolios:transaction-remove": owned("transaction", allowed=("POST",), user=302),
    "portfolios:sale-lots": owned("transaction"),
    "portfolios:gains": owned(allowed=("GET",)),
    "portfolios:gains-csv": owned("year", allowed=("GET",)),
    "portfolios:ledger-settings": owned(allowed=("POST",), user=422),
    "portfolios:import-list": owned(),
    "portfolios:import": owned("import", allowed=("GET",)),
    "portfolios:import-answers": owned("import", allowed=("POST",), user=302),
    "portfolios:import-tickers": owned("import", allowed=("POST",), user=302),
    "portfolios:import-confirm": owned("import", allowed=("POST",), user=302),
    "portfolios:import-progress": owned("import", allowed=("GET",)),
    "portfolios:import-undo": owned("import", allowed=("POST",), user=302),
    "portfolios:import-discard": owned("import", allowed=("POST",), user=302),
    "portfolios:settings": owned(),
    "portfolios:roles": owned(),
    "portfolios:portfolio-export-csv": owned(allowed=("GET",)),
    "portfolios:portfolio-export-json": owned(allowed=("GET",)),
    "portfolios:rules": owned(),
    "portfolios:portfolio-rename": owned(),
    "portfolios:portfolio-delete": owned(),
    "portfolios:portfolio-undelete": owned(allowed=("POST",), user=302),
    "portfolios:portfolio-clone": owned(allowed=("POST",), user=302),
    "portfolios:portfolio-archive": owned(allowed=("POST",), user=302),
    "portfolios:portfolio-restore": owned(allowed=("POST",), user=302),
}
PERSONAL = {
    "analytics:portfolio-list": Url(allowed=("GET",)),
    "analytics:wizard-step": Url(arguments=("step",)),
    "analytics:wizard-restart": Url(allowed=("POST",), user=302),
    "analytics:market": Url(allowed=("GET",)),
    "analytics:tools": Url(allowed=("GET",)),
    "analytics:position-size": Url(allowed=("GET",)),
    "analytics:defi-allocation": Url(allowed=("GET",)),
    "analytics:model-comparison": Url(allowed=("GET",)),
    "analytics:asset-list": Url(allowed=("GET",)),
    "analytics:asset": Url(allowed=("GET",), arguments=("listed",)),
    "analytics:volatility": Url(allowed=("GET",)),
    "analytics:correlation": Url(allowed=("GET",)),
    "analytics:correlation-heatmap": Url(allowed=("GET",)),
    "analytics:correlation-pair": Url(allowed=("GET",), arguments=("listed", "other_listed")),
    "portfolios:portfolio-create": Url(),
    "portfolios:portfolio-from-file": Url(),
    "portfolios:asset-options": Url(allowed=("GET",)),
    "portfolios:own-asset-list": Url(allowed=("GET",)),
    "portfolios:own-asset-create": Url(),
    "accounts:settings": Url(),
    "accounts:notification-list": Url(allowed=("GET",)),
    "accounts:notifications-read": Url(allowed=("POST",), user=302),
    "accounts:session-list": Url(),
    "accounts:token-list": Url(),
    "accounts:webhook-list": Url(),
    "accounts:token-revoke": Url(allowed=("POST",), arguments=("token_key",), user=302),
    "accounts:write-again": Url(allowed=("POST",), user=302),
    "accounts:theme": Url(allowed=("POST",), user=302),
    "accounts:export": Url(user=302),
    "accounts:delete": Url(user=302),
    "account_email": allauths(anonymous=302, user=200),
    "account_change_password": allauths(anonymous=302, user=200),
    "account_set_password": allauths(anonymous=302, user=302, refused=()),
    "account_reauthenticate": allauths(anonymous=302, user=200),
    "mfa_index": allauths(anonymous=302, user=200, allowed=("GET",)),
    "mfa_reauthenticate": allauths(anonymous=302, user=302, refused=()),
    "mfa_activate_totp": SECURED,
    "mfa_deactivate_totp": allauths(anonymous=302, user=404, refused=()),
    "mfa_view_recovery_codes": allauths(anonymous=302, user=404, refused=()),
    "mfa_download_recovery_codes": allauths(anonymous=302, user=404, refused=()),
    "mfa_generate_recovery_codes": SECURED,
    "mfa_list_webauthn": allauths(anonymous=302, user=200, allowed=("GET",)),
    "mfa_add_webauthn": SECURED,
    "mfa_edit_webauthn": SECURED_KEY,
    "mfa_remove_webauthn": SECURED_KEY,
    "mfa_reauthenticate_webauthn": allauths(anonymous=302, user=302, refused=()),
}
PUBLIC = {
    "home": Url(allowed=("GET",), anonymous=302, user=302, refused=("TRACE",)),
    "portfolios:model-portfolio-list": Url(allowed=("GET",), anonymous=200),
    "portfolios:model-portfolio": Url(allowed=("GET",), arguments=("model",), anonymous=200),
    "analytics:glossary": Url(allowed=("GET",), anonymous=200),
    "analytics:questions": Url(allowed=("GET",), anonymous=200),
    "analytics:sandbox": Url(anonymous=200, user=302),
    "analytics:wizard": Url(allowed=("GET",), anonymous=302, user=302),
    "livez": Url(allowed=("GET",), anonymous=200),
    "readyz": Url(allowed=("GET",), anonymous=200),
    "metrics": Url(allowed=("GET",), anonymous=404, user=404),  # until METRICS_TOKEN is set
    "accounts:unsubscribe": Url(arguments=("token",), anonymous=200),
    "accounts:action": Url(arguments=("key",), anonymous=404, user=404),
    "accounts:letter": Url(allowed=("GET",), arguments=("key",), anonymous=404, user=404),
    "account_login": allauths(anonymous=200, user=302),
    "account_logout": allauths(anonymous=302, user=200),
    "account_signup": allauths(anonymous=200, user=302),
    "mfa_authenticate": allauths(anonymous=302, user=302, refused=()),
    "mfa_login_webauthn": allauths(anonymous=302, user=302),
    "account_inactive": allauths(anonymous=200, user=200, allowed=("GET",)),
    "account_email_verification_sent": allauths(anonymous=200, user=200, allowed=("GET",)),
    "account_confirm_email": allauths(anonymous=200, user=200, arguments=("key",)),
    "account_confirm_login_code": allauths(anonymous=302, user=302, refused=()),
    "account_reset_password": allauths(anonymous=200, user=200),
    "account_reset_password_done": allauths(anonymous=200, user=200, allowed=("GET",)),
    "account_reset_password_from_key": allauths(
        anonymous=200, user=200, arguments=("uid", "key"), refused=()
    ),
    "account_reset_password_from_key_done": allauths(anonymous=200, user=200, allowed=("GET",)),
}
TABLE = OWNED | PERSONAL | PUBLIC
# The admin site has an address for each model; one rule holds for all of them.
ADMIN_PUBLIC = {"admin:login", "admin:logout"}


def all_urls(
    patterns: list[URLPattern | URLResolver] | None = None, namespace: str = "", prefix: str = ""
) -> Iterator[tuple[str, str]]:
    """The name and the route of every address of the site."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from all_urls(pattern.url_patterns, inner, route)
        else:
            yield f"{namespace}{pattern.name}", route


URLS = list(all_urls())
ADMIN = [(name, route) for name, route in URLS if name.startswith("admin:")]
# tests/api/test_access.py says who may do what there, from the API's own description.
API = [(name, route) for name, route in URLS if name.startswith("api:")]


@pytest.fixture
def holding(db) -> Holding:
    return HoldingFactory()


def previewed(portfolio: Portfolio) -> Import:
    """A file with one deposit, looked at and not imported."""
    ticker = portfolio.holdings.select_related("asset")[0].asset.symbol
    content = (
        "UTC_Time,Account,Operation,Coin,Change,Remark\n"
        f"2024-01-01 10:00:00,Spot,Deposit,{ticker},1,\n"
    )
    return imports.upload(
        portfolio=portfolio, file_name="a.csv", content=content.encode(), now=timezone.now()
    )


def reviews_of(portfolio: Portfolio) -> dict[str, object]:
    """A quarterly review that is finished, and one that is not."""
    make = QuarterlyReview.objects.create
    done = make(portfolio=portfolio, as_of=date(2024, 3, 31), finished_at=timezone.now())
    begun = make(portfolio=portfolio, as_of=date(2024, 6, 30))
    return {"finished_review": done.pk, "review": begun.pk, "question": "risk"}


@pytest.fixture
def arguments(holding) -> dict[str, object]:
    return {
        "portfolio": holding.portfolio_id,
        "holding": holding.pk,
        "transaction": holding.portfolio.transactions.get().pk,
        "webhook": webhook(holding.portfolio.owner).pk,
        "notification": notification(holding.portfolio.owner).pk,
        "year": 2025,
        "import": previewed(holding.portfolio).pk,
        "token": unsubscribe.url(holding.portfolio.owner).rstrip("/").rpartition("/")[2],
        "key": "unknown",
        "step": "questions",
        "token_key": "evk_0123456789a",
        "model": ModelPortfolioFactory().slug,
        "passkey": 1,
        "own_asset": own_asset(owner=holding.portfolio.owner).pk,
        "uid": "1",
        **reviews_of(holding.portfolio),
        "listed": holding.asset.coingecko_id,
        "other_listed": AssetFactory(coingecko_id="other-listed").coingecko_id,
    }


@pytest.fixture
def address(arguments):
    """The path of a name in the table, for the objects of this test."""

    def path(name: str) -> str:
        return reverse(name, args=[arguments[argument] for argument in TABLE[name].arguments])

    return path


@pytest.fixture(autouse=True)
def no_worker(monkeypatch) -> None:
    monkeypatch.setattr(tasks.recompute_portfolio, "delay", lambda portfolio_id: None)


def client_of(user, backend="allauth.account.auth_backends.AuthenticationBackend") -> Client:
    client = Client()
    client.force_login(user, backend=backend)
    return client


@pytest.fixture
def owner(holding) -> Client:
    EmailAddress.objects.create(
        user=holding.portfolio.owner,
        email=holding.portfolio.owner.email,
        verified=True,
        primary=True,
    )
    return client_of(holding.portfolio.owner)


def test_every_address_of_the_site_stands_in_the_table():
    listed = {*TABLE, *(name for name, _ in [*ADMIN, *API])}
    unlisted = {name: route for name, route in URLS if name not in listed}
    assert not unlisted, f"Say in {__name__} who may open these"
    assert not set(TABLE) - {name for name, _ in URLS}, "These are gone: take them out"


def test_an_address_with_somebody_s_object_is_listed_as_owned():
    pages = set(URLS) - set(ADMIN) - set(API)
    with_objects = {name for name, route in pages if "<int:pk>" in route}
    asking_first = {name for name, url in PERSONAL.items() if url is SECURED_KEY}
    assert with_objects == set(OWNED) | asking_first


@pytest.mark.parametrize("name", TABLE)
def test_a_signed_in_user_gets_their_own(name, address, owner):
    method = TABLE[name].allowed[0]
    assert owner.generic(method, address(name)).status_code == TABLE[name].user


@pytest.mark.parametrize("name", OWNED)
def test_another_user_gets_404_and_changes_nothing(name, address, holding):
    stranger = client_of(UserFactory())
    for method in TABLE[name].allowed:
        assert stranger.generic(method, address(name)).status_code == 404
    assert Portfolio.objects.get().revision == 1
    assert Holding.objects.exists()


@pytest.mark.parametrize("name", OWNED)
def test_staff_have_no_other_way_to_a_user_s_pages(name, address, holding):
    for method in TABLE[name].allowed:
        assert client_of(staff()).generic(method, address(name)).status_code == 404


@pytest.mark.parametrize("name", [*OWNED, *PERSONAL])
def test_somebody_who_is_not_signed_in_is_sent_to_the_login_and_changes_nothing(
    name, address, holding
):
    for method in TABLE[name].allowed:
        response = Client().generic(method, address(name))
        assert response.status_code == 302
        assert response.url.startswith(LOGIN)
    assert Portfolio.objects.get().revision == 1
    assert Holding.objects.exists()


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_address_answers_anybody(name, address):
    assert Client().get(address(name)).status_code == TABLE[name].anonymous


@pytest.mark.parametrize("name", [name for name, url in TABLE.items() if url.methods_refused])
def test_a_method_that_makes_no_sense_is_405(name, address, owner):
    for method in TABLE[name].methods_refused:
        client = owner if name not in PUBLIC else Client()
        assert (method, client.generic(method, address(name)).status_code) == (method, 405)


# What a guest may open of an account: how the site looks, and where one logs in or out.
OPEN_TO_GUESTS = {"accounts:settings", "accounts:theme"}


@pytest.mark.parametrize("name", [*OWNED, *PERSONAL])
def test_a_guest_has_portfolios_and_no_account(name, address, holding):
    sandbox = guest()
    Portfolio.objects.update(owner=sandbox)
    Asset.of_anybody.exclude(owner=None).update(owner=sandbox)
    client = client_of(sandbox, backend="accounts.services.guests.GuestBackend")
    answer = client.generic(TABLE[name].allowed[0], address(name))
    if address(name).startswith("/account/") and name not in OPEN_TO_GUESTS:
        assert answer.status_code == 403
        assert "Sign up, and your sandbox becomes your account." in answer.content.decode()
    else:
        assert answer.status_code == TABLE[name].user


@pytest.mark.parametrize("name", OWNED)
def test_a_guest_s_portfolio_is_not_there_for_other_guests(name, address, holding):
    Portfolio.objects.update(owner=guest())
    Asset.of_anybody.exclude(owner=None).update(owner=guest())
    client = client_of(guest(), backend="accounts.services.guests.GuestBackend")
    closed = 403 if address(name).startswith("/account/") else 404
    for method in TABLE[name].allowed:
        assert client.generic(method, address(name)).status_code == closed


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_address_answers_a_guest_as_it_answers_a_visitor(name, address):
    client = client_of(guest(), backend="accounts.services.guests.GuestBackend")
    expected = {"home": 302, "account_logout": 200, "analytics:sandbox": 302}.get(
        name, TABLE[name].anonymous
    )
    assert client.get(address(name)).status_code == expected


@pytest.mark.parametrize("name", OWNED)
def test_an_id_beyond_every_database_is_404(name, arguments, owner):
    beyond = [10**30 if argument == "portfolio" else 10**40 for argument in OWNED[name].arguments]
    method = OWNED[name].allowed[0]
    assert owner.generic(method, reverse(name, args=beyond)).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize(
    "route", sorted({route for name, route in ADMIN if name not in ADMIN_PUBLIC})
)
def test_the_admin_site_sends_everybody_but_staff_to_the_login(route):
    path = "/" + concrete(route)
    for client in (Client(), client_of(UserFactory())):
        response = client.get(path)
        assert response.status_code == 302, path
        assert "/login/" in response.url


def concrete(route: str, *, key: object = 1) -> str:
    """A path that a route of the admin site matches, for a row with this key."""
    if route.endswith("(?P<url>.*)$"):
        return "admin/no-such-thing/"
    if "(?P<app_label>" in route:
        return "admin/portfolios/"
    for placeholder in ("<path:content_type_id>", "<path:object_id>", "<id>"):
        route = route.replace(placeholder, str(key))
    return route


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["admin:index", "admin:portfolios_asset_changelist"])
def test_the_admin_site_opens_to_staff(name):
    assert client_of(staff()).get(reverse(name)).status_code == 200
