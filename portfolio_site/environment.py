"""Typed reading of the environment that fails loudly, with a sentence that says what to set."""

from django.core.exceptions import ImproperlyConfigured
from environs import Env

ENVIRONMENTS = ("production", "development", "test")

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
