"""Second factors: allauth keeps them, their secrets are encrypted by the adapter."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction

from accounts.services import encryption

# Where allauth keeps what must stay secret. A passkey has nothing of the kind: its key is public.
SECRET_FIELDS = ("secret", "seed")


def rotate_secrets() -> int:
    """Encrypt every secret anew with the newest key; the number of rows rewritten.

    Idempotent. A row that is in use meanwhile is waited for. Raises `encryption.Unreadable`
    for a secret whose key is missing; rows before it stay rewritten.
    """
    rotated = 0
    for pk in Authenticator.objects.order_by("pk").values_list("pk", flat=True):
        rotated += _rotate(pk)
    return rotated


@transaction.atomic
def _rotate(pk: int) -> bool:
    row = Authenticator.objects.select_for_update().filter(pk=pk).first()
    if row is None or not (secrets := _secrets(row.data)):
        return False
    row.data |= {name: encryption.renew(secret) for name, secret in secrets.items()}
    row.save(update_fields=["data"])
    return True


def _secrets(stored: dict[str, Any]) -> dict[str, str]:
    return {name: stored[name] for name in SECRET_FIELDS if name in stored}
