"""Every mail there is, with real data where there are some, for staff to look at.

Nothing is queued and nothing is sent.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from accounts import emails
from accounts.emails import Rendered
from accounts.models import Kind, Notification, OutgoingEmail, User
from accounts.services import letters, outbox

# What allauth has to say: all that its own templates, or ours in their place, are for.
ACCOUNT = (
    "account/email/account_already_exists",
    "account/email/email_changed",
    "account/email/email_confirm",
    "account/email/email_confirmation",
    "account/email/email_confirmation_signup",
    "account/email/email_deleted",
    "account/email/login_code",
    "account/email/password_changed",
    "account/email/password_reset",
    "account/email/password_reset_code",
    "account/email/password_reset_key",
    "account/email/password_set",
    "account/email/unknown_account",
    "mfa/email/recovery_codes_generated",
    "mfa/email/totp_activated",
    "mfa/email/totp_deactivated",
    "mfa/email/webauthn_added",
    "mfa/email/webauthn_removed",
)
EVERYTHING = "letter-everything"
# What works without a login is for the one it was written to.
SIGNED = re.compile(r"(/account/(?:act|letters|unsubscribe)/)[^/\s\"'<>]+")


@dataclass(frozen=True)
class Preview:
    """`is_real` where its person has such news; else what it says is made up."""

    message: Rendered
    raw: str
    is_real: bool


def names() -> dict[str, str]:
    """What there is to look at, and what each is called."""
    found = {f"letter-{kind.value}": f"Letter: {kind.label}" for kind in Kind}
    found[EVERYTHING] = "Letter: one of each"
    for prefix in ACCOUNT:
        words = prefix.rpartition("/")[2].replace("_", " ")
        found[prefix.replace("/", "-")] = f"Account: {words}"
    return found


def render(name: str, *, user: User) -> Preview:
    """The mail of this name as this person would get it. Raises KeyError for a name of none."""
    names()[name]
    by_name = {prefix.replace("/", "-"): prefix for prefix in ACCOUNT}
    if prefix := by_name.get(name):
        message, is_real = emails.account(prefix, context=account_context(user)), False
    else:
        message, is_real = _letter(name, user)
    message = _without_signed_links(message)
    row = OutgoingEmail(
        recipient=user.email,
        subject=message.subject,
        text=message.text,
        html=message.html,
        headers=dict(message.headers),
        message_id="<preview@localhost>",
    )
    return Preview(message, outbox.message(row).message().as_string(), is_real)


def account_context(user: User) -> Mapping[str, Any]:
    """All that any account mail is given, made up: no link in it opens anything."""
    address = f"{settings.SITE_URL.rstrip('/')}/account/example/"
    return {
        "user": user, "email": user.email, "activate_url": address, "signup_url": address,
        "password_reset_url": address, "key": "example", "code": "ABC-DEF",
        "timestamp": datetime(2026, 11, 24, 12, tzinfo=UTC), "ip": "192.0.2.1",
        "user_agent": "Mozilla/5.0 <Firefox>", "from_email": user.email,
        "to_email": "new@example.org", "deleted_email": "old@example.org",
        "authenticator": None,
    }  # fmt: skip


def _without_signed_links(message: Rendered) -> Rendered:
    def blunt(words: str) -> str:
        return SIGNED.sub(r"\1example", words)

    return replace(
        message,
        text=blunt(message.text),
        html=blunt(message.html),
        headers={name: blunt(value) for name, value in message.headers.items()},
    )


def _letter(name: str, user: User) -> tuple[Rendered, bool]:
    wanted = list(Kind) if name == EVERYTHING else [Kind(name.removeprefix("letter-"))]
    address = f"{settings.SITE_URL.rstrip('/')}/account/letters/example/"
    real = letters.compose(user=user, items=list(_newest(user, wanted)), browser_url=address)
    if real:
        return real, True
    made_up = [_sample(user, kind) for kind in wanted]
    found = letters.compose(user=user, items=made_up, browser_url=address)
    assert found is not None
    return found, False


def _newest(user: User, kinds: list[Kind]) -> Iterator[Notification]:
    for kind in kinds:
        found = Notification.objects.filter(user=user, kind=kind).order_by("-pk").first()
        if found:
            yield found


def _sample(user: User, kind: Kind) -> Notification:
    return Notification(
        user=user,
        kind=kind,
        subject=f"An example: {str(kind.label).lower()}",
        body="This person has no such news, so these words are made up.\n\nA second paragraph.",
        link="/",
    )
