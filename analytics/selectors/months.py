"""The end of a month, as its last night measured somebody's portfolios."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from accounts.models import User
from analytics.models import NightlyRun, PortfolioResult, RegimeDay

MOST_LISTED = 10


@dataclass(frozen=True)
class Month:
    user: User
    as_of: date
    value: float  # US dollars, of all of them
    results: Sequence[PortfolioResult]  # the largest first
    left_out: int
    regime: RegimeDay | None


def read(user: User, *, run_id: int) -> Month | None:
    """None when that night is gone, or nothing of this person in it."""
    run = NightlyRun.objects.filter(pk=run_id).first()
    if run is None:
        return None
    found = PortfolioResult.objects.filter(
        run=run,
        portfolio__owner=user,
        portfolio__archived_at=None,
        portfolio__deleted_at=None,
        value__gt=0,
    ).select_related("portfolio")
    newest = {row.portfolio_id: row for row in found.order_by("revision")}
    results = sorted(newest.values(), key=lambda row: -row.value)
    if not results:
        return None
    return Month(
        user=user,
        as_of=run.as_of,
        value=sum(row.value for row in results),
        results=results[:MOST_LISTED],
        left_out=len(results[MOST_LISTED:]),
        regime=RegimeDay.objects.filter(date=run.as_of).first(),
    )
