"""Secrets as they lie in the database: encrypted with the newest key, readable with any of them."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Unreadable(Exception):
    """No key in FIELD_ENCRYPTION_KEYS opens this: the one it was encrypted with is missing."""


def encrypt(text: str) -> str:
    return _keys().encrypt(text.encode()).decode()


def decrypt(encrypted: str) -> str:
    try:
        return _keys().decrypt(encrypted).decode()
    except InvalidToken as error:
        raise Unreadable("No key in FIELD_ENCRYPTION_KEYS opens this secret.") from error


def renew(encrypted: str) -> str:
    """The same secret, encrypted with the newest key."""
    return encrypt(decrypt(encrypted))


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FIELD_ENCRYPTION_KEYS])
