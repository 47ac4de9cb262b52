"""What alerts are about, as the night saw it, whatever has been edited since."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from analytics.models import AlertEvent, PortfolioResult, Suggestion
from analytics.selectors import portfolio_pages, verdicts
from analytics.selectors.portfolio_pages import CategoryTarget, Position
from analytics.selectors.verdicts import Verdict
from portfolios.models import Asset


@dataclass(frozen=True)
class Alert:
    """An event of a portfolio that is in use, and its figures of that night."""

    event: AlertEvent
    result: PortfolioResult
    suggestion: Suggestion | None
    judged: list[Position | CategoryTarget]  # the furthest in terms of its own band first

    @property
    def name(self) -> str:
        return self.event.portfolio.name

    @property
    def outside(self) -> int:
        """How many positions and categories were outside their bands."""
        return sum(each.in_breach for each in self.judged)

    @property
    def verdict(self) -> Verdict | None:
        return verdicts.of_suggestion(self.suggestion, self.result) if self.suggestion else None


def in_use(ids: Iterable[int]) -> dict[int, AlertEvent]:
    """Events by their keys, in one query; none of portfolios that are put away or gone."""
    seen = {name: OuterRef(name) for name in ("run", "portfolio", "revision")}
    events = AlertEvent.objects.select_related("portfolio__owner", "run").filter(
        Exists(PortfolioResult.objects.filter(**seen)),
        portfolio__archived_at=None,
        portfolio__deleted_at=None,
    )
    return events.in_bulk(list(ids))


def find(ids: Iterable[int]) -> dict[int, Alert]:
    """The same with their figures.

    Four queries, however many are asked for.
    """
    events = in_use(ids).values()
    seen = {
        "run__in": {e.run_id for e in events},
        "portfolio__in": {e.portfolio_id for e in events},
    }
    results = {_key(row): row for row in PortfolioResult.objects.filter(**seen)}
    suggestions = {_key(row): row for row in Suggestion.objects.filter(**seen)}
    wanted = {asset for row in results.values() for asset in row.asset_ids}
    assets = Asset.of_anybody.select_related("category").in_bulk(wanted)
    return {
        event.pk: Alert(
            event=event,
            result=results[_key(event)],
            suggestion=suggestions.get(_key(event)),
            judged=portfolio_pages.judged(results[_key(event)], assets),
        )
        for event in events
        if _key(event) in results
    }


def _key(row: AlertEvent | PortfolioResult | Suggestion) -> tuple[int, int, int]:
    return row.run_id, row.portfolio_id, row.revision
