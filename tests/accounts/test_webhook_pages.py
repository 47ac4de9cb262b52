"""The pages on which people make webhooks, try them, and see what became of deliveries."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import tasks
from accounts.models import User, Webhook, WebhookDelivery
from accounts.services import encryption, webhooks
from tests.factories import PASSWORD, UserFactory, notification, webhook

PAGE = "/account/webhooks/"
ADDRESS = "https://hooks.example.org/evenkeel"
pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return UserFactory()


@pytest.fixture
def client(user: User) -> Client:
    """Of somebody who has just typed the password."""
    found = Client()
    found.post("/account/login/", {"login": user.email, "password": PASSWORD})
    if "_auth_user_id" not in found.session:
        found.force_login(user)
        found.post("/account/reauthenticate/", {"password": PASSWORD})
    return found


def test_a_webhook_is_made_and_its_secret_shown_once(user: User, client: Client) -> None:
    answer = client.post(PAGE, {"url": ADDRESS, "kinds": ["drift", "review"]})
    assert answer.status_code == 200
    [secret] = re.findall(r"whsec_[\w+/=]+", answer.text)
    made = user.webhooks.get()
    assert encryption.decrypt(made.secret) == secret
    assert (made.url, made.kinds) == (ADDRESS, ["drift", "review"])
    again = client.get(PAGE).text
    assert ADDRESS in again
    assert "whsec_" not in again + client.get(f"{PAGE}{made.pk}/").text


def test_making_one_asks_for_the_password_again(user: User) -> None:
    client = Client()
    client.force_login(user)
    answer = client.post(PAGE, {"url": ADDRESS, "kinds": ["drift"]})
    assert answer.status_code == 302
    assert "/reauthenticate/" in answer.url
    assert not Webhook.objects.exists()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://example.org/", "beginning with https://"),
        ("https://10.0.0.1/", "not on the public internet"),
        ("https://example.org:8443/", "Port 8443"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_beside_it(
    client: Client, url: str, words: str
) -> None:
    answer = client.post(PAGE, {"url": url, "kinds": ["drift"]})
    assert answer.status_code == 422
    assert words in answer.text
    assert url in answer.text, "what was typed is not lost"
    assert not Webhook.objects.exists()


def test_the_sixth_is_refused_in_words(user: User, client: Client) -> None:
    for _ in range(webhooks.MOST_WEBHOOKS):
        webhook(user)
    answer = client.post(PAGE, {"url": ADDRESS, "kinds": ["drift"]})
    assert answer.status_code == 422
    assert "Delete one first" in answer.text


def test_it_is_paused_resumed_and_deleted(user: User, client: Client) -> None:
    page = f"{PAGE}{webhook(user).pk}/"
    client.post(f"{page}pause/")
    assert "paused" in client.get(page).text
    client.post(f"{page}resume/")
    assert user.webhooks.get().is_active
    client.post(f"{page}delete/")
    assert client.get(page).status_code == 404


def test_a_test_is_queued_and_a_worker_rung(
    user: User, client: Client, monkeypatch: Any, django_capture_on_commit_callbacks: Any
) -> None:
    rung: list[int] = []
    monkeypatch.setattr(tasks.send_webhooks, "delay", lambda: rung.append(1))
    page = f"{PAGE}{webhook(user).pk}/"
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(f"{page}test/", follow=True)
    assert "leaves within a minute" in answer.text
    assert rung == [1]
    assert WebhookDelivery.objects.get().is_test
    assert "on its way already" in client.post(f"{page}test/", follow=True).text


def test_tests_are_limited(user: User, client: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr(tasks.send_webhooks, "delay", lambda: None)
    page = f"{PAGE}{webhook(user).pk}/"
    said = [client.post(f"{page}test/", follow=True).text for _ in range(7)]
    assert "wait a minute" in said[-1]
    assert "wait a minute" not in said[0]


def test_deliveries_are_listed_in_as_many_queries_for_many_as_for_one(
    user: User, client: Client
) -> None:
    made = webhook(user)

    def queries(number: int) -> int:
        for n in range(number):
            item = notification(user, key=f"drift:{number}:{n}")
            WebhookDelivery.objects.create(
                webhook=made, notification=item, last_status=503, last_error="It answered 503."
            )
        with CaptureQueriesContext(connection) as captured:
            assert "It answered 503." in client.get(f"{PAGE}{made.pk}/").text
        return len(captured)

    few = queries(1)
    assert queries(60) <= few <= 8


def test_nobody_sees_or_touches_somebody_else_s(client: Client) -> None:
    theirs = webhook(UserFactory())
    page = f"{PAGE}{theirs.pk}/"
    assert client.get(page).status_code == 404
    for action in ("test", "pause", "resume", "delete"):
        assert client.post(f"{page}{action}/").status_code == 404
    theirs.refresh_from_db()
    assert theirs.is_active
