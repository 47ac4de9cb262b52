"""One-click unsubscription (RFC 8058): a signed link that needs no login and never expires."""

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from accounts.models import AlertPreference, User

_signer = Signer(salt="accounts.unsubscribe")


class InvalidToken(Exception):
    """Not a link of ours, or of somebody who is gone."""


def token(user: User) -> str:
    return _signer.sign(str(user.pk))


def url(user: User) -> str:
    return settings.SITE_URL.rstrip("/") + reverse("accounts:unsubscribe", args=[token(user)])


def headers(user: User) -> dict[str, str]:
    """What lets a mail programme show its own "unsubscribe" button."""
    return {
        "List-Unsubscribe": f"<{url(user)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def owner(signed: str) -> User:
    """Whose link this is."""
    try:
        return User.objects.get(pk=_signer.unsign(signed))
    except (BadSignature, User.DoesNotExist) as error:
        raise InvalidToken from error


def stop_alerts(user: User) -> None:
    """Write to this user about portfolios no more. Idempotent."""
    User.objects.filter(pk=user.pk).update(alert_preference=AlertPreference.NONE)
