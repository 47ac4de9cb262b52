"""Links in letters that work without a login: signed, for one purpose each, and for a while."""

from datetime import timedelta

from django.conf import settings
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner
from django.urls import reverse


class InvalidToken(Exception):
    """Not a link of ours, or about something that is gone."""


class ExpiredToken(InvalidToken):
    """A link of ours that is too old."""


def sign(purpose: str, *parts: object) -> str:
    """A token that says these parts, none of which has a dot in it."""
    return _signer(purpose).sign(".".join(str(part) for part in parts))


def read(purpose: str, token: str, *, works_for: timedelta) -> list[str]:
    """What a token says. Raises InvalidToken, and ExpiredToken when it is too old."""
    try:
        return _signer(purpose).unsign(token, max_age=works_for).split(".")
    except SignatureExpired as error:
        raise ExpiredToken from error
    except BadSignature as error:
        raise InvalidToken from error


def url(view: str, token: str) -> str:
    return settings.SITE_URL.rstrip("/") + reverse(view, args=[token])


def _signer(purpose: str) -> TimestampSigner:
    return TimestampSigner(salt=f"accounts.{purpose}")
