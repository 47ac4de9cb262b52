"""What a digest is about: the portfolios that left their bands within some days."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models.functions import Coalesce

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


def days(preference: str, *, as_of: date, since: date | None = None) -> Days:
    """The days a digest that leaves with the night of `as_of` is about.

    A daily one is about those since the last night that wrote: from `since`, or the night's own.
    A weekly one is about the weeks, Monday to Sunday, that have become complete since then: so it
    leaves with the night of a Sunday, or with the first one after it, and is empty (last before
    first) with the others. Without `since` it is the last complete week.
    """
    if preference == AlertPreference.DAILY:
        return Days(since or as_of, as_of)
    sunday = as_of - timedelta(days=as_of.isoweekday() % 7)
    since = since or sunday
    return Days(since - timedelta(days=since.weekday()), sunday)


def departures(user: User, *, within: Days) -> list[Departure]:
    """The user's portfolios that left their bands or are due, the latest first; none put away."""
    alerts = (
        AlertEvent.objects.alias(day=Coalesce("departed_on", "run__as_of"))
        .filter(
            portfolio__owner=user,
            kind__in=(AlertEvent.Kind.DRIFT, AlertEvent.Kind.DUE),
            day__range=(within.first, within.last),
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
