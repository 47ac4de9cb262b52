"""One portfolio again, after an edit, against the market of the current night."""

from collections.abc import Callable
from enum import StrEnum

import structlog
from django.db import connection, transaction
from django.db.models import F
from structlog.contextvars import bound_contextvars

from analytics.models import AlertEvent, NightlyRun, PortfolioResult, RunChunk, Suggestion
from analytics.selectors import market, positions
from analytics.services import measurements
from portfolios.models import Portfolio

logger = structlog.get_logger(__name__)


class Stage(StrEnum):
    """What a worker is at while somebody waits; it says so before it begins."""

    WAITING = "waiting"
    READING = "reading"
    MEASURING = "measuring"
    STORING = "storing"


def _tell_nobody(stage: Stage) -> None:
    """Most recomputations have no listener."""


@transaction.atomic
def recompute(*, portfolio_id: int, tell: Callable[[Stage], None] = _tell_nobody) -> bool:
    """Store the portfolio's result at its present revision; False when there is no night yet.

    Idempotent: the same revision and night give the same row. What a letter was written about
    stays as it is. Alerts are the night's business. `tell` hears of each stage as it begins.
    """
    tell(Stage.READING)
    run = NightlyRun.objects.filter(is_current=True).first()
    portfolio = Portfolio.objects.select_for_update(no_key=True).filter(pk=portfolio_id).first()
    if run is None or portfolio is None:
        return False
    replaced = {"run": run, "portfolio": portfolio, "revision": portfolio.revision}
    if AlertEvent.objects.filter(**replaced).exists():
        return True
    PortfolioResult.objects.filter(**replaced).delete()
    Suggestion.objects.filter(**replaced).delete()
    batch = positions.read(first_id=portfolio_id, last_id=portfolio_id, as_of=run.as_of)
    tell(Stage.MEASURING)
    measured = measurements.measure(batch, market.read(as_of=run.as_of))
    tell(Stage.STORING)
    with connection.cursor() as cursor:
        measurements.store(cursor, measured, run_id=run.pk)
    return True


def recompute_quarantined(*, run_id: int) -> None:
    """Try again what the current night had to leave out, and add to it what now succeeds.

    Idempotent. The owners see it at once; nobody is written to: the next night does that. A
    night that is not current any more stays as it is.
    """
    if not NightlyRun.objects.filter(pk=run_id, is_current=True).exists():
        return
    for chunk in RunChunk.objects.filter(run_id=run_id, state=RunChunk.State.QUARANTINED):
        with bound_contextvars(run=run_id, chunk=chunk.number):
            try:
                _add(chunk)
            except Exception as error:
                logger.exception("portfolio fails again")
                problem = f"{type(error).__name__}: {error}"[:2000]
                RunChunk.objects.filter(pk=chunk.pk).update(problem=problem)


@transaction.atomic
def _add(chunk: RunChunk) -> None:
    """Compute a quarantined portfolio, and count it to its night."""
    quarantined = RunChunk.objects.filter(pk=chunk.pk, state=RunChunk.State.QUARANTINED)
    added = recompute(portfolio_id=chunk.first_portfolio_id)
    if quarantined.update(state=RunChunk.State.DONE, portfolios=int(added)):
        NightlyRun.objects.filter(pk=chunk.run_id).update(portfolios=F("portfolios") + int(added))
