"""How the site logs: JSON lines in production, readable lines on a machine of your own.

Whatever is bound to the context (the request's id, the task's, the night's run and chunk) stands
in every line, those of other packages included. Secrets stand in none.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog

HIDDEN = "***"
SECRET_NAMES = re.compile(
    r"passw(or)?d|secret|(^|_)token$|authorization|cookie|api_?key|csrf", re.IGNORECASE
)
# Credentials inside addresses, and links that let in whoever has them.
SECRET_PARTS = (
    (re.compile(r"(\w://)[^\s/@]+@"), rf"\1{HIDDEN}@"),
    (re.compile(r"(?i)\b(bearer|authorization:\s*\w+)\s+[^\s'\"]+"), rf"\1 {HIDDEN}"),
    (
        re.compile(r"(/(?:password/reset/key|confirm-email|unsubscribe)/)[^\s/?'\"]+"),
        rf"\1{HIDDEN}",
    ),
)
SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.PositionalArgumentsFormatter(),
]


def configuration(*, json: bool, level: str, secrets: Iterable[str] = ()) -> dict[str, Any]:
    """Set structlog up and return the LOGGING dictionary that goes with it.

    `secrets` are hidden wherever they turn up.
    """
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: Any = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=False)
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    without_secrets(secrets),
                    renderer,
                ],
                "foreign_pre_chain": SHARED,
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {"django.server": {"level": "WARNING"}},
    }


def without_secrets(secrets: Iterable[str]) -> Callable[..., dict[str, Any]]:
    """A processor that hides what is named like a secret, looks like one, or is one of these."""
    # The longest first: one may be part of another.
    known = sorted({secret for secret in secrets if secret}, key=len, reverse=True)

    def clean(value: Any) -> Any:
        if isinstance(value, Mapping):
            return by_name(value)
        if isinstance(value, list | tuple):
            return [clean(part) for part in value]
        if not isinstance(value, str | BaseException):
            return value
        text = str(value)
        for secret in known:
            text = text.replace(secret, HIDDEN)
        for pattern, replacement in SECRET_PARTS:
            text = pattern.sub(replacement, text)
        return text

    def by_name(values: Mapping[Any, Any]) -> dict[str, Any]:
        return {
            str(name): HIDDEN if SECRET_NAMES.search(str(name)) else clean(value)
            for name, value in values.items()
        }

    def hide(_: Any, __: str, event: Mapping[str, Any]) -> dict[str, Any]:
        return by_name(event)

    return hide
