"""Asking a worker to compute one portfolio again. Without the broker, pages still stand."""

from django.core.cache import cache
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from analytics import tasks
from portfolios.models import Portfolio

# Meanwhile a request for the same revision is taken to be under way.
UNDER_WAY_SECONDS = 60


def enqueue(portfolio: Portfolio) -> bool:
    """Ask for a computation; False when the broker cannot be reached."""
    try:
        tasks.recompute_portfolio.delay(portfolio.pk)
    except (OperationalError, RedisError):
        return False
    return True


def enqueue_once(portfolio: Portfolio) -> bool:
    """Ask, unless somebody just did for this revision; False as above."""
    key = f"recomputation:{portfolio.pk}:{portfolio.revision}"
    try:
        if not cache.add(key, True, UNDER_WAY_SECONDS):
            return True
    except RedisError:
        return False
    if enqueue(portfolio):
        return True
    cache.delete(key)
    return False
