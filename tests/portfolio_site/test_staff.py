"""The admin site opens to staff with a second step, through the one login there is."""

import re
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, hotp_value
from django.test import Client

from accounts.models import OutgoingEmail, User
from tests.factories import PASSWORD, UserFactory, staff

pytestmark = pytest.mark.django_db

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture(autouse=True)
def as_in_production(settings: Any) -> None:
    settings.STAFF_NEEDS_MFA = True
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}


@pytest.fixture
def admin() -> User:
    admin = staff()
    admin.emailaddress_set.create(email=admin.email, verified=True, primary=True)
    return admin


def code_now() -> str:
    return f"{hotp_value(SECRET, int(time.time()) // 30):06}"


def log_in(client: Client, user: User) -> None:
    credentials = {"login": user.email, "password": PASSWORD}
    client.post("/account/login/?next=/admin/", credentials)


def test_the_admin_s_login_is_the_site_s(client: Client) -> None:
    for path in ("/admin/", "/admin/login/"):
        assert client.get(path, follow=True).request["PATH_INFO"] == "/account/login/"
    somebody = UserFactory(is_staff=True)
    client.post("/admin/login/", {"username": somebody.email, "password": PASSWORD})
    assert "_auth_user_id" not in client.session


def test_staff_without_a_second_step_are_led_to_set_one_up(client: Client, admin: User) -> None:
    log_in(client, admin)
    response = client.get("/admin/portfolios/asset/", follow=True)
    assert response.request["PATH_INFO"] == "/account/second-step/"
    assert "The admin opens to staff with a second step" in response.content.decode()


def test_staff_who_log_in_with_a_code_are_let_in(client: Client, admin: User) -> None:
    TOTP.activate(admin, SECRET)
    log_in(client, admin)
    client.post("/account/second-step/authenticate/", {"code": code_now()})
    assert client.get("/admin/").status_code == 200


def test_a_session_that_began_without_a_code_is_asked_for_one_and_led_back(
    client: Client, admin: User
) -> None:
    log_in(client, admin)
    TOTP.activate(admin, SECRET)
    asked = client.get("/admin/portfolios/asset/?q=btc")
    assert asked.url.startswith("/account/second-step/reauthenticate/")
    answered = client.post(asked.url, {"code": code_now()})
    assert answered.url == "/admin/portfolios/asset/?q=btc"
    assert client.get(answered.url).status_code == 200


def test_a_password_does_not_count_as_the_second_step(client: Client, admin: User) -> None:
    TOTP.activate(admin, SECRET)
    client.force_login(admin)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    assert client.get("/admin/").status_code == 302


def test_recovery_codes_alone_are_no_second_step(client: Client, admin: User) -> None:
    Authenticator.objects.create(user=admin, type="recovery_codes", data={"seed": ""})
    log_in(client, admin)
    assert client.get("/admin/").url == "/account/second-step/"


def test_who_is_not_staff_is_turned_away_as_ever(client: Client) -> None:
    client.force_login(UserFactory())
    assert client.get("/admin/", follow=True).status_code == 403


def test_a_machine_of_one_s_own_may_do_without(client: Client, admin: User, settings: Any) -> None:
    settings.STAFF_NEEDS_MFA = False
    log_in(client, admin)
    assert client.get("/admin/").status_code == 200


def test_the_first_admin_of_a_new_server_confirms_the_address_and_sets_up_a_second_step(
    client: Client,
) -> None:
    email = "first@example.org"
    User.objects.create_superuser(email, PASSWORD)
    client.post("/account/login/", {"login": email, "password": PASSWORD})
    letter = OutgoingEmail.objects.get(recipient=email)
    found = re.search(r"https?://[^/]+(/account/confirm-email/\S+)", letter.text)
    assert found
    client.post(found[1])
    client.post("/account/login/", {"login": email, "password": PASSWORD})
    assert client.get("/admin/").url == "/account/second-step/"
