"""Asking a worker to compute one portfolio again. Without the broker, pages still stand."""

from django.core.cache import cache
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from analytics import tasks
from portfolios.models import Portfolio

# Meanwhile a request for the same revision is taken to be under way.
UNDER_WAY_SECONDS = 60
# Pressing the button again and again does not fill the queue.
AGAIN_SECONDS = 3


def enqueue_once(portfolio: Portfolio, *, within: int = UNDER_WAY_SECONDS) -> bool:
    """Ask, unless somebody did for this revision `within` seconds; False without a broker."""
    key = f"recomputation:{within}:{portfolio.pk}:{portfolio.revision}"
    if not cache.add(key, True, within):
        return True
    try:
        tasks.recompute_portfolio.delay(portfolio.pk)
    except (OperationalError, RedisError):
        cache.delete(key)
        return False
    return True
