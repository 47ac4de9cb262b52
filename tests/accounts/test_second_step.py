"""Codes of an app, recovery codes and sessions, and how their secrets lie in the database."""

import re
import time
from io import StringIO
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, hotp_value
from allauth.usersessions.models import UserSession
from cryptography.fernet import Fernet
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models.functions import Now
from django.test import Client

from accounts.models import OutgoingEmail, User
from accounts.services import encryption, sessions
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SECOND_STEP = "/account/second-step"


def code_now(secret: str = SECRET) -> str:
    return f"{hotp_value(secret, int(time.time()) // 30):06}"


def log_in(client: Client, user: User) -> Any:
    return client.post("/account/login/", {"login": user.email, "password": PASSWORD})


def logged_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


@pytest.fixture
def user() -> User:
    user = UserFactory(email="ada@example.org")
    user.emailaddress_set.create(email=user.email, verified=True, primary=True)
    return user


@pytest.fixture
def guarded(user: User) -> User:
    TOTP.activate(user, SECRET)
    RecoveryCodes.activate(user)
    return user


def stored() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(data::text, ' ') FROM mfa_authenticator")
        return str(cursor.fetchone()[0])


# --- Logging in ---


def test_the_password_alone_does_not_let_a_guarded_user_in(client: Client, guarded: User) -> None:
    assert log_in(client, guarded).headers["Location"] == f"{SECOND_STEP}/authenticate/"
    assert not logged_in(client)
    refused = client.post(f"{SECOND_STEP}/authenticate/", {"code": "000000"})
    assert "This did not fit." in refused.content.decode()
    client.post(f"{SECOND_STEP}/authenticate/", {"code": code_now()})
    assert logged_in(client)


def test_a_code_lets_in_once(guarded: User) -> None:
    code, outcomes = code_now(), []
    for _ in range(2):
        browser = Client()
        log_in(browser, guarded)
        browser.post(f"{SECOND_STEP}/authenticate/", {"code": code})
        outcomes.append(logged_in(browser))
    assert outcomes == [True, False]


def test_a_recovery_code_lets_in_once(guarded: User) -> None:
    codes = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    assert len(set(codes)) == 10
    outcomes = []
    for _ in range(2):
        browser = Client()
        log_in(browser, guarded)
        browser.post(f"{SECOND_STEP}/authenticate/", {"code": codes[0]})
        outcomes.append(logged_in(browser))
    assert outcomes == [True, False]


def test_guessing_codes_is_stopped(client: Client, guarded: User) -> None:
    log_in(client, guarded)
    for _ in range(12):
        page = client.post(f"{SECOND_STEP}/authenticate/", {"code": "000000"}).content.decode()
    assert "That failed too often." in page
    client.post(f"{SECOND_STEP}/authenticate/", {"code": code_now()})
    assert not logged_in(client), "not even the right one, until some minutes have passed"


def test_guessing_passwords_is_stopped(client: Client, user: User) -> None:
    for _ in range(11):
        wrong = {"login": user.email, "password": "not-the-password"}
        page = client.post("/account/login/", wrong).content.decode()
    assert "That failed too often." in page
    log_in(client, user)
    assert not logged_in(client)


# --- Setting up ---


def test_setting_up_an_app_asks_who_is_there_then_gives_recovery_codes_and_tells_by_mail(
    client: Client, user: User
) -> None:
    client.force_login(user)
    asked = client.get(f"{SECOND_STEP}/totp/activate/")
    assert asked.headers["Location"].startswith("/account/reauthenticate/")
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    page = client.get(f"{SECOND_STEP}/totp/activate/").content.decode()
    found = re.search(r'id="authenticator_secret">(\w+)<', page)
    assert found
    assert "data:image/svg+xml;base64," in page
    wrong = client.post(f"{SECOND_STEP}/totp/activate/", {"code": "000000"})
    assert "This did not fit." in wrong.content.decode()
    done = client.post(f"{SECOND_STEP}/totp/activate/", {"code": code_now(found[1])}, follow=True)
    assert done.request["PATH_INFO"] == f"{SECOND_STEP}/recovery-codes/"
    codes = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    assert all(code in done.content.decode() for code in codes)


@pytest.mark.django_db(transaction=True)
def test_every_change_of_a_second_step_is_told_to_its_owner(client: Client, user: User) -> None:
    log_in(client, user)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    page = client.get(f"{SECOND_STEP}/totp/activate/").content.decode()
    secret = re.search(r'id="authenticator_secret">(\w+)<', page)[1]  # type: ignore[index]
    client.post(f"{SECOND_STEP}/totp/activate/", {"code": code_now(secret)})
    client.post(f"{SECOND_STEP}/recovery-codes/generate/")
    client.post(f"{SECOND_STEP}/totp/deactivate/")

    letters = OutgoingEmail.objects.order_by("pk")
    assert [letter.subject for letter in letters] == [
        "A second step was turned on",
        "New recovery codes were made",
        "Your authenticator app was turned off",
    ]
    assert {letter.user for letter in letters} == {user}
    assert "If not, choose a new password at once" in letters[0].text


# --- Keys ---


@pytest.fixture
def key(user: User) -> Authenticator:
    return Authenticator.objects.create(user=user, type="webauthn", data={"name": "Phone"})


@pytest.mark.parametrize("page", ["edit", "remove"])
def test_somebody_else_s_key_is_not_found(client: Client, key: Authenticator, page: str) -> None:
    client.force_login(UserFactory())
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    path = f"{SECOND_STEP}/webauthn/keys/{key.pk}/{page}/"
    assert client.get(path).status_code == 404
    assert client.post(path, {"name": "Mine"}).status_code == 404
    key.refresh_from_db()
    assert key.data["name"] == "Phone"


@pytest.mark.django_db(transaction=True)
def test_a_key_is_renamed_then_removed_and_its_owner_is_told(
    client: Client, user: User, key: Authenticator
) -> None:
    client.force_login(user)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    path = f"{SECOND_STEP}/webauthn/keys/{key.pk}"
    client.post(f"{path}/edit/", {"name": "Old <phone>"})
    assert "Old &lt;phone&gt;" in client.get(f"{path}/remove/").content.decode()
    client.post(f"{path}/remove/")
    assert not Authenticator.objects.exists()
    letter = OutgoingEmail.objects.get()
    assert (letter.subject, letter.user) == ("A key was removed", user)


# --- Secrets at rest ---


def test_secrets_lie_encrypted_in_the_database(guarded: User) -> None:
    seeds = [Authenticator.objects.get(type="recovery_codes").wrap().generate_codes()[0], SECRET]
    assert not any(seed in stored() for seed in seeds)
    totp = Authenticator.objects.get(type="totp")
    assert encryption.decrypt(totp.data["secret"]) == SECRET


def test_rotation_moves_every_secret_to_the_newest_key(guarded: User, settings: Any) -> None:
    codes = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    old, new = settings.FIELD_ENCRYPTION_KEYS[0], Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [new, old]
    report = StringIO()
    call_command("rotate_secrets", stdout=report)
    assert report.getvalue() == "2 encrypted with the newest key.\n"

    settings.FIELD_ENCRYPTION_KEYS = [new]
    assert encryption.decrypt(Authenticator.objects.get(type="totp").data["secret"]) == SECRET
    assert Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes() == codes
    settings.FIELD_ENCRYPTION_KEYS = [old]
    with pytest.raises(encryption.Unreadable):
        encryption.decrypt(Authenticator.objects.get(type="totp").data["secret"])


def test_rotation_without_the_old_key_says_which_setting_to_mend(
    guarded: User, settings: Any
) -> None:
    before = stored()
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match="No key in FIELD_ENCRYPTION_KEYS opens this secret"):
        call_command("rotate_secrets")
    assert stored() == before


# --- Sessions ---


def test_ending_the_other_sessions_leaves_only_this_one(user: User) -> None:
    here, there = Client(HTTP_USER_AGENT="Here"), Client(HTTP_USER_AGENT="<There>")
    log_in(here, user)
    log_in(there, user)
    page = here.get("/account/sessions/").content.decode()
    assert "Here" in page
    assert "&lt;There&gt;" in page

    here.post("/account/sessions/")
    assert here.get("/account/settings/").status_code == 200
    assert there.get("/account/settings/").status_code == 302
    assert "No other session is open." in here.get("/account/sessions/").content.decode()


def test_sessions_that_ended_are_forgotten_with_their_addresses(user: User) -> None:
    lasting, ended = Client(), Client()
    log_in(lasting, user)
    log_in(ended, user)
    Session.objects.filter(pk=ended.session.session_key).update(expire_date=Now())

    assert sessions.purge() == 1
    assert UserSession.objects.get().session_key == lasting.session.session_key
    assert lasting.get("/account/settings/").status_code == 200
    assert sessions.purge() == 0


def test_a_session_from_before_a_change_of_password_is_not_among_them(user: User) -> None:
    here, there = Client(HTTP_USER_AGENT="Here"), Client(HTTP_USER_AGENT="There")
    log_in(there, user)
    user.set_password("another long passphrase")
    user.save()
    here.force_login(user)
    assert there.get("/account/settings/").status_code == 302
    page = here.get("/account/sessions/").text
    assert "No other session is open." in page


def test_somebody_else_s_sessions_are_neither_shown_nor_ended(user: User) -> None:
    stranger = UserFactory()
    stranger.emailaddress_set.create(email=stranger.email, verified=True, primary=True)
    mine, theirs = Client(HTTP_USER_AGENT="Mine"), Client(HTTP_USER_AGENT="Theirs")
    log_in(mine, user)
    log_in(theirs, stranger)
    assert "Theirs" not in mine.get("/account/sessions/").content.decode()
    mine.post("/account/sessions/")
    assert theirs.get("/account/settings/").status_code == 200
