"""One click, without a login, from the mail programme or from the page (RFC 8058)."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from accounts.models import Kind, Notification, User
from accounts.services import outbox, unsubscribe
from tests.accounts.conftest import MailServer
from tests.factories import UserFactory, notification

pytestmark = pytest.mark.django_db

ONE_CLICK = {
    "data": "List-Unsubscribe=One-Click",
    "content_type": "application/x-www-form-urlencoded",
}


@pytest.fixture
def user(settings) -> User:
    settings.SITE_URL = "https://evenkeel.example.org"
    return UserFactory()


@pytest.fixture
def stranger() -> Client:
    """A mail programme: no cookies, no CSRF token, and the protection switched on."""
    return Client(enforce_csrf_checks=True)


def path(user: User) -> str:
    return unsubscribe.url(user).removeprefix("https://evenkeel.example.org")


def wants_alerts(user: User) -> bool:
    return User.objects.get(pk=user.pk).alert_preference != "none"


def test_opening_the_link_asks_and_changes_nothing(user: User, stranger: Client) -> None:
    response = stranger.get(path(user))
    assert response.status_code == 200
    assert '<form method="post">' in response.content.decode()
    assert wants_alerts(user), "mail scanners open links"


def test_one_click_unsubscribes_and_a_second_one_changes_nothing(
    user: User, stranger: Client
) -> None:
    for _ in range(2):
        assert stranger.post(path(user), **ONE_CLICK).status_code == 200
        assert not wants_alerts(user)


def test_only_the_owner_of_the_link_is_unsubscribed(user: User, stranger: Client) -> None:
    somebody_else = UserFactory()
    stranger.post(path(user), **ONE_CLICK)
    assert wants_alerts(somebody_else)


def test_a_tampered_link_is_not_found(user: User, stranger: Client) -> None:
    victim = UserFactory()
    forged = path(user).replace(f"/{user.pk}.", f"/{victim.pk}.")
    assert forged != path(user)
    for address in (forged, path(user)[:-2] + "/", "/account/unsubscribe/nonsense/"):
        assert stranger.get(address).status_code == 404
        assert stranger.post(address, **ONE_CLICK).status_code == 404
    assert wants_alerts(victim)


def test_the_link_of_somebody_who_is_gone_is_not_found(user: User, stranger: Client) -> None:
    address = path(user)
    user.delete()
    assert stranger.post(address, **ONE_CLICK).status_code == 404


def test_the_header_of_a_mail_that_arrived_unsubscribes(
    user: User, stranger: Client, mail_server: MailServer
) -> None:
    outbox.enqueue(
        dedupe_key="alert", recipient=user.email, kind="test", subject="Drift", text="It drifted.",
        headers=unsubscribe.headers(user),
    )  # fmt: skip
    outbox.send_due()

    [message] = mail_server.messages
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    header = message["List-Unsubscribe"].strip()
    address = re.fullmatch(r"<https://evenkeel.example.org(/.+)>", header)
    assert address, header
    stranger.post(address[1], **ONE_CLICK)
    assert not wants_alerts(user)


# --- One kind of news --------------------------------------------------------------------------


def test_letters_about_one_kind_are_stopped_alone(user: User, stranger: Client) -> None:
    link = unsubscribe.url(user, kind=Kind.DEPEG).removeprefix("https://evenkeel.example.org")
    page = stranger.get(link).text
    assert "No more letters about: A stablecoin you hold has lost its peg." in page
    user.refresh_from_db()
    assert user.muted_kinds == []
    for _ in range(2):
        assert "Other letters still come" in stranger.post(link, **ONE_CLICK).text
        user.refresh_from_db()
        assert user.muted_kinds == ["depeg"]
    assert wants_alerts(user)


def test_letters_about_one_kind_are_a_list_of_their_own(user: User) -> None:
    one = unsubscribe.headers(user, kind=Kind.REVIEW)["List-Id"]
    assert one == "<review.evenkeel.example.org>"
    assert unsubscribe.headers(user)["List-Id"] == "<letters.evenkeel.example.org>"


def test_after_a_year_a_link_says_that_it_is_too_old(user: User, stranger: Client) -> None:
    with time_machine.travel(datetime.now(UTC) - timedelta(days=366)):
        old = path(user)
    for answer in (stranger.get(old), stranger.post(old, **ONE_CLICK)):
        assert answer.status_code == 410
        assert "This link is too old" in answer.text
    assert wants_alerts(user)


def test_who_stops_all_letters_has_nothing_to_catch_up_on(user: User, stranger: Client) -> None:
    notification(user)
    stranger.post(path(user), **ONE_CLICK)
    assert not Notification.objects.filter(user=user, is_for_mail=True).exists()
