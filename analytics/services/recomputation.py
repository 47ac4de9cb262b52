"""One portfolio again, after an edit, against the market of the current night."""

from django.db import connection, transaction

from analytics.models import AlertEvent, NightlyRun, PortfolioResult, Suggestion
from analytics.selectors import market, positions
from analytics.services import measurements
from portfolios.models import Portfolio


@transaction.atomic
def recompute(*, portfolio_id: int) -> bool:
    """Store the portfolio's result at its present revision; False when there is no night yet.

    Idempotent: the same revision and night give the same row. What a letter was written about
    stays as it is. Alerts are the night's business.
    """
    run = NightlyRun.objects.filter(is_current=True).first()
    portfolio = Portfolio.objects.select_for_update(no_key=True).filter(pk=portfolio_id).first()
    if run is None or portfolio is None:
        return False
    replaced = {"run": run, "portfolio": portfolio, "revision": portfolio.revision}
    if AlertEvent.objects.filter(**replaced).exists():
        return True
    PortfolioResult.objects.filter(**replaced).delete()
    Suggestion.objects.filter(**replaced).delete()
    batch = positions.read(first_id=portfolio_id, last_id=portfolio_id)
    measured = measurements.measure(batch, market.read(as_of=run.as_of))
    with connection.cursor() as cursor:
        measurements.store(cursor, measured, run_id=run.pk)
    return True
