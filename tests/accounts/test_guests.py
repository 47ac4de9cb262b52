"""Guests: what they are, what they are not, and how what they made becomes a person's."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth import SESSION_KEY, authenticate
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.test import Client

from accounts import tasks
from accounts.models import GUEST_STAYS, OutgoingEmail, User
from accounts.services import guests, outbox
from portfolios.models import Asset, ColumnMapping, Holding, Portfolio, TickerChoice
from tests.accounts.conftest import MailServer
from tests.accounts.test_second_step import SECRET, code_now
from tests.accounts.test_settings import PREFERENCES
from tests.accounts.test_sign_up import anonymised, link_in, sign_up
from tests.factories import (
    PASSWORD,
    AssetFactory,
    HoldingFactory,
    PortfolioFactory,
    UserFactory,
    guest,
)

pytestmark = pytest.mark.django_db

BACKEND = "accounts.services.guests.GuestBackend"
PORTFOLIOS = "/portfolios/"


def browser_of(user: User) -> Client:
    browser = Client()
    browser.force_login(user, backend=BACKEND)
    return browser


def person(email: str = "ada@example.org", **fields: Any) -> User:
    user: User = UserFactory(email=email, **fields)
    user.emailaddress_set.create(email=email, verified=True, primary=True)
    return user


def log_in(browser: Client, email: str = "ada@example.org", **options: Any) -> Any:
    return browser.post("/account/login/", {"login": email, "password": PASSWORD}, **options)


def names(user: User) -> list[str]:
    return sorted(user.portfolios.values_list("name", flat=True))


def exists(user: User) -> bool:
    return User.objects.filter(pk=user.pk).exists()


# --- What a guest is ---


@pytest.mark.parametrize(
    "change",
    [
        {"is_active": True},
        {"is_staff": True},
        {"is_superuser": True},
        {"password": make_password(PASSWORD)},
        {"email": "somebody@example.org"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_database_keeps_a_guest_from_being_anything_more(change: dict[str, Any]) -> None:
    sandbox = guest()
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=sandbox.pk).update(**change)


def test_nobody_logs_in_as_a_guest() -> None:
    sandbox, browser = guest(), Client()
    for password in ("", "!", sandbox.password):
        assert authenticate(email=sandbox.email, password=password) is None
        browser.post("/account/login/", {"login": sandbox.email, "password": password})
        assert SESSION_KEY not in browser.session


def test_the_guests_backend_knows_no_person() -> None:
    browser = browser_of(UserFactory())
    assert browser.get(PORTFOLIOS).headers["Location"].startswith("/account/login/")


def test_a_guest_gets_no_mail_whoever_asks_for_it() -> None:
    sandbox = guest()
    Client().post("/account/password/reset/", {"email": sandbox.email})
    sign_up(Client(), sandbox.email.upper())
    outbox.enqueue(
        dedupe_key="any", recipient=sandbox.email, kind="test", subject="Hello", text="Ahoy"
    )
    assert not OutgoingEmail.objects.exists()


def test_a_guest_is_known_for_seven_days() -> None:
    for days_ago, status in ((6.99, 200), (7.01, 302)):
        assert browser_of(guest(days_ago=days_ago)).get(PORTFOLIOS).status_code == status


def test_staff_do_not_find_guests_among_people() -> None:
    sandbox, admin = guest(), Client()
    admin.force_login(UserFactory(is_staff=True, is_superuser=True))
    assert sandbox.email not in admin.get("/admin/accounts/user/").content.decode()
    missing = admin.get(f"/admin/accounts/user/{sandbox.pk}/change/")
    assert missing.status_code == 302
    assert missing.headers["Location"] == "/admin/"


def test_there_is_room_for_so_many_guests_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    UserFactory.create_batch(2)
    monkeypatch.setattr(guests, "MAX_GUESTS", 1)
    guest()
    with pytest.raises(guests.TooManyGuests):
        guests.create()


# --- What a guest sees ---


def test_every_page_says_that_it_is_a_sandbox_and_until_when() -> None:
    sandbox = guest()
    browser = browser_of(sandbox)
    assert sandbox.guest_since is not None
    last_day = f"{sandbox.guest_since + GUEST_STAYS:%-d %B}"
    for page in (PORTFOLIOS, "/portfolios/new/", "/market/", "/models/", "/account/login/",
                 "/account/signup/", "/account/settings/", "/account/second-step/",
                 "/no-such-page/"):  # fmt: skip
        html = " ".join(browser.get(page).content.decode().split())
        assert f"On {last_day} it is deleted." in html, page
        assert "Sign up to keep it" in html, page


def test_a_visitor_and_a_person_see_no_such_words() -> None:
    browser = Client()
    assert "sandbox-notice" not in browser.get("/account/login/").content.decode()
    browser.force_login(UserFactory())
    assert "sandbox-notice" not in browser.get(PORTFOLIOS).content.decode()


def test_the_menu_of_a_guest_offers_no_account() -> None:
    sandbox = guest()
    html = browser_of(sandbox).get("/account/settings/").content.decode()
    for absent in (sandbox.email, "/account/email/", "/account/password/", "/account/export/",
                   "/account/delete/", "/account/second-step/", "/account/sessions/",
                   "alert_preference"):  # fmt: skip
        assert absent not in html
    assert "Delete the sandbox" in html


def test_a_guest_chooses_a_time_zone_and_no_letters() -> None:
    sandbox = guest()
    choice = PREFERENCES | {"time_zone": "Asia/Tokyo"}
    page = browser_of(sandbox).post("/account/settings/", choice, follow=True)
    assert "Your settings are saved." in page.content.decode()
    sandbox.refresh_from_db()
    assert (sandbox.time_zone, sandbox.alert_preference) == ("Asia/Tokyo", "none")


def test_leaving_deletes_the_sandbox_at_once() -> None:
    sandbox = guest()
    PortfolioFactory(owner=sandbox)
    browser = browser_of(sandbox)
    assert "Its portfolios go with it" in browser.get("/account/logout/").content.decode()
    page = browser.post("/account/logout/", follow=True)
    assert "The sandbox is deleted." in page.content.decode()
    assert not exists(sandbox)
    assert not Portfolio.objects.exists()


# --- Who logs in from a sandbox ---


def test_who_logs_in_from_a_sandbox_has_its_portfolios_with_all_that_hangs_on_them() -> None:
    holding = HoldingFactory(portfolio__owner=guest(), portfolio__name="Rainy days")
    sandbox, ada = holding.portfolio.owner, person()
    browser = browser_of(sandbox)
    html = log_in(browser, follow=True).content.decode()
    assert "Your sandbox came along: its portfolio is yours now." in html
    assert "Rainy days" in html
    assert "sandbox-notice" not in html
    assert Holding.objects.get().portfolio.owner == ada
    assert not exists(sandbox)


def test_an_asset_of_the_guest_s_own_comes_along_with_its_prices() -> None:
    sandbox, ada = guest(), person()
    own = AssetFactory(coingecko_id=None, owner=sandbox)
    own.own_prices.create(date="2026-01-31", price=2.5)
    HoldingFactory(portfolio__owner=sandbox, asset=own)
    guests.adopt(person=ada, guest=sandbox)
    own = Asset.of_anybody.get(owner=ada)
    assert own.own_prices.get().price == 2.5
    assert Holding.objects.get().asset_id == own.pk


def test_what_a_guest_has_said_about_files_comes_along_and_never_takes_a_person_s_word() -> None:
    sandbox, ada = guest(), person()
    bitcoin, other = AssetFactory(), AssetFactory()
    TickerChoice.objects.create(owner=sandbox, ticker="XBT", asset=bitcoin)
    TickerChoice.objects.create(owner=sandbox, ticker="SOL", asset=None)
    TickerChoice.objects.create(owner=ada, ticker="SOL", asset=other)
    ColumnMapping.objects.create(owner=sandbox, header="a" * 64, columns={"at": "When"})
    guests.adopt(person=ada, guest=sandbox)
    said = TickerChoice.objects.filter(owner=ada).values_list("ticker", "asset")
    assert set(said) == {("XBT", bitcoin.pk), ("SOL", other.pk)}
    assert ColumnMapping.objects.get().owner == ada
    assert TickerChoice.objects.count() == 2


def test_a_guest_s_session_is_worth_nothing_afterwards() -> None:
    sandbox = guest()
    portfolio = PortfolioFactory(owner=sandbox)
    person()
    browser = browser_of(sandbox)
    thief = Client()
    thief.cookies.load({name: morsel.value for name, morsel in browser.cookies.items()})
    assert thief.get(portfolio.get_absolute_url()).status_code == 200
    log_in(browser)
    assert browser.get(portfolio.get_absolute_url()).status_code == 200
    for page in (PORTFOLIOS, portfolio.get_absolute_url(), "/account/settings/"):
        assert thief.get(page).headers["Location"].startswith("/account/login/")


def test_what_was_archived_or_deleted_comes_along_too_and_only_the_rest_is_counted() -> None:
    sandbox, ada = guest(), person()
    PortfolioFactory(owner=sandbox, name="Kept")
    PortfolioFactory(owner=sandbox, name="Archived", archived_at=Now())
    PortfolioFactory(owner=sandbox, name="Deleted", deleted_at=Now())
    assert guests.adopt(person=ada, guest=sandbox) == 2
    assert names(ada) == ["Archived", "Deleted", "Kept"]


def test_a_name_that_is_taken_gets_a_number_within_its_length() -> None:
    sandbox, ada = guest(), person()
    long = "Rainy days " * 7 + "abc"
    assert len(long) == 80
    for owner in (ada, sandbox):
        for name in ("Calm", "Calm (2)", long):
            PortfolioFactory(owner=owner, name=name)
    PortfolioFactory(owner=sandbox, name="Calm")
    guests.adopt(person=ada, guest=sandbox)
    adopted = set(names(ada)) - {"Calm", "Calm (2)", long}
    assert adopted == {"Calm (3)", "Calm (2) (2)", "Calm (4)", f"{long[:76]} (2)"}


def test_a_wrong_password_leaves_the_sandbox_where_it_is() -> None:
    sandbox, ada = guest(), person()
    PortfolioFactory(owner=sandbox, name="Rainy days")
    browser = browser_of(sandbox)
    browser.post("/account/login/", {"login": ada.email, "password": "not-the-right-one"})
    assert "Rainy days" in browser.get(PORTFOLIOS).content.decode()
    assert names(ada) == []


def test_a_guarded_person_has_the_sandbox_after_the_second_step_and_not_before() -> None:
    sandbox, ada = guest(), person()
    TOTP.activate(ada, SECRET)
    PortfolioFactory(owner=sandbox, name="Rainy days")
    browser = browser_of(sandbox)
    log_in(browser)
    assert names(ada) == []
    browser.post("/account/second-step/authenticate/", {"code": code_now()})
    assert names(ada) == ["Rainy days"]
    assert browser.session[SESSION_KEY] == str(ada.pk)


def test_the_steps_of_a_login_from_a_sandbox_are_remembered_under_a_new_session_key(
    settings: Any,
) -> None:
    settings.STAFF_NEEDS_MFA = True
    TOTP.activate(person(is_staff=True, is_superuser=True), SECRET)
    browser = browser_of(guest())
    key = browser.session.session_key
    log_in(browser)
    browser.post("/account/second-step/authenticate/", {"code": code_now()})
    assert browser.get("/admin/").status_code == 200, "no third step"
    assert browser.session.session_key != key


def test_either_everything_comes_along_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*, guest: User, person: User) -> int:
        raise RuntimeError("half-way")

    sandbox, ada = guest(), person()
    PortfolioFactory(owner=sandbox, name="Rainy days")
    monkeypatch.setattr(guests, "_hand_overs", [*guests._hand_overs, fail])
    browser = browser_of(sandbox)
    with pytest.raises(RuntimeError):
        log_in(browser)
    assert names(sandbox) == ["Rainy days"]
    assert names(ada) == []
    assert "Rainy days" in browser.get(PORTFOLIOS).content.decode()


def test_adopting_twice_is_adopting_once() -> None:
    sandbox, ada = guest(), person()
    PortfolioFactory(owner=sandbox)
    assert [guests.adopt(person=ada, guest=sandbox) for _ in range(2)] == [1, 0]
    assert exists(ada)


def test_a_person_is_never_adopted_nor_discarded() -> None:
    ada, eve = person(), person("eve@example.org")
    PortfolioFactory(owner=ada)
    assert guests.adopt(person=eve, guest=ada) == 0
    guests.discard(guest=ada)
    assert names(ada) != []


# What belongs to somebody and does not come along: a guest has none of it, or it is about letters
# and rights that a guest never has.
STAYS_BEHIND = {
    "account.EmailAddress", "mfa.Authenticator", "usersessions.UserSession", "admin.LogEntry",
    "accounts.ApiToken", "accounts.Notification", "accounts.OutgoingEmail", "accounts.User",
    "accounts.Webhook", "accounts.User_groups", "accounts.User_user_permissions",
    "portfolios.TokenMigration",
    "analytics.SuggestionLife",  # comes with its portfolio; who put it aside is forgotten
}  # fmt: skip
COMES_ALONG = {
    "portfolios.Portfolio", "portfolios.Asset", "portfolios.PortfolioDraft",
    "portfolios.TickerChoice", "portfolios.ColumnMapping",
}  # fmt: skip


def test_whatever_points_at_a_user_is_decided_about() -> None:
    fields = User._meta.get_fields(include_hidden=True)
    relations = [field for field in fields if field.auto_created and not field.concrete]
    pointing = {relation.related_model._meta.label for relation in relations}
    histories = {label for label in pointing if "istor" in label}
    assert pointing - histories - STAYS_BEHIND == COMES_ALONG, (
        "Say whether this comes along when a guest becomes a person (portfolios.services.sandboxes)"
    )


# --- Who signs up from a sandbox ---


@pytest.mark.django_db(transaction=True)
def test_who_signs_up_has_the_sandbox_after_confirming_even_on_another_device(
    mail_server: MailServer,
) -> None:
    sandbox = guest()
    PortfolioFactory(owner=sandbox, name="Rainy days")
    browser = browser_of(sandbox)
    sign_up(browser, "new@example.org")
    new = User.objects.get(email="new@example.org")
    assert names(new) == [], "nobody has proved yet that the address is theirs"

    outbox.send_due()
    phone = Client()
    phone.post(link_in(mail_server.messages[0]))
    log_in(phone, "new@example.org")
    assert names(new) == ["Rainy days"]
    assert browser.get(PORTFOLIOS).headers["Location"].startswith("/account/login/")
    assert not exists(sandbox)


@pytest.mark.django_db(transaction=True)
def test_confirming_in_the_sandbox_s_browser_keeps_it_until_the_login(
    mail_server: MailServer,
) -> None:
    sandbox = guest()
    PortfolioFactory(owner=sandbox, name="Rainy days")
    browser = browser_of(sandbox)
    sign_up(browser, "new@example.org")
    outbox.send_due()
    link = link_in(mail_server.messages[0])
    assert "Is <strong>new@example.org</strong> yours?" in browser.get(link).content.decode()
    browser.post(link)
    assert "Rainy days" in browser.get(PORTFOLIOS).content.decode()
    log_in(browser, "new@example.org")
    assert names(User.objects.get(email="new@example.org")) == ["Rainy days"]


@pytest.mark.django_db(transaction=True)
def test_signing_up_from_a_sandbox_does_not_tell_whether_the_address_is_known(
    mail_server: MailServer,
) -> None:
    person("taken@example.org")
    seen = {}
    for address in ("taken@example.org", "new@example.org"):
        sandbox = guest()
        PortfolioFactory(owner=sandbox, name="Rainy days", pk=77)
        browser = browser_of(sandbox)
        first = sign_up(browser, address)
        pages = [browser.get(page) for page in
                 (first.headers["Location"], PORTFOLIOS, "/portfolios/77/", "/account/settings/",
                  "/account/login/", "/account/signup/", "/account/export/")]  # fmt: skip
        seen[address] = [anonymised(page, address) for page in (first, *pages)]
        cookies = {name: bool(morsel.value) for name, morsel in browser.cookies.items()}
        seen[address].append((0, "", str(cookies)))
        Portfolio.objects.all().delete()
    assert seen["taken@example.org"] == seen["new@example.org"]
    assert "Open the link in the e-mail we sent you" in seen["new@example.org"][2][2]


def test_signing_up_with_somebody_s_address_gives_them_nothing_and_takes_nothing_away() -> None:
    ada, sandbox = person(), guest()
    PortfolioFactory(owner=sandbox, name="Pushed on Ada")
    browser = browser_of(sandbox)
    sign_up(browser, ada.email)
    page = log_in(Client(), follow=True)
    assert "Pushed on Ada" not in page.content.decode()
    assert names(ada) == []
    assert "Pushed on Ada" in browser.get(PORTFOLIOS).content.decode()


def test_an_address_typed_wrong_gets_nothing_once_the_right_one_is_typed() -> None:
    sandbox = guest()
    PortfolioFactory(owner=sandbox, name="Rainy days")
    browser = browser_of(sandbox)
    for address in ("wrong@example.org", "right@example.org"):
        sign_up(browser, address)
    for address, expected in (("wrong@example.org", []), ("right@example.org", ["Rainy days"])):
        user = User.objects.get(email=address)
        user.emailaddress_set.update(verified=True)
        log_in(Client(), address)
        assert names(user) == expected


# --- The end ---


def test_the_purge_deletes_guests_after_seven_days_with_everything_and_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guests, "PURGED_AT_ONCE", 2)
    old = [guest(days_ago=7.01) for _ in range(5)]
    for sandbox in old:
        HoldingFactory(portfolio__owner=sandbox)
    young, ada = guest(days_ago=6.99), person(date_joined=Now() - timedelta(days=700))
    kept = {PortfolioFactory(owner=owner).pk for owner in (young, ada)}
    tasks.purge_guests()
    assert set(User.objects.all()) == {young, ada}
    assert set(Portfolio.objects.values_list("pk", flat=True)) == kept
    assert guests.purge() == 0


def test_who_signs_up_on_the_last_day_may_still_confirm_as_long_as_the_letter_works() -> None:
    new = person("new@example.org")
    waiting = guest(days_ago=9.99, signed_up_as=new)
    PortfolioFactory(owner=waiting, name="Rainy days")
    guest(days_ago=10.01, signed_up_as=new)
    assert guests.purge() == 1
    log_in(Client(), "new@example.org")
    assert names(new) == ["Rainy days"]


def test_a_sandbox_that_is_being_adopted_is_not_purged_away_nor_a_person_s_account() -> None:
    sandbox, ada = guest(days_ago=7.01), person()
    PortfolioFactory(owner=sandbox, name="Rainy days")
    guests.adopt(person=ada, guest=sandbox)
    guests.purge()
    assert names(ada) == ["Rainy days"]
