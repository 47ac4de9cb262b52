"""A sale that somebody is about to record, beside what today's plan says of it."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from analytics.models import AssetDay, PortfolioResult, RegimeDay
from analytics.selectors import portfolio_pages, regimes
from analytics.selectors.portfolio_pages import Position, Reading
from analytics.selectors.regimes import Regime
from portfolios.models import Asset, Transaction

Kind = Transaction.Kind

# Today's plan says nothing about a sale of long ago: that is history being completed.
PLAN_SPEAKS_FOR = timedelta(days=7)
# Prices move while somebody trades; so much more than the plan sells is still what it calls for.
ABOUT = 1.1


@dataclass(frozen=True)
class Sold:
    """What a line of the ledger sells; `units` of the asset."""

    asset: Asset
    units: Decimal


@dataclass(frozen=True)
class SaleCheck:
    """What the plan, the market and the position say of a sale that the plan does not call for."""

    asset: Asset
    reading: Reading
    regime: Regime | None
    drawdown: float | None  # of the asset, against its highest so far; None: not measured
    planned: float  # units that the plan sells, fewer than are recorded

    @property
    def position(self) -> Position | None:
        held = (each for each in self.reading.positions if each.asset == self.asset)
        return next(held, None)

    @property
    def where(self) -> str:
        """Where the position stands in its band."""
        position = self.position
        if position is None or position.from_category or not self.reading.is_judged:
            return ""
        if not position.in_breach:
            return "inside its band"
        return "above its band" if position.drift > 0 else "below its band"


def read(entry: Transaction, *, before: Sold | None = None) -> SaleCheck | None:
    """What to show before the sale is recorded; None where the plan calls for it, or is not known.

    `before` is what a line that is changed has sold so far: holdings, and so the plan, know of
    that. A handful of queries, and only for a sale.
    """
    sale, run = sold(entry), portfolio_pages.current_run()
    if sale is None or run is None or _is_history(entry, run.as_of):
        return None
    asset, units = sale.asset, sale.units
    if before is not None and before.asset == asset:
        units -= before.units
    if units <= 0:
        return None
    results = PortfolioResult.objects.filter(run=run, portfolio=entry.portfolio)
    revision = results.order_by("-revision").values_list("revision", flat=True).first()
    reading = revision and portfolio_pages.read(entry.portfolio, run=run, revision=revision)
    if not reading:
        return None
    planned = sum(t.units for t in reading.trades if t.asset == asset and t.amount < 0)
    if planned and float(units) <= planned * ABOUT:
        return None
    day = RegimeDay.objects.filter(date=run.as_of).first()
    measured = AssetDay.objects.filter(asset=asset, as_of=run.as_of)
    return SaleCheck(
        asset=asset,
        reading=reading,
        regime=regimes.read(day) if day else None,
        drawdown=measured.values_list("drawdown", flat=True).first(),
        planned=planned,
    )


def sold(entry: Transaction) -> Sold | None:
    """What a line sells. Money and, where something is bought with them, stablecoins are spent."""
    asset = entry.sent_asset
    if asset is None or entry.kind not in (Kind.SELL, Kind.SWAP, Kind.BUY):
        return None
    spent = {Asset.Kind.CASH} if entry.kind == Kind.SELL else {Asset.Kind.CASH, "stablecoin"}
    return None if asset.kind in spent else Sold(asset, entry.sent_quantity or Decimal(0))


def _is_history(entry: Transaction, as_of: date) -> bool:
    return entry.at.date() < as_of - PLAN_SPEAKS_FOR
