"""Sessions that have ended are forgotten, with the addresses and browsers noted about them."""

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from accounts.models import User


@transaction.atomic
def end_others(*, user: User, session_key: str) -> None:
    """Log the user out of every session but this one. Idempotent."""
    others = UserSession.objects.filter(user=user).exclude(session_key=session_key)
    Session.objects.filter(pk__in=list(others.values_list("session_key", flat=True))).delete()
    others.delete()


def purge() -> int:
    """Delete what has expired, by the database's clock; the number of sessions. Idempotent."""
    expired, _ = Session.objects.filter(expire_date__lte=Now()).delete()
    alive = Session.objects.filter(session_key=OuterRef("session_key"))
    UserSession.objects.filter(~Exists(alive)).delete()
    return expired
