"""Chunks of a night: planned, leased, fenced, computed in one batched call each.

PostgreSQL decides who works on what. A lease expires by the database's clock, so a dead
worker's chunk returns by itself; `attempt` fences off a worker that comes back late.

A chunk has a version: what a worker must know to compute it. Whenever a release changes that, it
raises VERSION; workers of the release before leave the new chunks to others, without an attempt.
"""

from datetime import timedelta
from time import monotonic

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, Q, QuerySet
from django.db.models.functions import Now

from analytics.models import NightlyRun, PortfolioResult, RunChunk
from analytics.selectors import market as market_selector
from analytics.selectors import positions
from analytics.selectors.market import Market
from analytics.services import measurements
from portfolios.models import Portfolio

LEASE = timedelta(minutes=6)  # longer than the hard limit of a task
MAX_ATTEMPTS = 3
VERSION = 4  # taxes; calendars
State = RunChunk.State
IN_BREACH = PortfolioResult.Status.IN_BREACH.value

PLAN = """
    INSERT INTO analytics_runchunk
        (run_id, version, stage, number, first_portfolio_id, last_portfolio_id, state, attempt,
         portfolios, in_breach, problem)
    SELECT %(run)s, %(version)s, 'portfolios', number, min(id), max(id), 'ready', 0, count(*), 0, ''
    FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) / %(size)s AS number
          FROM portfolios_portfolio
          WHERE archived_at IS NULL AND deleted_at IS NULL) AS numbered
    GROUP BY number
    ON CONFLICT DO NOTHING
"""


class LostLease(Exception):
    """Somebody else took the chunk over: this worker's result does not count."""


def plan(*, run: NightlyRun) -> None:
    """Cut all portfolios in use into chunks of about equal size. Idempotent."""
    with connection.cursor() as cursor:
        cursor.execute(PLAN, {"run": run.pk, "version": VERSION, "size": settings.NIGHT_CHUNK_SIZE})


def waiting(*, run_id: int) -> int:
    """How many chunks a worker, perhaps of a newer version, could claim now."""
    return _claimable(run_id).count()


def all_known(*, run_id: int) -> bool:
    """Whether this worker knows the versions of all chunks, and may so conclude the run."""
    return not RunChunk.objects.filter(run_id=run_id, version__gt=VERSION).exists()


def finished(*, run_id: int) -> bool:
    return not RunChunk.objects.filter(
        run_id=run_id, state__in=[State.READY, State.LEASED]
    ).exists()


@transaction.atomic
def claim(*, run_id: int) -> RunChunk | None:
    """Lease the next chunk, or None when there is none to be had."""
    known = _claimable(run_id).filter(version__lte=VERSION)
    chunk = known.order_by("number").select_for_update(skip_locked=True, of=("self",)).first()
    if chunk is None:
        return None
    chunk.state, chunk.attempt = State.LEASED, chunk.attempt + 1
    RunChunk.objects.filter(pk=chunk.pk).update(
        state=chunk.state, attempt=chunk.attempt, lease_until=Now() + LEASE
    )
    return chunk


def compute(*, chunk: RunChunk, market: Market) -> None:
    """Measure the chunk's portfolios and store them with its state, in one transaction.

    Running it twice changes nothing: the second writer finds `attempt` changed, or the chunk
    done, and raises LostLease.
    """
    started = monotonic()
    first, last = chunk.first_portfolio_id, chunk.last_portfolio_id
    batch = positions.read(first_id=first, last_id=last, as_of=market.as_of)
    if not market.knows(batch.listed_ids, batch.costs.venue_ids):  # added since the night began
        market = market_selector.read(as_of=market.as_of)
    measured = measurements.measure(batch, market)
    with transaction.atomic(), connection.cursor() as cursor:
        _commit_without_waiting()
        mine = RunChunk.objects.filter(pk=chunk.pk, attempt=chunk.attempt, state=State.LEASED)
        if not mine.update(state=State.DONE, lease_until=None):
            raise LostLease(f"{chunk} was taken over after attempt {chunk.attempt}")
        measurements.store(cursor, measured, run_id=chunk.run_id)
        RunChunk.objects.filter(pk=chunk.pk).update(
            portfolios=len(batch.portfolio_ids),
            in_breach=int((measured.status == IN_BREACH).sum()),
            seconds=monotonic() - started,
        )


@transaction.atomic
def fail(*, chunk: RunChunk, error: Exception) -> None:
    """Give a failed chunk back; after three attempts close in on the portfolios at fault.

    A chunk of several portfolios is halved, and each half gets one more attempt; a single
    portfolio that still fails is quarantined alone.
    """
    mine = RunChunk.objects.filter(pk=chunk.pk, attempt=chunk.attempt, state=State.LEASED)
    problem = f"{type(error).__name__}: {error}"[:2000]
    if chunk.attempt < MAX_ATTEMPTS:
        mine.update(state=State.READY, lease_until=None, problem=problem)
    elif chunk.first_portfolio_id == chunk.last_portfolio_id:
        mine.update(state=State.QUARANTINED, lease_until=None, problem=problem)
    elif mine.update(problem=problem):
        _halve(chunk)


def give_back(*, chunk: RunChunk) -> None:
    """Leave a chunk to others at once, rather than when its lease runs out."""
    mine = RunChunk.objects.filter(pk=chunk.pk, attempt=chunk.attempt, state=State.LEASED)
    mine.update(state=State.READY, lease_until=None)


def recover(*, run_id: int) -> None:
    """Treat chunks whose last lease ran out like failed ones: their workers died."""
    expired = RunChunk.objects.filter(
        run_id=run_id,
        version__lte=VERSION,
        state=State.LEASED,
        lease_until__lt=Now(),
        attempt__gte=MAX_ATTEMPTS,
    )
    for chunk in expired:
        fail(chunk=chunk, error=TimeoutError("the worker did not answer in time"))


def retry(*, run_id: int) -> int:
    """Give quarantined chunks one more attempt; how many. `attempt` never falls: it fences."""
    quarantined = RunChunk.objects.filter(run_id=run_id, state=State.QUARANTINED)
    return quarantined.update(state=State.READY, problem="")


def _commit_without_waiting() -> None:
    """Let this transaction's commit not wait for the disk.

    If PostgreSQL itself dies, the chunks of its last half second may be lost, each as a whole, and
    are computed again once their lease ends. The publication waits, and with it all that went
    before. Claims wait, too: an attempt counts even when it is what killed PostgreSQL.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")


def _claimable(run_id: int) -> QuerySet[RunChunk]:
    expired = Q(state=State.LEASED, lease_until__lt=Now(), attempt__lt=MAX_ATTEMPTS)
    return RunChunk.objects.filter(
        Q(state=State.READY) | expired, run_id=run_id, run__state=NightlyRun.State.PLANNED
    )


def _halve(chunk: RunChunk) -> None:
    """Replace a chunk by two that cover the same portfolios, with one attempt left each."""
    NightlyRun.objects.select_for_update().get(pk=chunk.run_id)  # numbers are given one at a time
    span = Q(pk__gte=chunk.first_portfolio_id, pk__lte=chunk.last_portfolio_id)
    ids = list(Portfolio.objects.filter(span).order_by("pk").values_list("pk", flat=True))
    siblings = RunChunk.objects.filter(run_id=chunk.run_id, stage=chunk.stage)
    number = siblings.aggregate(Max("number"))["number__max"]
    halves = [half for half in (ids[: len(ids) // 2], ids[len(ids) // 2 :]) if half]
    RunChunk.objects.filter(pk=chunk.pk).delete()
    RunChunk.objects.bulk_create(
        RunChunk(
            run_id=chunk.run_id,
            version=chunk.version,
            stage=chunk.stage,
            number=number + offset,
            first_portfolio_id=half[0],
            last_portfolio_id=half[-1],
            attempt=MAX_ATTEMPTS - 1,
            portfolios=len(half),
            problem=chunk.problem,
        )
        for offset, half in enumerate(halves, start=1)
    )
