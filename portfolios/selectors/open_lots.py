"""The lots that portfolios hold, of as many portfolios at once as a night asks for."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal, localcontext

from portfolios import lots
from portfolios.lots import Lot, Method
from portfolios.models import Asset, LotChoice, Portfolio, Transaction
from portfolios.selectors import gains
from portfolios.selectors.worth import Worth

Choices = Mapping[int, Sequence[tuple[int, Decimal]]]


def read(portfolios: Collection[Portfolio]) -> dict[int, list[Lot]]:
    """The open lots of each portfolio, each asset's in the order of purchase.

    By the portfolio's own method. A handful of queries, however many portfolios there are.
    """
    entries = Transaction.objects.filter(portfolio__in=portfolios).order_by("at", "pk")
    by_portfolio: dict[int, list[Transaction]] = defaultdict(list)
    for entry in entries:
        by_portfolio[entry.portfolio_id].append(entry)
    everything = [entry for each in by_portfolio.values() for entry in each]
    worth = Worth(everything, _assets(everything))
    choices = _choices(portfolios)
    found: dict[int, list[Lot]] = {}
    for portfolio in portfolios:
        with localcontext(prec=lots.DIGITS):
            lines = by_portfolio[portfolio.pk]
            events = [event for entry in lines for event in gains.events_of(entry, worth)]
        method = Method(portfolio.lot_method)
        matching = lots.match(events, method=method, choices=choices)
        found[portfolio.pk] = [lot for each in matching.open_lots.values() for lot in each]
    return found


def _assets(entries: Sequence[Transaction]) -> dict[int, Asset]:
    ids = {
        getattr(entry, f"{leg}_asset_id")
        for entry in entries
        for leg in ("received", "sent", "fee", "value")
    }
    return Asset.of_anybody.in_bulk(ids - {None})


def _choices(portfolios: Collection[Portfolio]) -> Choices:
    """Lots that were named for sales, where a portfolio names them."""
    found: dict[int, list[tuple[int, Decimal]]] = {}
    naming = [each for each in portfolios if each.lot_method == Method.SPECIFIC]
    if naming:
        for choice in LotChoice.objects.filter(sale__portfolio__in=naming).order_by("pk"):
            found.setdefault(choice.sale_id, []).append((choice.purchase_id, choice.quantity))
    return found
