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


# The lines that have to do with an asset of a portfolio, and all token migrations.
OF_ASSETS = """
    SELECT DISTINCT entry.*
    FROM unnest(%(portfolios)s::bigint[], %(assets)s::bigint[]) AS pair (portfolio_id, asset_id)
    JOIN portfolios_transaction AS entry ON entry.portfolio_id = pair.portfolio_id AND (
        entry.kind = 'migration' OR pair.asset_id IN (
            entry.received_asset_id, entry.sent_asset_id, entry.fee_asset_id
        )
    )
    ORDER BY entry.at, entry.id
"""


def read(
    portfolios: Collection[Portfolio], *, only: Mapping[int, Collection[int]] | None = None
) -> dict[int, list[Lot]]:
    """The open lots of each portfolio, each asset's in the order of purchase.

    By the portfolio's own method; with `only`, of these assets of each portfolio (ids), whatever
    else its ledger tells. A handful of queries, however many portfolios there are.
    """
    if only is None:
        needed = None
        entries = list(Transaction.objects.filter(portfolio__in=portfolios).order_by("at", "pk"))
    else:
        needed = {pk: set(assets) for pk, assets in only.items()}
        entries = _of_assets(needed)
    by_portfolio: dict[int, list[Transaction]] = defaultdict(list)
    for entry in entries:
        by_portfolio[entry.portfolio_id].append(entry)
    worth = Worth(entries, _assets(entries))
    choices = _choices(portfolios)
    found: dict[int, list[Lot]] = {}
    for portfolio in portfolios:
        with localcontext(prec=lots.DIGITS):
            lines = by_portfolio[portfolio.pk]
            told = [event for entry in lines for event in gains.events_of(entry, worth)]
        wanted = None if needed is None else needed[portfolio.pk]
        events = [event for event in told if wanted is None or event.asset in wanted]
        method = Method(portfolio.lot_method)
        matching = lots.match(events, method=method, choices=choices)
        found[portfolio.pk] = [lot for each in matching.open_lots.values() for lot in each]
    return found


def _of_assets(needed: dict[int, set[int]]) -> list[Transaction]:
    """Their lines, and those of the tokens that became one of them, which are then needed too."""
    while True:
        pairs = [(pk, asset) for pk, assets in needed.items() for asset in assets]
        asked = {"portfolios": [pk for pk, _ in pairs], "assets": [asset for _, asset in pairs]}
        entries = list(Transaction.objects.raw(OF_ASSETS, asked))
        before = sum(map(len, needed.values()))
        for entry in entries:
            assets = needed[entry.portfolio_id]
            became = entry.kind == Transaction.Kind.MIGRATION and entry.sent_asset_id
            if became and entry.received_asset_id in assets:
                assets.add(became)
        if sum(map(len, needed.values())) == before:
            return entries


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
