"""One-click unsubscription (RFC 8058), from letters about one kind of news or from all letters."""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from accounts.models import AlertPreference, Kind, Notification, User
from accounts.services import signed_links
from accounts.services.signed_links import InvalidToken

PURPOSE = "unsubscribe"
WORKS_FOR = timedelta(days=365)
ALL = "all"


@dataclass(frozen=True)
class Subscription:
    """What a link ends: letters about one kind, or, without a kind, all of them."""

    user: User
    kind: Kind | None = None


def url(user: User, *, kind: Kind | None = None) -> str:
    token = signed_links.sign(PURPOSE, user.pk, kind or ALL)
    return signed_links.url("accounts:unsubscribe", token)


def headers(user: User, *, kind: Kind | None = None) -> dict[str, str]:
    """What lets a mail programme show its own "unsubscribe" button, and file letters by kind."""
    host = urlsplit(settings.SITE_URL).hostname
    return {
        "List-Id": f"<{kind or 'letters'}.{host}>",
        "List-Unsubscribe": f"<{url(user, kind=kind)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def find(token: str) -> Subscription:
    """What this link ends. Raises InvalidToken and ExpiredToken."""
    match signed_links.read(PURPOSE, token, works_for=WORKS_FOR):
        case [key, name] if name == ALL or name in Kind.values:
            user = User.objects.filter(pk=key).first()
            if user:
                return Subscription(user, None if name == ALL else Kind(name))
    raise InvalidToken


def end(subscription: Subscription) -> None:
    """Idempotent. What waits to be written about is not any more."""
    user, kind = subscription.user, subscription.kind
    if kind is None:
        stop_letters(user)
        return
    with transaction.atomic():
        locked = User.objects.select_for_update().get(pk=user.pk)
        locked.muted_kinds = sorted({*locked.muted_kinds, kind})
        locked.save(update_fields=["muted_kinds"])


def stop_letters(user: User) -> None:
    """Write no letters to this user any more. Idempotent."""
    User.objects.filter(pk=user.pk).update(alert_preference=AlertPreference.NONE)
    Notification.objects.filter(user=user, letter=None).update(is_for_mail=False)
