"""The list of portfolios, one page of it: PostgreSQL sorts, so that a thousand are no burden."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.paginator import Page
from django.db.models import (
    Case,
    Expression,
    ExpressionWrapper,
    F,
    FilteredRelation,
    FloatField,
    IntegerField,
    OrderBy,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Lower, NullIf

from accounts.models import User
from analytics.models import NightlyRun, PortfolioResult
from analytics.selectors import columns
from analytics.selectors.portfolio_pages import is_judged
from portfolios.models import Portfolio
from portfolios.selectors import portfolios

PAGE_SIZE = 25
Status = PortfolioResult.Status
# What asks for something to be done comes first.
URGENCY = (Status.IN_BREACH, Status.UNPRICED, Status.NO_TARGETS, Status.EMPTY, Status.IN_BALANCE)
EARLIER = ("value_1d", "value_7d", "value_30d")
TONES: dict[str, str] = {
    Status.IN_BALANCE: "bg-primary-subtle text-primary-emphasis",
    Status.IN_BREACH: "bg-warning-subtle text-warning-emphasis",
}
OTHER_TONE = "bg-secondary-subtle text-secondary-emphasis"
NOT_A_NUMBER = Value(float("nan"), output_field=FloatField())
BY_NAME = "name"


def _change_since(field: str) -> Expression:
    earlier = NullIf(F(f"current__{field}"), NOT_A_NUMBER)
    return ExpressionWrapper(F("current__value") / earlier, output_field=FloatField())


SORTED_BY: dict[str, Expression | F] = {
    BY_NAME: Lower("name"),
    "value": F("current__value"),
    "1d": _change_since("value_1d"),
    "7d": _change_since("value_7d"),
    "30d": _change_since("value_30d"),
    "balance": Case(
        *(When(current__status=status, then=Value(n)) for n, status in enumerate(URGENCY)),
        output_field=IntegerField(),
    ),
    "drift": Case(
        When(
            current__status__in=[Status.IN_BALANCE, Status.IN_BREACH],
            then=F("current__worst_drift"),
        ),
    ),
}
LABELS = {
    BY_NAME: "Portfolio",
    "value": "Value, USD",
    "1d": "24 h, %",
    "7d": "7 d, %",
    "30d": "30 d, %",
    "balance": "Balance",
    "drift": "Worst drift, points",
}
ASCENDING_FIRST = {BY_NAME, "balance"}


@dataclass(frozen=True)
class Row:
    portfolio: Portfolio
    result: PortfolioResult | None  # None: not calculated since its last change

    @property
    def is_judged(self) -> bool:
        return self.result is not None and is_judged(self.result)

    @property
    def tone(self) -> str:
        """The classes of the badge that says its status."""
        return TONES.get(self.result.status if self.result else "", OTHER_TONE)

    @property
    def change_1d(self) -> float | None:
        """Of today's holdings since the close a day before, as a fraction."""
        return self._since(self.result.value_1d) if self.result else None

    @property
    def change_7d(self) -> float | None:
        return self._since(self.result.value_7d) if self.result else None

    @property
    def change_30d(self) -> float | None:
        return self._since(self.result.value_30d) if self.result else None

    def _since(self, then: float | None) -> float | None:
        return self.result.value / then - 1 if self.result and then else None


@dataclass(frozen=True)
class PortfolioList:
    columns: Sequence[columns.Column]
    page: Page[Portfolio]
    rows: Sequence[Row]
    sort: str

    @property
    def kept(self) -> str:
        """What the address of another page of the list keeps."""
        return f"sort={self.sort}&"


def read(user: User, *, run: NightlyRun | None, in_use: int, sort: str, page: str) -> PortfolioList:
    """One page of a user's portfolios, of which so many are in use, in two queries.

    `sort` is the key of a column, with a minus before it for the other way; what it does not
    understand sorts by name. Portfolios without a figure come last, either way.
    """
    key = sort.removeprefix("-")
    if key not in SORTED_BY:
        sort = key = BY_NAME
    rows = _sorted(user, run, key, descending=sort.startswith("-"))
    shown = portfolios.counted_page(rows, in_use, page, size=PAGE_SIZE)
    return PortfolioList(
        columns=columns.heads(LABELS, sort=sort, ascending_first=ASCENDING_FIRST),
        page=shown,
        rows=measured(list(shown), run=run),
        sort=sort,
    )


def measured(portfolios: Sequence[Portfolio], *, run: NightlyRun | None) -> list[Row]:
    """Each with its result at its own revision, if there is one. One query."""
    results = _figures(run, [portfolio.pk for portfolio in portfolios]) if run else ()
    by_revision = {(result.portfolio_id, result.revision): result for result in results}
    return [Row(p, by_revision.get((p.pk, p.revision))) for p in portfolios]


def _figures(run: NightlyRun, shown: Sequence[int]) -> QuerySet[PortfolioResult]:
    """The results of portfolios without their positions, which are most of a result."""
    results = PortfolioResult.objects.filter(run=run, portfolio__in=shown)
    return results.only("status", "value", "outside_value", *EARLIER, "band", "worst_drift")


def _sorted(
    user: User, run: NightlyRun | None, key: str, *, descending: bool
) -> QuerySet[Portfolio]:
    rows = Portfolio.objects.visible_to(user).filter(archived_at=None)
    if key != BY_NAME:
        current = Q(results__run=run, results__revision=F("revision"))
        rows = rows.annotate(current=FilteredRelation("results", condition=current))
    order = OrderBy(SORTED_BY[key], descending=descending, nulls_last=True)
    named = rows.select_related("profile").only("name", "revision", "profile__name")
    return named.order_by(order, Lower("name"), "pk")
