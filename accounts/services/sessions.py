"""Sessions that have ended are forgotten, with the addresses and browsers noted about them."""

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now


def purge() -> int:
    """Delete what has expired, by the database's clock; the number of sessions. Idempotent."""
    expired, _ = Session.objects.filter(expire_date__lte=Now()).delete()
    alive = Session.objects.filter(session_key=OuterRef("session_key"))
    UserSession.objects.filter(~Exists(alive)).delete()
    return expired
