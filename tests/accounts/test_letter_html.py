"""Every e-mail is whole, strict HTML with its styles in its elements, and its text reads alone."""

import re
from pathlib import Path

import allauth
import html5lib
import pytest

from accounts import emails
from accounts.emails import Rendered
from accounts.models import Kind, OutgoingEmail
from accounts.services import letters
from accounts.services.mail_previews import ACCOUNT, account_context
from analytics.services import nights
from tests.analytics.conftest import as_of, coins, hold, quotes, written  # noqa: F401
from tests.factories import UserFactory, notification

HALVES = {"BTC": "0.5", "SOL": "0.5"}
REPOSITORY = Path(__file__).resolve().parents[2]


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
    message = emails.account(prefix, context=account_context(UserFactory()))
    check(message)
    lines = message.text.splitlines()
    assert all(len(line) < 600 for line in lines)
    assert "example.com" not in message.text, "allauth's own words name a site of its own"


def test_every_mail_of_allauth_s_is_looked_at() -> None:
    """Those it brings, and those of ours; nobody logs in here with another site's account."""
    folders = [Path(allauth.__file__).parent / "templates", REPOSITORY / "templates"]
    there = {
        str(path.relative_to(folder)).removesuffix("_subject.txt")
        for folder in folders
        for path in folder.glob("*/email/*_subject.txt")
    }
    assert {name for name in there if not name.startswith("socialaccount/")} == set(ACCOUNT)


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
