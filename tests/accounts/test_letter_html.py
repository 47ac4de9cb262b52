"""Every e-mail is whole, strict HTML with its styles in its elements, and its text reads alone."""

import re

import html5lib
import pytest
from django.template.loader import render_to_string

from accounts import emails
from accounts.emails import Rendered
from accounts.models import Kind, OutgoingEmail
from accounts.services import letters
from analytics.services import nights
from tests.analytics.conftest import as_of, coins, hold, quotes, written  # noqa: F401
from tests.factories import UserFactory, notification

HALVES = {"BTC": "0.5", "SOL": "0.5"}
ADDRESS = "https://evenkeel.example.org/account/reset/abc/"
# What allauth has to say, and what it is given to say it with.
ACCOUNT = [
    "account/email/account_already_exists",
    "account/email/email_changed",
    "account/email/email_confirmation",
    "account/email/password_changed",
    "account/email/password_reset_key",
    "account/email/unknown_account",
    "mfa/email/recovery_codes_generated",
    "mfa/email/totp_activated",
    "mfa/email/totp_deactivated",
    "mfa/email/webauthn_added",
    "mfa/email/webauthn_removed",
]


def problems(html: str) -> list[str]:
    """What a strict parser minds: nothing is guessed, closed or moved for us."""
    parser = html5lib.HTMLParser(strict=False)
    parser.parse(html)
    return [f"{place}: {code} {words}" for place, code, words in parser.errors]


def check(message: Rendered) -> None:
    assert problems(message.html) == []
    assert message.html.count("<h1") == 1
    assert "{{" not in message.html + message.text
    for trace in ("<img", "<script", "<link", "src=", "url(", "@import", "<form"):
        assert trace not in message.html, "nothing is loaded, nothing tracks"
    assert "prefers-color-scheme: dark" in message.html
    assert not re.search(r'class="button"(?![^>]*style=)', message.html), "styles are inlined"
    assert not re.search(r"<[a-z/]", message.text), "the text is text"
    assert "\n\n\n\n" not in message.text
    assert message.subject == " ".join(message.subject.split())


@pytest.mark.django_db
@pytest.mark.parametrize("prefix", ACCOUNT)
def test_what_is_said_about_an_account(prefix: str) -> None:
    user = UserFactory()
    said = {
        "user": user, "email": user.email, "activate_url": ADDRESS, "password_reset_url": ADDRESS,
        "signup_url": ADDRESS, "key": "abc", "code": "ABC-DEF", "timestamp": "now",
        "ip": "192.0.2.1", "user_agent": "Mozilla/5.0 <Firefox>", "from_email": user.email,
        "to_email": "new@example.org", "authenticator": None,
    }  # fmt: skip
    check(emails.account(prefix, context=said))


def test_every_template_of_allauth_s_is_looked_at() -> None:
    for prefix in ACCOUNT:
        assert render_to_string(f"{prefix}_subject.txt", {}).strip()


@pytest.mark.django_db
def test_a_letter_about_each_kind_of_news() -> None:
    user = UserFactory()
    for kind in Kind:
        notification(
            user, key=kind, kind=kind, subject=f"A & B <{kind}> “quoted”", body="One\nTwo\n\nThree",
        )  # fmt: skip
    letters.queue()
    message = letters.write(OutgoingEmail.objects.get())
    assert message is not None
    check(Rendered(message.subject, message.text.replace("<", "("), message.html))
    assert message.text.count("* * *") == len(Kind) - 1


def test_a_letter_about_drift_with_all_its_tables(hold, as_of) -> None:  # noqa: F811
    hold({"BTC": 9, "SOL": 1}, HALVES, name="Mine")
    nights.run_to_end(as_of=as_of)
    message = written()
    assert message is not None
    check(message)
    assert message.html.count("<table") >= 3
    assert "Snooze for 7 days" in message.html


def test_the_parser_minds_what_is_wrong() -> None:
    fine = "<!DOCTYPE html><html><head><title>a</title></head><body><p>a</p></body></html>"
    assert problems(fine) == []
    assert problems(fine.replace("</p>", "</div>"))
    assert problems(fine.replace("<p>", "<table><p>"))
