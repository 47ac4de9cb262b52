"""The transactions of a portfolio as a list: filtered, a page at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.core.paginator import Page, Paginator
from django.db.models import Max, Min, QuerySet

from portfolios.models import Asset, Portfolio, Transaction
from portfolios.selectors import ledger

PAGE = 50
PLACES = ("received_asset", "sent_asset", "fee_asset", "value_asset")


@dataclass(frozen=True)
class Choices:
    """What a ledger can be filtered by."""

    assets: list[Asset]
    years: list[int]


def choices(portfolio: Portfolio) -> Choices:
    """The assets that any line names, and the years from the first line to the last."""
    named = ledger.assets_named(portfolio)
    span = portfolio.transactions.order_by().aggregate(first=Min("at"), last=Max("at"))
    years: list[int] = []
    if span["first"]:
        years = list(range(span["last"].year, span["first"].year - 1, -1))
    return Choices(list(Asset.of_anybody.filter(pk__in=named).order_by("symbol", "pk")), years)


def filtered(
    portfolio: Portfolio,
    *,
    kind: str = "",
    asset: Asset | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[Transaction]:
    """Of a kind, with an asset in any place, in [since, until); the newest first."""
    rows = portfolio.transactions.select_related(*PLACES, "import_run").order_by("-at", "-pk")
    if kind:
        rows = rows.filter(kind=kind)
    if asset:
        rows = rows.filter(ledger.names(asset))
    if since:
        rows = rows.filter(at__gte=since)
    return rows.filter(at__lt=until) if until else rows


def read(portfolio: Portfolio, *, chosen: Mapping[str, str], page: str) -> Page[Transaction]:
    """The newest first."""
    asset, year = chosen.get("asset"), chosen.get("year")
    first = datetime(int(year), 1, 1, tzinfo=UTC) if year else None
    rows = filtered(
        portfolio,
        kind=chosen.get("kind", ""),
        asset=Asset(pk=int(asset)) if asset else None,
        since=first,
        until=first.replace(year=first.year + 1) if first else None,
    )
    return Paginator(rows, PAGE).get_page(page)
