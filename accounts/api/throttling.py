"""How often one may ask: a window of a minute, counted in the cache, told in every answer."""

import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponseBase
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

WINDOW_SECONDS = 60
ANONYMOUS_PER_MINUTE = 60


class Throttle(BaseThrottle):
    """So many requests a minute for a person, and fewer for an address that is nobody's.

    While the cache is away nobody is counted.
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        now = time.time()
        window = int(now // WINDOW_SECONDS)
        self.reset = max(1, round((window + 1) * WINDOW_SECONDS - now))
        user = request.user
        if user.is_authenticated:
            who, limit = f"user:{user.pk}", settings.API_REQUESTS_PER_MINUTE
        else:
            who = f"address:{self.get_ident(request)}"
            limit = min(ANONYMOUS_PER_MINUTE, settings.API_REQUESTS_PER_MINUTE)
        used = _count(f"api:{who}:{window}")
        request._request.rate_limit = {
            "RateLimit-Limit": str(limit),
            "RateLimit-Remaining": str(max(limit - used, 0)),
            "RateLimit-Reset": str(self.reset),
        }
        return used <= limit

    def wait(self) -> float:
        return self.reset


def _count(key: str) -> int:
    """How often in this window, this time included."""
    if cache.add(key, 1, WINDOW_SECONDS * 2):
        return 1
    try:
        return int(cache.incr(key))
    except Exception:  # gone between the two, or the cache is away: nobody is locked out
        return 1


def tell(request: HttpRequest, response: HttpResponseBase) -> None:
    """Put what is left of the window into the answer's headers."""
    for name, value in getattr(request, "rate_limit", {}).items():
        response[name] = value
