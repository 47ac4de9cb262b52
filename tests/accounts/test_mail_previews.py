"""Staff look at every mail there is, as HTML, as text and raw; nothing is sent."""

import email
from email.policy import default as email_policy

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import Kind, OutgoingEmail, User
from accounts.services import mail_previews, unsubscribe
from tests.factories import UserFactory, notification, staff

pytestmark = pytest.mark.django_db
PAGE = "/admin/accounts/outgoingemail/previews/"
BODY = "/admin/accounts/outgoingemail/preview/"


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("name", mail_previews.names())
def test_every_mail_is_shown_in_all_three_forms_and_not_sent(name: str) -> None:
    member = staff()
    client = client_of(member)
    asked = {"mail": name, "person": member.email}
    page = client.get(PAGE, asked)
    assert page.status_code == 200
    assert "Nothing is sent." in page.text
    preview = mail_previews.render(name, user=member)
    assert client.get(BODY, asked).text.startswith("<!DOCTYPE html>")
    raw = email.message_from_string(preview.raw, policy=email_policy)
    assert raw["To"] == member.email
    assert raw["Subject"] == preview.message.subject
    assert {part.get_content_type() for part in raw.walk()} >= {"text/plain", "text/html"}
    assert not OutgoingEmail.objects.exists()


def test_a_letter_says_its_person_s_own_news() -> None:
    person, member = UserFactory(), staff()
    notification(person, subject="Moderate is 7.2 pp off", kind=Kind.DRIFT)
    asked = {"mail": "letter-drift", "person": person.email}
    page = client_of(member).get(PAGE, asked).text
    assert "Subject: Moderate is 7.2 pp off" in page
    assert "made-up" not in page
    assert "Moderate is 7.2 pp off" in client_of(member).get(BODY, asked).text
    raw = mail_previews.render("letter-drift", user=person).raw
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in raw


def test_no_link_in_it_acts_for_its_person() -> None:
    person = UserFactory()
    notification(person, subject="Moderate is 7.2 pp off", kind=Kind.DRIFT)
    preview = mail_previews.render("letter-drift", user=person)
    token = unsubscribe.url(person, kind=Kind.DRIFT).rstrip("/").rpartition("/")[2]
    signature = token.partition(":")[0]
    body = email.message_from_string(preview.raw, policy=email_policy)
    said = [preview.message.text, preview.message.html, str(body["List-Unsubscribe"])]
    assert all("/account/unsubscribe/example/" in each for each in said)
    assert not any(f"/{signature}:" in each or f"/{signature}%3A" in each for each in said)


def test_the_frame_s_policy_loads_nothing_and_lets_only_us_frame_it() -> None:
    client = client_of(staff())
    body = client.get(BODY)
    assert "default-src 'none'" in body["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in body["Content-Security-Policy"]
    assert body["X-Frame-Options"] == "SAMEORIGIN"
    page = client.get(PAGE)
    assert "frame-src 'self'" in page["Content-Security-Policy"]
    assert "<iframe" in page.text
    assert " sandbox " in page.text


@pytest.mark.parametrize(
    "asked", [{"mail": "no-such"}, {"person": "nobody@example.org"}, {"person": "\x00"}]
)
def test_what_there_is_not_is_said_in_words(asked: dict[str, str]) -> None:
    client = client_of(staff())
    assert client.get(PAGE, asked).status_code == 422
    assert "errorlist" in client.get(PAGE, asked).text
    assert client.get(BODY, asked).status_code == 404


def test_only_staff_who_decide_about_mail_look_at_it() -> None:
    member = UserFactory(is_staff=True)
    member.user_permissions.add(Permission.objects.get(codename="view_outgoingemail"))
    client = client_of(member)
    for address in (PAGE, BODY):
        assert client.get(address).status_code == 403
        assert client_of(UserFactory()).get(address).status_code == 302


def test_the_outbox_leads_there() -> None:
    page = client_of(staff()).get(reverse("admin:accounts_outgoingemail_changelist"))
    assert f'href="{PAGE}"' in page.text
