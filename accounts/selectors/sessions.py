"""Where a person is logged in."""

from allauth.usersessions.models import UserSession
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import User


def open_of(user: User) -> list[UserSession]:
    """The sessions in which the user is still logged in, the oldest first. Two queries."""
    noted = UserSession.objects.filter(user=user).order_by("created_at", "pk")
    keys = {session.session_key for session in noted}
    stored = Session.objects.filter(pk__in=keys, expire_date__gt=timezone.now())
    still_open = {session.pk for session in stored if _opens(session, user)}
    return [session for session in noted if session.session_key in still_open]


def _opens(session: Session, user: User) -> bool:
    """Whether it is the user's, from after their last change of password."""
    found = session.get_decoded()
    seal = found.get(HASH_SESSION_KEY, "")
    seals = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return found.get(SESSION_KEY) == str(user.pk) and any(
        constant_time_compare(seal, each) for each in seals
    )
