"""Doorbells. A lost one delays the night until the next tick, a doubled one finds nothing to do."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial, wraps
from time import monotonic
from typing import Any

import structlog
from celery import Task, shared_task
from django.conf import settings
from django.core.cache import cache
from django.db import OperationalError
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerAway
from redis.exceptions import RedisError

from accounts.tasks import send_due_mail
from analytics.models import NightlyRun
from analytics.services import (
    chunks,
    connections,
    heartbeat,
    news,
    nights,
    quarterly_reviews,
    recomputation,
    retention,
    runs,
    staff_alerts,
)
from analytics.services.recomputation import Stage
from portfolios.models import Portfolio

# A ring works this long and rings again: what somebody waits for comes first, and a worker that is
# stopped has time to finish.
WORKING_SECONDS = 5
MAX_RINGS = 32
# Meanwhile a request for the same revision of a portfolio is taken to be under way.
UNDER_WAY_SECONDS = 60
# Pressing the button again and again does not fill the queue.
AGAIN_SECONDS = 3
# Raised when a message means something new; the release that does so still takes the old ones.
VERSION = 1
DATABASE_AWAY = {
    "autoretry_for": (OperationalError,),
    "retry_backoff": True,
    "max_retries": 5,
}
"""Retries stay below the broker's visibility timeout."""
logger = structlog.get_logger(__name__)


def doorbell(answer: Callable[..., None]) -> Task:
    """A task for both releases while one takes the other's place.

    It takes whatever a newer release adds to the message, and leaves the work to a newer worker
    when `version` says that this one does not know it: PostgreSQL remembers, the tick rings again.
    """

    @wraps(answer)
    def hear(*ids: int, version: int = 1, **unknown: Any) -> None:
        if version > VERSION:
            logger.info("left to a newer worker", task=answer.__name__, version=version)
            return
        answer(*ids)

    return shared_task(**DATABASE_AWAY)(hear)


@doorbell
def tick() -> None:
    """Once a minute: ring for whatever is unfinished, and see that the due night exists."""
    now = timezone.now()
    connections.end_stalled()
    runs.skip_standing(now=now)
    if unfinished := runs.next_up():
        advance_night.delay(unfinished)
    heartbeat_if_wanted()
    # Last, since bad price files raise here, and must not hold up a night that has its prices.
    try:
        nights.ensure_due(now=now)
    finally:
        staff_alerts.late(now=now, due=nights.overdue_day(now=now))
    if unfinished is None and (new := runs.next_up()):
        advance_night.delay(new)


@doorbell
def advance_night(run_id: int) -> None:
    """Take the run's next steps, then ring for its chunks, or for its mail once it is out."""
    if nights.is_ended(run_id=run_id):
        return
    run = nights.advance(run_id=run_id)
    heartbeat_if_wanted()
    if run.state == NightlyRun.State.PUBLISHED:
        send_due_mail.delay()
    if run.state in NightlyRun.ENDED and (waiting := runs.next_up()):
        advance_night.delay(waiting)
    for _ in range(min(chunks.waiting(run_id=run_id), MAX_RINGS)):
        compute_chunks.delay(run_id)


@doorbell
def compute_chunks(run_id: int) -> None:
    """Compute chunks until none is left, then see whether the run can be published."""
    deadline = monotonic() + WORKING_SECONDS
    computed = nights.work(run_id=run_id, until=lambda: monotonic() > deadline)
    if computed and chunks.finished(run_id=run_id):
        advance_night.delay(run_id)
    elif monotonic() > deadline:
        compute_chunks.delay(run_id)


@doorbell
def recompute_portfolio(portfolio_id: int) -> None:
    recomputation.recompute(portfolio_id=portfolio_id, tell=partial(_tell, portfolio_id))


def stage(portfolio: Portfolio) -> Stage:
    """What the worker that computes it is at, as far as it has said so."""
    return Stage(cache.get(f"recomputation-stage:{portfolio.pk}", Stage.WAITING))


def _tell(portfolio_id: int, stage: Stage) -> None:
    """Progress is for whoever waits: without a cache the work goes on."""
    with suppress(RedisError):
        cache.set(f"recomputation-stage:{portfolio_id}", stage.value, UNDER_WAY_SECONDS)


def recompute_once(portfolio: Portfolio, *, within: int = UNDER_WAY_SECONDS) -> bool:
    """Ask, unless somebody did for this revision `within` seconds; False without a broker."""
    key = f"recomputation:{within}:{portfolio.pk}:{portfolio.revision}"
    if not cache.add(key, True, within):
        return True
    _tell(portfolio.pk, Stage.WAITING)
    try:
        recompute_portfolio.delay(portfolio.pk)
    except (BrokerAway, RedisError):
        cache.delete(key)
        return False
    return True


@doorbell
def recompute_quarantined(run_id: int) -> None:
    recomputation.recompute_quarantined(run_id=run_id)


@doorbell
def beat_heart() -> None:
    heartbeat.beat()


def heartbeat_if_wanted() -> None:
    """A task of its own: a slow service holds up nothing."""
    if settings.NIGHT_HEARTBEAT_URL:
        beat_heart.delay()


@doorbell
def remind_of_reviews() -> None:
    quarterly_reviews.remind(today=timezone.now().date())


@doorbell
def purge_nights() -> None:
    retention.purge(now=timezone.now())


@doorbell
def tell_month() -> None:
    """On several days, since one may be missed: a month is summed up once."""
    news.tell_month(today=timezone.now().date())
