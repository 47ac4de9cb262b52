"""Guests: who tries the site without signing up, and what becomes of what they made.

A guest is known by a session alone, for seven days. What a guest has becomes the person's who
logs in from that session, or who has signed up in it and logs in from anywhere: only a login
proves both the address and the password. Signing up therefore changes nothing that a visitor
could see, whether the address is known or not, and an address typed wrong gets nothing.

Apps above this one register how their rows pass from a guest to a person.
"""

import secrets
from datetime import timedelta
from typing import Protocol

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, login
from django.contrib.auth.backends import BaseBackend
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpRequest

from accounts.models import GUEST_DOMAIN, GUEST_STAYS, AlertPreference, User

# Even if they come from everywhere at once, or while nobody counts addresses.
MAX_GUESTS = 10_000
PURGED_AT_ONCE = 100
# Who signs up on the last day may still confirm: so long the link in the letter works.
LETTER_WORKS = timedelta(days=settings.ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS)

DISPLAY_SETTINGS = ("time_zone", "theme", "number_style", "base_unit")


class TooManyGuests(Exception):
    """There is no room for another guest now."""


class HandOver(Protocol):
    """Gives a guest's rows to a person; the number of those worth a word."""

    def __call__(self, *, guest: User, person: User) -> int: ...


_hand_overs: list[HandOver] = []


def register(hand_over: HandOver) -> None:
    """Have the rows of an app passed on when a guest becomes a person."""
    _hand_overs.append(hand_over)


class GuestBackend(BaseBackend):
    """Knows guests and nobody else, and lets nobody in: only `log_in` opens their sessions."""

    def get_user(self, user_id: int) -> User | None:
        return User.objects.filter(pk=user_id, guest_since__gt=Now() - GUEST_STAYS).first()


def create() -> User:
    """Make a guest. Raises TooManyGuests."""
    if User.objects.filter(guest_since__isnull=False).count() >= MAX_GUESTS:
        raise TooManyGuests
    guest = User(
        email=f"{secrets.token_hex(16)}@{GUEST_DOMAIN}",
        is_active=False,
        alert_preference=AlertPreference.NONE,
        guest_since=Now(),
    )
    guest.set_unusable_password()
    guest.save()
    guest.refresh_from_db()
    return guest


def log_in(request: HttpRequest, guest: User) -> None:
    """Make this session the guest's."""
    login(request, guest, backend=f"{__name__}.{GuestBackend.__name__}")


def leave(session: SessionBase) -> None:
    """Make this session nobody's, and keep what else is in it: the steps of a login.

    Otherwise Django would throw all of it away when somebody else logs in.
    """
    for key in (SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY):
        session.pop(key, None)


def promise(*, guest: User, person: User) -> None:
    """Remember who has signed up, the last of them, and let the site look to them as it did.

    Idempotent.
    """
    User.objects.filter(pk=guest.pk, guest_since__isnull=False).update(signed_up_as=person)
    chosen = {field: getattr(guest, field) for field in DISPLAY_SETTINGS}
    User.objects.filter(pk=person.pk).update(**chosen)


@transaction.atomic
def adopt(*, person: User, guest: User | None = None) -> int:
    """Give a person all that this guest has, and those that have signed up as this person.

    The guests are gone afterwards, and with them their sessions. Returns the number of
    portfolios. Idempotent.
    """
    theirs = Q(signed_up_as=person) | Q(pk=guest.pk if guest else None)
    adopted = 0
    found = User.objects.filter(theirs, guest_since__isnull=False)
    for each in found.select_for_update(of=("self",)).order_by("pk"):
        adopted += sum(hand_over(guest=each, person=person) for hand_over in _hand_overs)
        each.delete()
    return adopted


def discard(*, guest: User) -> None:
    """Delete a guest with everything. Idempotent; a person stays."""
    User.objects.filter(pk=guest.pk, guest_since__isnull=False).delete()


def purge() -> int:
    """Delete the guests whose time is up, with everything; their number. Idempotent.

    In batches, each a transaction: a long list of them blocks nobody.
    """
    purged = 0
    while batch := _purge_batch():
        purged += batch
    return purged


@transaction.atomic
def _purge_batch() -> int:
    waiting = Q(signed_up_as__isnull=False)
    gone = Q(guest_since__lt=Now() - GUEST_STAYS) & ~waiting
    gone |= Q(guest_since__lt=Now() - GUEST_STAYS - LETTER_WORKS)
    expired = User.objects.filter(gone).select_for_update(skip_locked=True, of=("self",))
    ids = list(expired.order_by("pk").values_list("pk", flat=True)[:PURGED_AT_ONCE])
    User.objects.filter(pk__in=ids).delete()
    return len(ids)
