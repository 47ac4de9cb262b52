"""The night from its creation to its publication, one small step at a time.

Each step is one transaction that checks the run's state first, under an advisory lock: a
doubled message finds nothing left to do, and a lost one is made up for by the next tick.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta

import structlog
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import Max
from structlog.contextvars import bound_contextvars

from analytics.models import NightlyRun, RegimeDay, RunChunk
from analytics.selectors import market as market_selector
from analytics.selectors.market import Market
from analytics.services import (
    asset_days,
    chunks,
    claim_days,
    cluster_days,
    market,
    publishing,
    runs,
)
from portfolios.services import price_imports, signal_imports, tilts

DUE_AT = time(0, 30)  # UTC: providers have closed the day's candle by then
ADVISORY_LOCK = 0x45564B  # "EVK": one namespace for the night's steps
State = NightlyRun.State
logger = structlog.get_logger(__name__)


class NoSuchDay(Exception):
    """The day asked for is not in the data."""


# --- Which nights there are -----------------------------------------------------------------------


def due_day(*, now: datetime) -> date:
    """The UTC day whose night is due: yesterday from 00:30 on, before that the day before."""
    due_since = datetime.combine(now.date(), DUE_AT, tzinfo=now.tzinfo)
    return now.date() - timedelta(days=1 if now >= due_since else 2)


def overdue_day(*, now: datetime) -> date:
    """The newest day whose night should long be published (NIGHT_LATE_AFTER_MINUTES)."""
    return due_day(now=now - timedelta(minutes=settings.NIGHT_LATE_AFTER_MINUTES))


def ensure(*, as_of: date) -> NightlyRun:
    """The run for a day, created if need be, and taken up again if it was skipped.

    Raises NoSuchDay when the day is not in the data.
    """
    run = NightlyRun.objects.filter(as_of=as_of).first()
    if run and run.state != State.SKIPPED:
        return run
    newest = price_imports.last_available_day(until=as_of)
    if newest != as_of:
        raise NoSuchDay(
            f"There are no prices for {as_of}: the newest day in the data is {newest}. "
            "Choose that day or an earlier one, or bring newer prices."
            if newest
            else f"There are no prices for {as_of}: the data begin later. Choose a later day."
        )
    if run:
        runs.retry(run_id=run.pk)
    return runs.create(as_of=as_of)


def ensure_due(*, now: datetime) -> NightlyRun | None:
    """The run of the night that is due; of the data's last day when the data end earlier.

    After an outage, the runs of the days that were missed come with it.
    """
    newest = price_imports.last_available_day(until=due_day(now=now))
    if newest is None:
        return None
    run = NightlyRun.objects.filter(as_of=newest).first()
    if run is None:
        _create_missed(before=newest)
        run = runs.create(as_of=newest)
    return run


def _create_missed(*, before: date) -> None:
    """Runs for the days since the newest night, so that regimes and episodes miss none.

    Days longer ago than NIGHT_CATCH_UP_DAYS, and days without prices, are skipped, and say so.
    """
    newest = NightlyRun.objects.aggregate(Max("as_of"))["as_of__max"]
    for day in _days_between(newest or before, before):
        if day < before - timedelta(days=settings.NIGHT_CATCH_UP_DAYS):
            problem = f"Missed, and more than {settings.NIGHT_CATCH_UP_DAYS} days ago."
        elif price_imports.last_available_day(until=day) != day:
            problem = "Missed, and there are no prices for this day."
        else:
            runs.create(as_of=day)
            continue
        runs.create(as_of=day, state=State.SKIPPED, problem=problem)


def _days_between(first: date, last: date) -> Iterator[date]:
    """The days strictly between two."""
    for n in range(1, (last - first).days):
        yield first + timedelta(days=n)


def is_ended(*, run_id: int) -> bool:
    return NightlyRun.objects.filter(pk=run_id, state__in=NightlyRun.ENDED).exists()


# --- Taking them to their ends --------------------------------------------------------------------


def advance(*, run_id: int) -> NightlyRun:
    """Take every step that can be taken now; what remains is chunks for workers.

    Idempotent and safe to call from anywhere at any time.
    """
    run = NightlyRun.objects.get(pk=run_id)
    with bound_contextvars(run=run_id):
        try:
            while _step(run_id):
                pass
        except Exception as error:
            logger.exception("night stands still")
            problem = f"{type(error).__name__}: {error}"
            NightlyRun.objects.filter(pk=run_id).update(problem=problem)
            raise
    run.refresh_from_db()
    return run


def run_to_end(*, as_of: date) -> NightlyRun:
    """The whole night in this process: what workers do together, alone."""
    return finish(run_id=ensure(as_of=as_of).pk)


def finish(*, run_id: int) -> NightlyRun:
    """Whatever an unfinished night still lacks, in this process."""
    advance(run_id=run_id)
    work(run_id=run_id)
    return advance(run_id=run_id)


def work(*, run_id: int, until: Callable[[], bool] = lambda: False) -> int:
    """Compute chunks of a planned run until none is left or `until()` says stop; how many."""
    conditions: Market | None = None
    computed = 0
    while not until() and (chunk := chunks.claim(run_id=run_id)):
        if conditions is None:  # most rings come when nothing is left, and need no market
            conditions = market_selector.read(as_of=chunk.run.as_of)
        with bound_contextvars(run=run_id, chunk=chunk.number, attempt=chunk.attempt):
            computed += _compute(chunk, conditions)
    return computed


def _compute(chunk: RunChunk, conditions: Market) -> bool:
    """Compute one chunk, or give it back; whether it is done."""
    try:
        chunks.compute(chunk=chunk, market=conditions)
    except chunks.LostLease as error:
        logger.warning("lease lost", error=str(error))
    except OperationalError:
        raise  # the database is at fault, not the chunk: the lease will run out
    except Exception as error:
        logger.exception("chunk failed")
        chunks.fail(chunk=chunk, error=error)
    except (SystemExit, KeyboardInterrupt):  # this process is being stopped
        chunks.give_back(chunk=chunk)
        raise
    else:
        logger.info("chunk computed")
        return True
    return False


@transaction.atomic
def _step(run_id: int) -> bool:
    """Take one step if one is due and nobody else is at it; whether one was taken."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [ADVISORY_LOCK, run_id])
        if not cursor.fetchone()[0]:
            return False
    run = NightlyRun.objects.get(pk=run_id)
    if run.state not in runs.UNFINISHED or runs.waits_for(run):
        return False
    if run.state == State.CREATED:
        price_imports.refresh(as_of=run.as_of)
        signal_imports.refresh(as_of=run.as_of)
        return _enter(run, State.PRICED)
    if run.state == State.PRICED:
        market.refresh(as_of=run.as_of)
        asset_days.refresh(as_of=run.as_of)
        cluster_days.refresh(as_of=run.as_of)
        claim_days.refresh(as_of=run.as_of)
        run.high_volatility = RegimeDay.objects.get(date=run.as_of).high_volatility
        return _enter(run, State.MEASURED)
    if run.state == State.MEASURED:
        tilts.expire(as_of=run.as_of)
        chunks.plan(run=run)
        return _enter(run, State.PLANNED)
    if chunks.all_known(run_id=run_id):
        chunks.recover(run_id=run_id)
        if chunks.finished(run_id=run_id):
            publishing.publish(run=run)
    return False


def _enter(run: NightlyRun, state: State) -> bool:
    logger.info("night goes on", state=state.value)
    return runs.enter(
        run_id=run.pk,
        state=state,
        after=[State(run.state)],
        problem="",
        high_volatility=run.high_volatility,
    )
