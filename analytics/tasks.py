"""Doorbells. A lost one delays the night until the next tick, a doubled one finds nothing to do."""

from time import monotonic

from celery import shared_task
from django.db import OperationalError
from django.utils import timezone

from accounts.tasks import send_due_mail
from analytics.models import NightlyRun
from analytics.services import chunks, nights, recomputation

# A ring works this long and rings again, so that deploys and time limits never cut it off.
WORKING_SECONDS = 120
MAX_RINGS = 32
DATABASE_AWAY = {
    "autoretry_for": (OperationalError,),
    "retry_backoff": True,
    "max_retries": 5,
}
"""Retries stay below the broker's visibility timeout."""


@shared_task(**DATABASE_AWAY)
def tick() -> None:
    """Once a minute: ring for whatever is unfinished, and see that the due night exists."""
    unfinished = nights.unfinished()
    for run_id in unfinished:
        advance_night.delay(run_id)
    # Last, since bad price files raise here, and must not hold up a night that has its prices.
    run = nights.ensure_due(now=timezone.now())
    if run and run.state == NightlyRun.State.CREATED and run.pk not in unfinished:
        advance_night.delay(run.pk)


@shared_task(**DATABASE_AWAY)
def advance_night(run_id: int) -> None:
    """Take the run's next steps, then ring for its chunks, or for its mail once it is out."""
    if nights.is_published(run_id=run_id):
        return
    if nights.advance(run_id=run_id).state == NightlyRun.State.PUBLISHED:
        send_due_mail.delay()
    for _ in range(min(chunks.waiting(run_id=run_id), MAX_RINGS)):
        compute_chunks.delay(run_id)


@shared_task(**DATABASE_AWAY)
def compute_chunks(run_id: int) -> None:
    """Compute chunks until none is left, then see whether the run can be published."""
    deadline = monotonic() + WORKING_SECONDS
    computed = nights.work(run_id=run_id, until=lambda: monotonic() > deadline)
    if computed and chunks.finished(run_id=run_id):
        advance_night.delay(run_id)
    elif monotonic() > deadline:
        compute_chunks.delay(run_id)


@shared_task(**DATABASE_AWAY)
def recompute_portfolio(portfolio_id: int) -> None:
    recomputation.recompute(portfolio_id=portfolio_id)
