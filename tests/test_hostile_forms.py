"""Every form that people have, fed what no honest person types: a message, nothing half-saved.

The pages are those of the table of addresses; the forms are those that the pages show.
"""
# ruff: noqa: F401, F811  (fixtures of the table of addresses)

from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.apps import apps
from django.contrib.messages import ERROR, get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client
from django.urls import Resolver404, resolve

from portfolios.models import Asset, OwnPrice
from tests.factories import PASSWORD, UserFactory, own_asset
from tests.test_urls import (
    OWNED,
    PERSONAL,
    PUBLIC,
    address,
    arguments,
    holding,
    no_worker,
    owner,
)

HOSTILE = ("", "\x00", "<script>alert(1)</script>", "9" * 400, "x" * 20_000, "-1", "NaN", "1e999")
BOXES = ("on", "\x00", "x" * 20_000)
FILES = (b"", b"\x00" * 100, b"\xff\xfe\x00", b"{" * 5000, b"a,b\n1e999,NaN\n")
IDS = ("0", "9" * 30)
SETTINGS = "/account/settings/"
OURS = ("portfolios:", "analytics:", "accounts:")
# Behind the question who is there, a button of another form, shown where this little market has
# nothing to show, or by a message: sent as a form would send it, without its page.
ENTRY = {
    "revision": "1", "kind": "buy", "at": "2024-01-01T10:00:00", "received_quantity": "1",
    "received_asset": "1", "sent_quantity": "100", "sent_asset": "1", "fee_quantity": "",
    "fee_asset": "", "value": "", "note": "Bought",
}  # fmt: skip
UNSEEN: dict[str, dict[str, str]] = {
    "analytics:proposals": {"revision": "1", "weight-1": "50"},  # asked by the workbench's form
    "analytics:target-versions": {"version": "1", "name": "First", "revision": "1"},
    "portfolios:transaction-create": ENTRY,  # its form goes to the check of a sale first
    "portfolios:transaction": {name: ENTRY[name] for name in ("revision", "at", "note")},
    "analytics:suggestion-done": {"revision": "1", "unrecorded": "on"},
    "analytics:suggestion-dismiss": {"revision": "1"},
    "analytics:suggestion-snooze": {"days": "7"},
    "analytics:suggestion-reopen": {"revision": "1"},
    "analytics:tilt": {"revision": "1", "seen": "1", "days": "30"},
    "analytics:tilt-end": {"revision": "1"},
    "accounts:session-list": {},
    "accounts:token-revoke": {},
    "accounts:webhook-resume": {},
    "accounts:delete": {"address": "somebody@example.org"},
    "accounts:export": {},
    "portfolios:import-discard": {},
    "analytics:recompute": {"before": "1"},
    "accounts:write-again": {},
    "portfolios:import-answers": {"time_zone": "UTC", "format": "binance", "shortfalls": "leave"},
    "portfolios:import-undo": {},
    "portfolios:portfolio-restore": {"revision": "1"},
    "portfolios:portfolio-undelete": {"revision": "1"},
    "portfolios:transaction-restore": {"revision": "1", "entry": "1"},
}
PASSWORDS = {"password1": PASSWORD, "password2": PASSWORD}
# allauth's forms answer 200 where ours answer 422.
ALLAUTHS: dict[str, dict[str, str]] = {
    "account_login": {"login": "a@example.org", "password": PASSWORD, "remember": "on"},
    "account_signup": {"email": "new@example.org", **PASSWORDS},
    "account_logout": {},
    "account_reset_password": {"email": "a@example.org"},
    "account_reset_password_from_key": PASSWORDS,
    "account_confirm_email": {},
    "account_confirm_login_code": {"code": "123456"},
    "account_email": {"email": "second@example.org", "action_add": ""},
    "account_change_password": {"oldpassword": PASSWORD, **PASSWORDS},
    "account_set_password": PASSWORDS,
    "account_reauthenticate": {"password": PASSWORD},
    "mfa_authenticate": {"code": "123456"},
    "mfa_reauthenticate": {"code": "123456"},
    "mfa_activate_totp": {"code": "123456"},
    "mfa_deactivate_totp": {},
    "mfa_generate_recovery_codes": {},
    "mfa_add_webauthn": {"name": "Key", "passwordless": "on", "credential": "{}"},
    "mfa_edit_webauthn": {"name": "Key"},
    "mfa_remove_webauthn": {},
    "mfa_login_webauthn": {"credential": "{}"},
    "mfa_reauthenticate_webauthn": {"credential": "{}"},
}
BUTTONS = ("action_add", "action_remove", "action_primary", "action_send")
PAGES = [
    name
    for name, url in (OWNED | PERSONAL).items()
    if "GET" in url.allowed and name.startswith(OURS)
]


class Forms(HTMLParser):
    """The forms of a page that send something: address, and the fields as they stand."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page, self.select = page, ""
        self.found: list[tuple[str, dict[str, str]]] = []
        self.unticked: dict[int, set[str]] = {}
        self.fields: dict[str, str] | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attributes}
        name = named.get("name", "")
        if tag == "form" and named.get("method") == "post":
            self.fields = {}
            self.found.append((named.get("action") or self.page, self.fields))
        if self.fields is None:
            return
        if tag == "select":
            self.select = name
            self.fields.setdefault(name, "")
        elif tag == "option" and ("selected" in named or not self.fields[self.select]):
            self.fields[self.select] = named.get("value", "")
        elif tag in ("input", "textarea") and name and is_sent(named):
            self.fields[name] = named.get("value", "")
        elif tag == "input" and name and named.get("type") != "file":
            self.unticked.setdefault(len(self.found) - 1, set()).add(name)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.fields = None


def is_sent(named: dict[str, str]) -> bool:
    kind = named.get("type")
    return kind != "file" and (kind not in ("radio", "checkbox") or "checked" in named)


def forms_of(client: Client, page: str) -> Iterator[tuple[str, str, dict[str, str], set[str]]]:
    """Name, address, fields and unticked boxes of each form of ours on a page."""
    parser = Forms(page)
    response = client.get(page)
    if response.streaming or not response["Content-Type"].startswith("text/html"):
        return  # a file
    parser.feed(response.text)
    for number, (action, fields) in enumerate(parser.found):
        try:
            name = resolve(action.partition("?")[0]).view_name
        except Resolver404:
            pytest.fail(f"A form of {page} leads nowhere: {action}")
        # The theme's is on every page.
        if name.startswith(OURS) and (name != "accounts:theme" or page == SETTINGS):
            yield name, action, fields, parser.unticked.get(number, set()) - fields.keys()


def state() -> str:
    """A fingerprint of every row that a person's form may change."""
    tables = [
        model._meta.db_table
        for model in apps.get_models()
        if model._meta.app_label in ("portfolios", "accounts")
    ]
    parts = [
        f"SELECT '{table}' || md5(string_agg(t::text, '|' ORDER BY t::text)) AS part FROM {table} t"
        for table in tables
    ]
    with connection.cursor() as cursor:
        rows = " UNION ALL ".join(parts)
        cursor.execute(f"SELECT string_agg(part, ',' ORDER BY part) FROM ({rows}) AS parts")
        return str(cursor.fetchone()[0])


def is_refused(response: Any) -> bool:
    said = [message.level for message in get_messages(response.wsgi_request)]
    return bool(response.status_code >= 400 or ERROR in said)


def values_for(value: str, foreign: Asset) -> list[str]:
    return [*HOSTILE, *((*IDS, str(foreign.pk)) if value.isdigit() else ())]


def attempts(
    fields: dict[str, str], foreign: Asset, unticked: Iterable[str] = ()
) -> Iterator[dict[str, str]]:
    yield {}
    for box in sorted(unticked):
        for hostile in BOXES:
            yield fields | {box: hostile}
    for name, value in fields.items():
        yield {other: text for other, text in fields.items() if other != name}
        for hostile in values_for(value, foreign):
            yield fields | {name: hostile}


def send(client: Client, action: str, sent: dict[str, Any], foreign: Asset) -> None:
    """Send it, judge the answer, and take back what came of it."""
    where = action, {name: str(text)[:30] for name, text in sent.items()}
    before = state()
    with transaction.atomic():
        response = posted(client, action, sent)
        assert response.status_code in (200, 302, 400, 404, 409, 413, 422), where
        if is_refused(response) or response.status_code == 200:
            assert state() == before, where
        if response.status_code == 422:
            assert says_why(response.text), where
        assert response.streaming or "<script>alert(1)" not in response.text, where
        assert not uses(foreign), where
        transaction.set_rollback(True)


def posted(client: Client, action: str, sent: dict[str, Any]) -> Any:
    """The answer, after which the browser is who it was: the row of its session comes back too."""
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    response = client.post(action, sent)
    client.cookies.clear()
    client.cookies.load(cookies)
    return response


def says_why(text: str) -> bool:
    return any(mark in text for mark in ("invalid-feedback", 'role="alert"', "text-danger"))


def uses(foreign: Asset) -> bool:
    """Whether anything but its price names what is another person's."""
    return any(
        relation.related_model.objects.filter(**{relation.field.name: foreign}).exists()
        for relation in Asset._meta.related_objects
        if relation.related_model is not OwnPrice
        and relation.one_to_many
        and relation.related_model._meta.app_label == "portfolios"
    )


@pytest.fixture(autouse=True)
def own_cache(settings: Any) -> None:
    """Nobody is told here that it was too often."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    settings.ACCOUNT_RATE_LIMITS = False


@pytest.fixture
def known(owner: Client) -> Client:
    """The owner, who has just said again who they are."""
    owner.raise_request_exception = False
    owner.post("/account/reauthenticate/", {"password": PASSWORD})
    return owner


@pytest.fixture
def foreign(db: None) -> Asset:
    return own_asset(owner=UserFactory())


@pytest.mark.parametrize("name", PAGES)
def test_hostile_input_is_refused_in_words_and_leaves_nothing_half_saved(
    name: str,
    address: Any,
    owner: Client,
    foreign: Asset,
) -> None:
    owner.raise_request_exception = False
    for _, action, fields, unticked in list(forms_of(owner, address(name))):
        fields.pop("csrfmiddlewaretoken", None)
        for sent in attempts(fields, foreign, unticked):
            send(owner, action, sent, foreign)


@pytest.mark.parametrize("name", UNSEEN)
def test_a_form_that_is_on_no_page_here_refuses_hostile_input_too(
    name: str, address: Any, known: Client, foreign: Asset
) -> None:
    for sent in attempts(UNSEEN[name], foreign):
        send(known, address(name), sent, foreign)


@pytest.mark.parametrize("name", ALLAUTHS)
def test_the_account_pages_refuse_hostile_input_in_words(
    name: str, address: Any, known: Client, foreign: Asset
) -> None:
    visitor = Client(raise_request_exception=False)
    client = visitor if name in PUBLIC and name != "account_logout" else known
    for sent in attempts(ALLAUTHS[name], foreign):
        send(client, address(name), sent, foreign)


@pytest.mark.parametrize("button", BUTTONS)
def test_the_addresses_of_an_account_refuse_hostile_ones(
    button: str, address: Any, known: Client, foreign: Asset
) -> None:
    for sent in attempts({"email": "nobody@example.org", button: ""}, foreign):
        send(known, address("account_email"), sent, foreign)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        (name, field)
        for name in ("account_login", "account_signup", "account_reset_password", "account_email")
        for field in ("login", "email", "password", "password1")
        if field in ALLAUTHS[name]
    ],
)
@pytest.mark.parametrize("hostile", ["", "\x00", "x" * 20_000])
def test_an_account_s_form_says_what_is_wrong(
    name: str, field: str, hostile: str, address: Any, known: Client
) -> None:
    client = known if name == "account_email" else Client()
    answer = client.post(address(name), ALLAUTHS[name] | {field: hostile})
    assert answer.status_code == 200
    assert says_why(answer.text)


def test_every_form_of_the_table_is_on_a_page_that_is_tried(
    address: Any,
    owner: Client,
) -> None:
    seen = {form for name in PAGES for form, *_ in forms_of(owner, address(name))}
    table = {name for name, url in (OWNED | PERSONAL).items() if "POST" in url.allowed}
    assert {name for name in table if name.startswith(OURS)} - seen == UNSEEN.keys()


def test_every_form_of_allauth_is_tried(known: Client, address: Any) -> None:
    posted = {name for name, url in (PERSONAL | PUBLIC).items() if "POST" in url.allowed}
    without = {"mfa_download_recovery_codes", "mfa_view_recovery_codes"}  # they only show
    for behind_the_question in ("mfa_activate_totp", "mfa_add_webauthn", "accounts:delete"):
        assert known.get(address(behind_the_question)).status_code == 200
    assert {name for name in posted if name.startswith(("account_", "mfa_"))} - without == set(
        ALLAUTHS
    )


@pytest.mark.parametrize("name", ["portfolios:portfolio-from-file", "portfolios:import-list"])
@pytest.mark.parametrize("content", FILES)
def test_a_hostile_file_is_refused_in_words(
    name: str,
    content: bytes,
    address: Any,
    owner: Client,
    foreign: Asset,
) -> None:
    owner.raise_request_exception = False
    send(owner, address(name), {"name": "A", "file": SimpleUploadedFile("a.csv", content)}, foreign)
