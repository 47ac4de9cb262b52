"""From the sign-up form through a real mail server to being signed in."""

import re
import time
from typing import Any

import pytest
from celery import current_app
from django.test import Client

from accounts.models import OutgoingEmail, User
from accounts.services import outbox
from tests.accounts.conftest import MailServer
from tests.factories import PASSWORD, UserFactory

# Mail is hastened on commit: these tests commit.
pytestmark = pytest.mark.django_db(transaction=True)


def sign_up(client: Client, address: str) -> Any:
    passwords = {"password1": PASSWORD, "password2": PASSWORD}
    return client.post("/account/signup/", {"email": address, **passwords})


def link_in(message: Any) -> str:
    text = message.get_body(("plain",)).get_content()
    found = re.search(r"http://testserver(/\S+)", text)
    assert found, text
    return found[1]


def anonymised(response: Any, address: str) -> tuple[int, str, str]:
    """What a visitor sees, without what differs by chance or by the address typed."""
    body = response.content.decode().replace(address, "ADDRESS")
    body = re.sub(r'(name="csrfmiddlewaretoken" value|X-CSRFToken)[":= ]+\w+', "TOKEN", body)
    return response.status_code, response.headers.get("Location", ""), body


def test_somebody_signs_up_verifies_from_the_mail_and_is_let_in(
    client: Client, mail_server: MailServer
) -> None:
    response = sign_up(client, "Ada@Example.org")
    assert response.headers["Location"] == "/account/confirm-email/"
    refused = client.post("/account/login/", {"login": "ada@example.org", "password": PASSWORD})
    assert refused.headers["Location"] == "/account/confirm-email/", "not before it is verified"

    outbox.send_due()
    message = mail_server.messages[0]
    assert message["To"] == "ada@example.org"
    link = link_in(message)
    assert f'href="http://testserver{link}"' in message.get_body(("html",)).get_content()

    assert "Is <strong>ada@example.org</strong> yours?" in client.get(link).content.decode()
    confirmed = client.post(link, follow=True).text
    assert "Your e-mail address is confirmed. Log in to begin." in confirmed
    client.post("/account/login/", {"login": "ada@example.org", "password": PASSWORD})
    assert client.session["_auth_user_id"] == str(User.objects.get().pk)


def test_signing_up_with_a_known_address_looks_the_same_and_tells_only_its_owner(
    mail_server: MailServer,
) -> None:
    taken = UserFactory(email="taken@example.org")
    taken.emailaddress_set.create(email=taken.email, verified=True, primary=True)
    seen = {}
    for address in ("taken@example.org", "new@example.org"):
        visitor = Client()
        first = sign_up(visitor, address)
        second = visitor.get(first.headers["Location"])
        seen[address] = anonymised(first, address), anonymised(second, address)
    assert seen["taken@example.org"] == seen["new@example.org"]

    outbox.send_due()
    subjects = {message["To"]: message["Subject"] for message in mail_server.messages}
    assert subjects == {
        "taken@example.org": "You already have an account",
        "new@example.org": "Confirm your e-mail address",
    }


def test_a_wrong_password_looks_the_same_as_an_unknown_address() -> None:
    known = UserFactory(email="known@example.org")
    known.emailaddress_set.create(email=known.email, verified=True, primary=True)
    seen = set()
    for address in ("known@example.org", "unknown@example.org"):
        wrong = {"login": address, "password": "not-the-right-one"}
        response = Client().post("/account/login/", wrong)
        assert "E-mail address and password do not fit together." in response.content.decode()
        seen.add(anonymised(response, address))
    assert len(seen) == 1


def test_asking_for_a_password_looks_the_same_for_an_unknown_address(
    mail_server: MailServer,
) -> None:
    known = UserFactory(email="known@example.org")
    known.emailaddress_set.create(email=known.email, verified=True, primary=True)
    seen = set()
    for address in ("known@example.org", "unknown@example.org"):
        visitor = Client()
        asked = visitor.post("/account/password/reset/", {"email": address})
        seen.add(anonymised(asked, address))
        seen.add(anonymised(visitor.get(asked.headers["Location"]), address))
    assert len(seen) == 2, "one answer and one page, whoever asks"

    outbox.send_due()
    assert len(mail_server.messages) == 2


def test_a_forgotten_password_is_replaced_through_the_mailed_link(
    client: Client, mail_server: MailServer
) -> None:
    user = UserFactory(email="ada@example.org")
    user.emailaddress_set.create(email=user.email, verified=True, primary=True)
    client.post("/account/password/reset/", {"email": user.email})
    outbox.send_due()
    form = client.get(link_in(mail_server.messages[0]), follow=True)
    new = "another-calm-harbour"
    client.post(form.request["PATH_INFO"], {"password1": new, "password2": new})

    user.refresh_from_db()
    assert user.check_password(new)


def test_a_short_password_is_refused_with_the_reason(client: Client) -> None:
    response = client.post(
        "/account/signup/", {"email": "a@example.org", "password1": "short", "password2": "short"}
    )
    assert "at least 12 characters" in response.content.decode()
    assert not User.objects.exists()


def test_signing_up_works_while_the_broker_is_away(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")

    started = time.monotonic()
    response = sign_up(client, "ada@example.org")

    assert response.status_code == 302
    assert time.monotonic() - started < 3
    assert OutgoingEmail.objects.get().state == OutgoingEmail.State.PENDING


def test_signing_up_rings_for_its_mail(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker is this process's memory: a worker of a demo would take the message away."""
    monkeypatch.setattr(current_app.conf, "broker_write_url", "memory://")
    with current_app.connection_for_write() as broker:
        ring = broker.SimpleQueue("people")
        ring.clear()
        sign_up(client, "ada@example.org")
        message = ring.get(timeout=5)
        message.ack()

    assert message.headers["task"] == "accounts.tasks.send_due_mail"
    assert message.payload[1] == {"kind": outbox.ACCOUNT}


def test_a_change_of_password_is_told_to_its_owner(client: Client, mail_server: MailServer) -> None:
    user = UserFactory(email="ada@example.org")
    user.emailaddress_set.create(email=user.email, verified=True, primary=True)
    client.post("/account/login/", {"login": user.email, "password": PASSWORD})
    new = "another-calm-harbour"
    client.post(
        "/account/password/change/",
        {"oldpassword": PASSWORD, "password1": new, "password2": new},
        headers={"user-agent": "O'Brien & Sons <browser>"},
    )
    outbox.send_due()

    [message] = mail_server.messages
    assert message["Subject"] == "Your password was changed"
    assert "O'Brien & Sons <browser>" in message.get_body(("plain",)).get_content()
    html = message.get_body(("html",)).get_content()
    assert "&amp; Sons &lt;browser&gt;" in html
    assert "&amp;amp;" not in html
