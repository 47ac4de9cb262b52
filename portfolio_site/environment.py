"""Typed reading of the environment that fails loudly, with a sentence that says what to set."""

from pathlib import Path

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from environs import Env

ENVIRONMENTS = ("production", "development", "test")

NEW_ENCRYPTION_KEY = (
    "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
)

env = Env()


def name() -> str:
    """Which kind of process this is: production unless told otherwise."""
    value: str = env.str("EVENKEEL_ENV", "production")
    if value not in ENVIRONMENTS:
        raise ImproperlyConfigured(
            f"EVENKEEL_ENV is {value!r}. Set it to one of: {', '.join(ENVIRONMENTS)}."
        )
    return value


def required(key: str, *, example: str) -> str:
    """The value of `key`, or a refusal to start that says what to set."""
    value: str = env.str(key, "")
    if not value:
        raise ImproperlyConfigured(
            f"{key} is not set. Set it in the environment, for example {key}={example}. "
            "On your own machine `make demo` needs none of this: it sets EVENKEEL_ENV=development."
        )
    return value


# Those whose reports django-anymail can tell from anybody else's with what we ask for.
MAIL_PROVIDERS = ("brevo", "mailgun", "mailjet", "postmark", "sendgrid", "sparkpost")


def mail_provider(key: str) -> str:
    """The value of `key`, empty or the name of a provider."""
    value: str = env.str(key, "")
    if value and value not in MAIL_PROVIDERS:
        raise ImproperlyConfigured(
            f"{key} is {value!r}. Set it to one of: {', '.join(MAIL_PROVIDERS)}; or to nothing."
        )
    return value


def web_address(key: str) -> str:
    """The value of `key`, empty or an address of the web."""
    value: str = env.str(key, "")
    if value and not value.startswith(("https://", "http://")):
        raise ImproperlyConfigured(
            f"{key} is {value!r}. Set it to an address that begins with https:// or http://."
        )
    return value


def sibling(directory: str, name: str) -> str:
    """The directory of that name beside another one, or nothing."""
    beside = Path(directory).resolve().parent / name
    return str(beside) if directory and beside.is_dir() else ""


def encryption_keys(value: str) -> list[str]:
    """The keys that stored secrets are encrypted with, the newest first."""
    keys = [key.strip() for key in value.split(",")]
    try:
        for key in keys:
            Fernet(key)
    except ValueError as error:
        raise ImproperlyConfigured(
            "FIELD_ENCRYPTION_KEYS holds something that is no key. Set it to one or more keys, the "
            f"newest first, separated by commas; `{NEW_ENCRYPTION_KEY}` makes one."
        ) from error
    return keys
