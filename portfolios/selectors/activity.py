"""The transactions of a portfolio as a list: filtered, a page at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.core.paginator import Page, Paginator
from django.db.models import Max, Min

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


def read(portfolio: Portfolio, *, chosen: Mapping[str, str], page: str) -> Page[Transaction]:
    """The newest first."""
    rows = portfolio.transactions.select_related(*PLACES, "import_run").order_by("-at", "-pk")
    if kind := chosen.get("kind"):
        rows = rows.filter(kind=kind)
    if asset := chosen.get("asset"):
        rows = rows.filter(ledger.names(Asset(pk=int(asset))))
    if year := chosen.get("year"):
        first = datetime(int(year), 1, 1, tzinfo=UTC)
        rows = rows.filter(at__gte=first, at__lt=first.replace(year=first.year + 1))
    return Paginator(rows, PAGE).get_page(page)
