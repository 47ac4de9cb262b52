"""The lots that portfolios hold, of as many portfolios at once as a night asks for."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal, localcontext

from portfolios import lots
from portfolios.lots import Lot, Method
from portfolios.models import LotChoice, Portfolio
from portfolios.selectors import gains, lines, worth
from portfolios.selectors.lines import Line
from portfolios.selectors.worth import Worth

Choices = Mapping[int, Sequence[tuple[int, Decimal]]]


def read(
    portfolios: Collection[Portfolio], *, only: Mapping[int, Collection[int]] | None = None
) -> dict[int, list[Lot]]:
    """The open lots of each portfolio, each asset's in the order of purchase.

    By the portfolio's own method; with `only`, of these assets of each portfolio (ids), whatever
    else its ledger tells. A handful of queries, however many portfolios there are.
    """
    if only is None:
        needed = None
        found = lines.read([portfolio.pk for portfolio in portfolios])
    else:
        found, needed = lines.read_of_assets(only)
    by_portfolio: dict[int, list[Line]] = defaultdict(list)
    for line in found:
        by_portfolio[line.portfolio_id].append(line)
    valued = Worth(found, worth.all_currencies())
    choices = _choices(portfolios)
    with localcontext(prec=lots.DIGITS):
        return {
            portfolio.pk: _matched(
                by_portfolio[portfolio.pk],
                valued,
                method=Method(portfolio.lot_method),
                choices=choices,
                wanted=None if needed is None else needed[portfolio.pk],
            )
            for portfolio in portfolios
        }


def _matched(
    told: Sequence[Line],
    valued: Worth,
    *,
    method: Method,
    choices: Choices,
    wanted: Collection[int] | None,
) -> list[Lot]:
    """The lots that these lines of one ledger leave, of the wanted assets."""
    events = [
        event
        for line in told
        for event in gains.events_of(line, valued)
        if wanted is None or event.asset in wanted
    ]
    matching = lots.match(events, method=method, choices=choices)
    return [lot for each in matching.open_lots.values() for lot in each]


def _choices(portfolios: Collection[Portfolio]) -> Choices:
    """Lots that were named for sales, where a portfolio names them."""
    found: dict[int, list[tuple[int, Decimal]]] = {}
    naming = [each for each in portfolios if each.lot_method == Method.SPECIFIC]
    if naming:
        for choice in LotChoice.objects.filter(sale__portfolio__in=naming).order_by("pk"):
            found.setdefault(choice.sale_id, []).append((choice.purchase_id, choice.quantity))
    return found
