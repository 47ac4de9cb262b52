"""What an account export says about portfolios."""

from collections.abc import Iterator

from django.db.models import QuerySet

from accounts.models import User
from accounts.services import exports
from accounts.services.exports import Table
from portfolios.models import (
    Asset,
    ColumnMapping,
    Holding,
    Import,
    ImportRow,
    LotChoice,
    OwnPrice,
    Portfolio,
    PortfolioDraft,
    PositionRule,
    StrategicWeight,
    TargetVersion,
    TargetWeight,
    TickerChoice,
    Tilt,
    Transaction,
)

ASSET = ("asset__symbol", "asset__name")
LEG_SYMBOLS = [f"{leg}_asset__symbol" for leg in ("received", "sent", "fee", "value")]


def tables(user: User) -> Iterator[Table]:
    """Facts, those put away included."""
    portfolios = Portfolio.objects.filter(owner=user).order_by("pk")
    yield exports.table("portfolios", portfolios, also=["profile__name"])
    yield exports.table("portfolio_drafts", PortfolioDraft.objects.filter(owner=user))
    for name, model in (
        ("holdings", Holding),
        ("targets", TargetWeight),
        ("strategic_targets", StrategicWeight),
        ("rules", PositionRule),
    ):
        rows = model._default_manager.filter(portfolio__owner=user)
        also = ASSET if model is Holding else (*ASSET, "category__name")
        yield exports.table(name, rows.order_by("portfolio_id", "pk"), also=also)
    versions = TargetVersion.objects.filter(portfolio__owner=user)
    yield exports.table("target_versions", versions.order_by("portfolio_id", "number"))
    tilts = Tilt.objects.filter(portfolio__owner=user).order_by("portfolio_id")
    yield exports.table("tilts", tilts)
    yield exports.table("transactions", _transactions(user), also=LEG_SYMBOLS)
    choices = LotChoice.objects.filter(sale__portfolio__owner=user).order_by("pk")
    yield exports.table("lot_choices", choices)
    yield from _imports(user)
    assets = Asset.of_anybody.filter(owner=user).order_by("pk")
    yield exports.table("own_assets", assets, also=["category__name"])
    own_prices = OwnPrice.objects.filter(asset__owner=user).order_by("asset_id", "date")
    yield exports.table("own_prices", own_prices, also=ASSET)


def _imports(user: User) -> Iterator[Table]:
    """Files, what became of their rows, and what was said about them."""
    imports = Import.objects.filter(portfolio__owner=user).order_by("pk")
    yield exports.table("imports", imports)
    rows = ImportRow.objects.filter(import_run__portfolio__owner=user)
    yield exports.table("import_rows", rows.order_by("import_run_id", "position"))
    choices = TickerChoice.objects.filter(owner=user).order_by("ticker")
    yield exports.table("ticker_choices", choices, also=ASSET)
    mappings = ColumnMapping.objects.filter(owner=user).order_by("pk")
    yield exports.table("column_mappings", mappings)


def _transactions(user: User) -> QuerySet[Transaction]:
    rows = Transaction.objects.filter(portfolio__owner=user)
    return rows.order_by("portfolio_id", "at", "pk")
