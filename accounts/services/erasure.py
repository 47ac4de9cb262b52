"""The end of an account: afterwards its address is in no table."""

from collections.abc import Iterable
from functools import reduce
from operator import or_

from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q

from accounts.models import BlockedAddress, OutgoingEmail, User


@transaction.atomic
def erase(*, user: User) -> None:
    """Delete a user with all that belongs to them, and every mention of their addresses.

    All rows of other apps go by cascade. What mentions an address without belonging to the
    user is found by the address: letters, what the admin site has noted, unfinished logins.
    """
    known = EmailAddress.objects.filter(user=user).values_list("email", flat=True)
    addresses = {user.email.lower(), *(address.lower() for address in known)}
    own_sessions = UserSession.objects.filter(user=user).values_list("session_key", flat=True)
    Session.objects.filter(session_key__in=list(own_sessions)).delete()
    _forget_sessions(addresses)
    OutgoingEmail.objects.filter(_any("recipient__iexact", addresses) | Q(user=user)).delete()
    BlockedAddress.objects.filter(address__in=addresses).delete()
    LogEntry.objects.filter(
        _any("object_repr__iexact", addresses) | _any("change_message__icontains", addresses)
    ).delete()
    user.delete()


def _any(lookup: str, values: Iterable[str]) -> Q:
    return reduce(or_, (Q(**{lookup: value}) for value in values))


def _forget_sessions(addresses: set[str]) -> None:
    """End sessions that only mention an address: somebody began to sign up or to log in.

    What a session holds is encoded, so each is opened: some microseconds for each.
    """
    mentioning = [
        session.session_key
        for session in Session.objects.iterator(chunk_size=1000)
        if any(f"'{address}'" in str(session.get_decoded()).lower() for address in addresses)
    ]
    Session.objects.filter(session_key__in=mentioning).delete()
