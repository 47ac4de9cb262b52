"""Who a token lets in, what it may do, and where people see and revoke it."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import ApiToken
from accounts.services import tokens
from tests.api.conftest import Program, Programs
from tests.factories import PASSWORD, UserFactory, guest

pytestmark = pytest.mark.django_db

PAGE = "/account/tokens/"
FORM = {"name": "Spreadsheet", "scope": "read", "days": "30"}


def test_a_token_is_shown_once_and_stored_as_its_hash() -> None:
    user = UserFactory()
    client = Client()
    client.force_login(user)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    page = client.post(PAGE, FORM).content.decode()
    text = page.partition('user-select-all">')[2].partition("<")[0]
    assert text.startswith("evk_")
    stored = ApiToken.objects.values().get()
    assert text not in str(stored)
    assert text not in client.get(PAGE).content.decode()
    assert stored["token_key"] in client.get(PAGE).content.decode()
    assert Program(text).send("GET", "/preferences/").json()["email"] == user.email


def test_making_a_token_asks_for_the_password_again() -> None:
    client = Client()
    client.force_login(UserFactory())
    assert "/reauthenticate/" in client.post(PAGE, FORM).headers["Location"]
    assert not ApiToken.objects.exists()


def test_a_revoked_token_lets_nobody_in(program: Programs) -> None:
    user = UserFactory()
    script = program(user)
    assert script.send("GET", "/preferences/").status_code == 200
    client = Client()
    client.force_login(user)
    key = ApiToken.objects.get().token_key
    client.post(f"{PAGE}{key}/revoke/")
    answer = script.send("GET", "/preferences/")
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
    assert answer.headers["WWW-Authenticate"] == "Token"


def test_nobody_revokes_a_token_of_somebody_else(program: Programs) -> None:
    program(UserFactory())
    stranger = Client()
    stranger.force_login(UserFactory())
    stranger.post(f"{PAGE}{ApiToken.objects.get().token_key}/revoke/")
    assert ApiToken.objects.count() == 1


def test_a_token_expires(program: Programs) -> None:
    script = program(UserFactory())
    with time_machine.travel(timezone.now() + timedelta(days=1, seconds=1)):
        assert script.send("GET", "/preferences/").status_code == 401


def test_a_token_of_somebody_who_was_shut_out_lets_nobody_in(program: Programs) -> None:
    user = UserFactory()
    script = program(user)
    user.is_active = False
    user.save()
    assert script.send("GET", "/preferences/").status_code == 401


@pytest.mark.parametrize(
    "sent", ["Token", "Token a b", "Token \u00ff\u00fe", "Token " + "0" * 5000, "Token evk_"]
)
def test_what_is_no_token_is_401(sent: str) -> None:
    answer = Client().get("/api/v1/preferences/", headers={"Authorization": sent})
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_token_that_may_only_read_changes_nothing(program: Programs) -> None:
    user = UserFactory()
    answer = program(user, "read").send("PATCH", "/preferences/", {"theme": "dark"})
    assert (answer.status_code, answer.json()["code"]) == (403, "read_only_token")
    user.refresh_from_db()
    assert user.theme == "system"


def test_its_last_use_is_noted_to_five_minutes(program: Programs) -> None:
    script = program(UserFactory())
    start = timezone.now()
    for minutes, noted in ((1, 1), (4, 1), (7, 7)):
        with time_machine.travel(start + timedelta(minutes=minutes), tick=False):
            script.send("GET", "/preferences/")
        assert ApiToken.objects.get().last_used_at == start + timedelta(minutes=noted)


def test_ten_tokens_are_enough(program: Programs) -> None:
    user = UserFactory()
    for _ in range(tokens.MOST_TOKENS):
        program(user)
    with pytest.raises(tokens.TooManyTokens, match="Revoke one first"):
        program(user)
    ApiToken.objects.filter(pk=ApiToken.objects.all()[0].pk).update(expiry=timezone.now())
    program(user)
    assert ApiToken.objects.count() == tokens.MOST_TOKENS


def test_a_session_reads_and_writes_with_its_csrf_token() -> None:
    user = UserFactory()
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.get("/api/v1/preferences/").json()["email"] == user.email
    options: dict[str, Any] = {"data": {"theme": "dark"}, "content_type": "application/json"}
    answer = client.patch("/api/v1/preferences/", **options)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    client.get(PAGE)
    token = {"X-CSRFToken": client.cookies["evenkeel-csrf"].value}
    assert client.patch("/api/v1/preferences/", **options, headers=token).status_code == 200


def test_a_guest_has_no_api() -> None:
    client = Client()
    client.force_login(guest(), backend="accounts.services.guests.GuestBackend")
    assert client.get("/api/v1/preferences/").status_code == 401


def test_the_limit_is_told_and_kept(program: Programs, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 2
    script = program(UserFactory())
    with time_machine.travel("2026-01-01T00:00:15Z", tick=False):
        ApiToken.objects.update(expiry=timezone.now() + timedelta(days=1))
        answers = [script.send("GET", "/preferences/") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        told = [answer.headers["RateLimit-Remaining"] for answer in answers]
        assert told == ["1", "0", "0"]
        refused = answers[-1]
        assert refused.headers["RateLimit-Limit"] == "2"
        assert refused.headers["Retry-After"] == refused.headers["RateLimit-Reset"] == "45"
        assert refused.json()["code"] == "too_many_requests"
        other = program(UserFactory())
        assert other.send("GET", "/preferences/").status_code == 200


def test_who_has_no_token_or_a_wrong_one_is_counted_too(settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 2
    client = Client()
    with time_machine.travel("2026-01-01T00:00:15Z", tick=False):
        answers = [
            client.get("/api/v1/preferences/", headers={"Authorization": sent} if sent else {})
            for sent in ("", "Token evk_wrong", "Token evk_guessed")
        ]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]


def test_what_nobody_knows_is_told_as_a_problem() -> None:
    for path in ("/nothing/", "/preferences", "/"):
        answer = Program().send("GET", path)
        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found"
    assert "end with a slash" in Program().send("GET", "/preferences").json()["detail"]
