"""The night from its creation to its publication, one small step at a time.

Each step is one transaction that checks the run's state first, under an advisory lock: a
doubled message finds nothing left to do, and a lost one is made up for by the next tick.
"""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta

import structlog
from django.db import OperationalError, connection, transaction

from analytics.models import NightlyRun, RegimeDay
from analytics.selectors import market as market_selector
from analytics.services import chunks, market, publishing
from portfolios.services import price_imports

DUE_AT = time(0, 30)  # UTC: providers have closed the day's candle by then
ADVISORY_LOCK = 0x45564B  # "EVK": one namespace for the night's steps
State = NightlyRun.State
logger = structlog.get_logger(__name__)


class NoSuchDay(Exception):
    """The day asked for is not in the data."""


def due_day(*, now: datetime) -> date:
    """The UTC day whose night is due: yesterday from 00:30 on, before that the day before."""
    due_since = datetime.combine(now.date(), DUE_AT, tzinfo=now.tzinfo)
    return now.date() - timedelta(days=1 if now >= due_since else 2)


def ensure(*, as_of: date) -> NightlyRun:
    """The run for a day, created if need be. Raises NoSuchDay when it is not in the data."""
    run = NightlyRun.objects.filter(as_of=as_of).first()
    if run:
        return run
    newest = price_imports.last_available_day(until=as_of)
    if newest != as_of:
        raise NoSuchDay(
            f"There are no prices for {as_of}: the newest day in the data is {newest}. "
            "Choose that day or an earlier one, or bring newer prices."
            if newest
            else f"There are no prices for {as_of}: the data begin later. Choose a later day."
        )
    run, _ = NightlyRun.objects.get_or_create(as_of=as_of)
    return run


def ensure_due(*, now: datetime) -> NightlyRun | None:
    """The run of the night that is due; of the data's last day when the data end earlier."""
    newest = price_imports.last_available_day(until=due_day(now=now))
    return ensure(as_of=newest) if newest else None


def is_published(*, run_id: int) -> bool:
    return NightlyRun.objects.filter(pk=run_id, state=State.PUBLISHED).exists()


def unfinished() -> list[int]:
    ended = [State.PUBLISHED, State.WITHHELD]
    return list(
        NightlyRun.objects.exclude(state__in=ended).order_by("as_of").values_list("pk", flat=True)
    )


def advance(*, run_id: int) -> NightlyRun:
    """Take every step that can be taken now; what remains is chunks for workers.

    Idempotent and safe to call from anywhere at any time.
    """
    run = NightlyRun.objects.get(pk=run_id)
    try:
        while _step(run_id):
            pass
    except Exception as error:
        logger.exception("night stands still", run=run_id)
        NightlyRun.objects.filter(pk=run_id).update(problem=f"{type(error).__name__}: {error}")
        raise
    run.refresh_from_db()
    return run


def run_to_end(*, as_of: date) -> NightlyRun:
    """The whole night in this process: what workers do together, alone."""
    run = advance(run_id=ensure(as_of=as_of).pk)
    work(run_id=run.pk)
    return advance(run_id=run.pk)


def work(*, run_id: int, until: Callable[[], bool] = lambda: False) -> int:
    """Compute chunks of a planned run until none is left or `until()` says stop; how many."""
    run = NightlyRun.objects.get(pk=run_id)
    computed = 0
    if run.state != State.PLANNED:
        return computed
    conditions = market_selector.read(as_of=run.as_of)
    while not until() and (chunk := chunks.claim(run_id=run_id)):
        try:
            chunks.compute(chunk=chunk, market=conditions)
            computed += 1
        except chunks.LostLease as error:
            logger.warning("lease lost", run=run_id, chunk=chunk.number, error=str(error))
        except OperationalError:
            raise  # the database is at fault, not the chunk: the lease will run out
        except Exception as error:
            logger.exception("chunk failed", run=run_id, chunk=chunk.number, attempt=chunk.attempt)
            chunks.fail(chunk=chunk, error=error)
    return computed


@transaction.atomic
def _step(run_id: int) -> bool:
    """Take one step if one is due and nobody else is at it; whether one was taken."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [ADVISORY_LOCK, run_id])
        if not cursor.fetchone()[0]:
            return False
    run = NightlyRun.objects.get(pk=run_id)
    if run.state == State.CREATED:
        price_imports.refresh(as_of=run.as_of)
        return _enter(run, State.PRICED)
    if run.state == State.PRICED:
        market.refresh(as_of=run.as_of)
        run.high_volatility = RegimeDay.objects.get(date=run.as_of).high_volatility
        return _enter(run, State.MEASURED)
    if run.state == State.MEASURED:
        chunks.plan(run=run)
        return _enter(run, State.PLANNED)
    if run.state == State.PLANNED:
        chunks.recover(run_id=run_id)
        if chunks.finished(run_id=run_id):
            publishing.publish(run=run)
    return False


def _enter(run: NightlyRun, state: State) -> bool:
    run.state, run.problem = state, ""
    run.save(update_fields=["state", "problem", "high_volatility"])
    return True
