"""API tokens: made, shown once, noted when used, revoked."""

from datetime import datetime, timedelta

from django.db import transaction
from knox.crypto import hash_token
from knox.models import get_digest_token
from knox.settings import CONSTANTS

from accounts.models import ApiToken, User

MOST_TOKENS = 10  # of one person, that still work
LIFETIMES = (30, 90, 365)  # days
NOTED_EVERY = timedelta(minutes=5)


class TooManyTokens(Exception):
    """Somebody has as many tokens as one may have."""


def create(
    *, user: User, name: str, scope: str, lifetime: timedelta, now: datetime
) -> tuple[ApiToken, str]:
    """A new token, and its text, which is told this once and stored nowhere.

    Forgets the user's expired ones. Raises TooManyTokens.
    """
    with transaction.atomic():
        locked = User.objects.select_for_update().get(pk=user.pk)
        ApiToken.objects.filter(user=locked, expiry__lte=now).delete()
        if ApiToken.objects.filter(user=locked).count() >= MOST_TOKENS:
            raise TooManyTokens(
                f"You have {MOST_TOKENS} tokens, as many as one may have. Revoke one first."
            )
        digest, text = get_digest_token()
        token = ApiToken.objects.create(
            digest=digest,
            token_key=text[: CONSTANTS.TOKEN_KEY_LENGTH],
            user=locked,
            name=name,
            scope=scope,
            expiry=now + lifetime,
        )
    return token, text


def revoke(*, user: User, token_key: str) -> bool:
    """Make a token useless at once; whether there was one. Idempotent."""
    deleted, _ = ApiToken.objects.filter(user=user, token_key=token_key).delete()
    return deleted > 0


def find(text: str, *, now: datetime) -> ApiToken | None:
    """The token that this text is, if it still works, and with its user. One query."""
    alive = ApiToken.objects.select_related("user").filter(expiry__gt=now, user__is_active=True)
    return alive.filter(digest=hash_token(text)).first()


def note_use(token: ApiToken, *, now: datetime) -> None:
    """Remember that it was used, to five minutes."""
    if token.last_used_at is None or now - token.last_used_at > NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
