"""How long the figures of past nights are kept: 100,000 portfolios are 100,000 rows a night.

Pages show the current night; what a past one found is read only for letters, which say what a
portfolio was like when they were written, and are about that for as long as they are kept.
"""

from datetime import datetime, timedelta
from time import monotonic

import structlog
from django.conf import settings
from django.db import connection, transaction

from analytics.models import NightlyRun, RunChunk

# Whatever is left is purged the next time.
AT_MOST_SECONDS = 120.0
# Results and suggestions that no letter is about, and nobody has to decide or decided about.
PURGE = tuple(
    f"""
    DELETE FROM {table} AS kept WHERE run_id = %(run)s AND NOT EXISTS (
        SELECT FROM analytics_alertevent AS alert WHERE alert.run_id = kept.run_id
          AND alert.portfolio_id = kept.portfolio_id AND alert.revision = kept.revision)
      AND NOT EXISTS (
        SELECT FROM analytics_suggestionlife AS life WHERE life.run_id = kept.run_id
          AND life.portfolio_id = kept.portfolio_id AND life.revision = kept.revision)
    """
    for table in ("analytics_portfolioresult", "analytics_suggestion")
)
logger = structlog.get_logger(__name__)


def purge(*, now: datetime) -> int:
    """Forget chunks and figures of nights that ended RESULTS_KEPT_DAYS ago; of how many nights.

    What an alert is about stays with it, and so do the run with its steps and counts, episodes,
    and the market. The current night stays whole however old it is. Idempotent, a night at a time.
    """
    deadline = monotonic() + AT_MOST_SECONDS
    kept_since = now - timedelta(days=settings.RESULTS_KEPT_DAYS)
    old = NightlyRun.objects.filter(
        state__in=NightlyRun.ENDED,
        is_current=False,
        created_at__lt=kept_since,
        pk__in=RunChunk.objects.values("run"),
    )
    purged = 0
    for run_id in old.order_by("as_of").values_list("pk", flat=True):
        if monotonic() > deadline:
            break
        _purge(run_id)
        purged += 1
    if purged:
        logger.info("nights purged", nights=purged)
    return purged


@transaction.atomic
def _purge(run_id: int) -> None:
    """The chunks last: as long as a night has some, it is not purged yet."""
    run = NightlyRun.objects.select_for_update().get(pk=run_id)
    if run.is_current or run.state not in NightlyRun.ENDED:  # taken up again meanwhile
        return
    with connection.cursor() as cursor:
        for statement in PURGE:
            cursor.execute(statement, {"run": run_id})
    RunChunk.objects.filter(run_id=run_id).delete()
