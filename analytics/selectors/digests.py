"""What a digest is about: the portfolios that left their bands within some days."""

from dataclasses import dataclass
from datetime import date, timedelta

from accounts.models import AlertPreference, User
from analytics.models import AlertEvent, PortfolioResult


@dataclass(frozen=True)
class Days:
    """Both ends belong to it."""

    first: date
    last: date


@dataclass(frozen=True)
class Departure:
    """A portfolio, and what the night saw in which it left its bands."""

    alert: AlertEvent
    result: PortfolioResult


def days(preference: str, *, as_of: date) -> Days:
    """The night itself, or the last week from Monday to Sunday that is complete by then.

    So a weekly digest leaves with the night of a Sunday, or with the first one after it.
    """
    if preference == AlertPreference.DAILY:
        return Days(as_of, as_of)
    sunday = as_of - timedelta(days=as_of.isoweekday() % 7)
    return Days(sunday - timedelta(days=6), sunday)


def departures(user: User, *, within: Days) -> list[Departure]:
    """The user's portfolios that left their bands, the latest first; those put away are not."""
    alerts = (
        AlertEvent.objects.filter(
            portfolio__owner=user,
            kind=AlertEvent.Kind.DRIFT,
            run__as_of__range=(within.first, within.last),
            portfolio__archived_at=None,
            portfolio__deleted_at=None,
        )
        .select_related("portfolio", "run")
        .order_by("-run__as_of", "portfolio__name", "portfolio_id")
    )
    results = PortfolioResult.objects.filter(
        run__in={alert.run_id for alert in alerts},
        portfolio__in={alert.portfolio_id for alert in alerts},
    )
    seen = {(row.run_id, row.portfolio_id, row.revision): row for row in results}
    return [
        Departure(alert, seen[alert.run_id, alert.portfolio_id, alert.revision]) for alert in alerts
    ]
