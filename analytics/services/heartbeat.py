"""Telling a watching service that nights begin and end, so that it can say when one does not.

What the service was told is written down, so a telling that fails is made up for by the next
tick. Whatever goes wrong here hurts no night.
"""

from datetime import timedelta
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener

import structlog
from django.conf import settings
from django.db.models.functions import Now

from analytics.models import NightlyRun, RunStep

State = NightlyRun.State
PATHS = {
    State.CREATED: "/start",
    State.PUBLISHED: "",
    State.WITHHELD: "/fail",
    State.CANCELLED: "/fail",
}
TIMEOUT_SECONDS = 5
# What a service that was away for so long would be told is no news any more.
NEWS_FOR = timedelta(hours=12)
logger = structlog.get_logger(__name__)


class _NoRedirects(HTTPRedirectHandler):
    """What answers elsewhere is not the service that was configured."""

    def redirect_request(self, *args: Any) -> None:
        return None


# Nothing from the environment: no proxy but the network's own.
_opener = build_opener(ProxyHandler({}), _NoRedirects)


def beat() -> None:
    """Tell what has not been told, in order, until it fails. A doubled call may tell twice."""
    news = RunStep.objects.filter(
        state__in=PATHS, heartbeat_at=None, entered_at__gt=Now() - NEWS_FOR
    )
    for step in news.order_by("pk"):
        if not _tell(_address(PATHS[State(step.state)])):
            return
        RunStep.objects.filter(pk=step.pk).update(heartbeat_at=Now())


def _address(path: str) -> str:
    """The service's address with `path` put after its own, and before its query."""
    parts = urlsplit(settings.NIGHT_HEARTBEAT_URL)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + path))


def _tell(address: str) -> bool:
    try:
        with _opener.open(address, timeout=TIMEOUT_SECONDS) as response:
            told = response.status < HTTPStatus.MULTIPLE_CHOICES
    except HTTPError as error:
        error.close()
        logger.warning("heartbeat refused", status=error.code)
        return False
    except (OSError, HTTPException) as error:
        logger.warning("heartbeat not told", error=type(error).__name__)
        return False
    return bool(told)
