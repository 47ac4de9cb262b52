"""What the pages show of a portfolio: the current night's result, and only at its own revision."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from analytics.core import rebalancing
from analytics.models import MarketSnapshot, NightlyRun, PortfolioResult, RunChunk, Suggestion
from portfolios.models import Asset, AssetCategory, Portfolio
from portfolios.selectors import prices

Status = PortfolioResult.Status


@dataclass(frozen=True)
class Position:
    """An asset that is held or wanted; all but the value in fractions of the portfolio."""

    asset: Asset
    value: float
    weight: float
    target_weight: float
    band: float
    share_of_risk: float | None  # None: the asset is too young to have one
    close: float | None
    price_is_stale: bool

    @property
    def drift(self) -> float:
        return self.weight - self.target_weight

    @property
    def low(self) -> float:
        return max(self.target_weight - self.band, 0.0)

    @property
    def high(self) -> float:
        return min(self.target_weight + self.band, 1.0)

    @property
    def band_width(self) -> float:
        return self.high - self.low

    @property
    def in_breach(self) -> bool:
        return abs(self.drift) > self.band + rebalancing.EDGE_ROUNDING


@dataclass(frozen=True)
class CategoryShare:
    category: AssetCategory
    value: float
    weight: float
    target_weight: float
    share_of_risk: float | None

    @property
    def drift(self) -> float:
        return self.weight - self.target_weight


@dataclass(frozen=True)
class Trade:
    asset: Asset
    amount: float  # US dollars; positive buys
    quantity: float  # units of the asset, of the same sign

    @property
    def size(self) -> float:
        """US dollars, whichever way."""
        return abs(self.amount)

    @property
    def units(self) -> float:
        """Units of the asset, whichever way."""
        return abs(self.quantity)

    @property
    def price(self) -> float | None:
        return self.amount / self.quantity if self.quantity else None


@dataclass(frozen=True)
class Reading:
    """One portfolio as the current night, or a recomputation since, measured it."""

    run: NightlyRun
    result: PortfolioResult
    positions: Sequence[Position]
    categories: Sequence[CategoryShare]
    suggestion: Suggestion | None
    trades: Sequence[Trade]

    @property
    def is_judged(self) -> bool:
        """Whether there is a drift to speak of: everything is priced and there are targets."""
        return is_judged(self.result)

    @property
    def has_targets(self) -> bool:
        return any(position.target_weight > 0 for position in self.positions)

    @property
    def worst(self) -> Position | None:
        return max(self.positions, key=lambda position: abs(position.drift), default=None)

    @property
    def breaches(self) -> list[Position]:
        """The positions outside their bands, the furthest first."""
        outside = [position for position in self.positions if position.in_breach]
        return sorted(outside, key=lambda position: -abs(position.drift))

    @property
    def unpriced(self) -> list[Asset]:
        return [position.asset for position in self.positions if position.close is None]

    @property
    def stale(self) -> list[Asset]:
        return [position.asset for position in self.positions if position.price_is_stale]

    @property
    def too_young(self) -> list[Asset]:
        """Held assets whose risk could not be measured yet."""
        return [p.asset for p in self.positions if p.value > 0 and p.share_of_risk is None]

    @property
    def scale(self) -> float:
        """The largest weight or upper edge of a band: where the bars of all positions end."""
        return max((max(p.weight, p.high) for p in self.positions), default=1.0)

    @property
    def category_chart(self) -> list[dict[str, object]]:
        """What charts.js draws as weights and targets."""
        return [
            {
                "name": share.category.name,
                "colour": share.category.colour,
                "weight": share.weight,
                "target": share.target_weight if self.has_targets else None,
            }
            for share in self.categories
        ]


def is_judged(result: PortfolioResult) -> bool:
    return result.status in (Status.IN_BALANCE, Status.IN_BREACH)


def current_run() -> NightlyRun | None:
    return NightlyRun.objects.filter(is_current=True).first()


def failed(portfolio: Portfolio, *, run: NightlyRun) -> bool:
    """Whether the night could not compute this portfolio, and went on without it."""
    covering = {"first_portfolio_id__lte": portfolio.pk, "last_portfolio_id__gte": portfolio.pk}
    return run.chunks.filter(state=RunChunk.State.QUARANTINED, **covering).exists()


def read(portfolio: Portfolio, *, run: NightlyRun, revision: int | None = None) -> Reading | None:
    """The portfolio as it is now, or as it was at `revision`; None when that is not calculated."""
    seen = {"run": run, "portfolio": portfolio, "revision": revision or portfolio.revision}
    result = PortfolioResult.objects.filter(**seen).first()
    if result is None:
        return None
    suggestion = Suggestion.objects.filter(**seen).first()
    ids = {*result.asset_ids, *(suggestion.asset_ids if suggestion else ())}
    assets = Asset.objects.select_related("category").in_bulk(ids)
    positions = _positions(result, assets, run)
    return Reading(
        run=run,
        result=result,
        positions=positions,
        categories=_by_category(positions),
        suggestion=suggestion,
        trades=_trades(suggestion, assets) if suggestion else (),
    )


def _positions(
    result: PortfolioResult, assets: dict[int, Asset], run: NightlyRun
) -> list[Position]:
    """The positions, the largest first."""
    closes = prices.latest_closes(as_of=run.as_of)
    measured = _measured(run)
    positions = []
    for asset_id, value, weight, target_weight, contribution in zip(
        result.asset_ids,
        result.values,
        result.weights,
        result.target_weights,
        result.risk_contributions,
        strict=True,
    ):
        asset, latest = assets[asset_id], closes.get(asset_id)
        has_risk = asset.kind == Asset.Kind.CASH or asset_id in measured
        risk = contribution / result.volatility if result.volatility > 0 else 0.0
        positions.append(
            Position(
                asset=asset,
                value=value,
                weight=weight,
                target_weight=target_weight,
                band=result.band,
                share_of_risk=risk if has_risk else None,
                close=latest.close if latest else None,
                price_is_stale=bool(latest and latest.is_stale),
            )
        )
    return sorted(positions, key=lambda p: (-p.weight, -p.target_weight, p.asset.symbol))


def _measured(run: NightlyRun) -> set[int]:
    ids = MarketSnapshot.objects.filter(as_of=run.as_of).values_list("asset_ids", flat=True)
    return set(ids.first() or ())


def _by_category(positions: Iterable[Position]) -> list[CategoryShare]:
    """The same by category, in the catalogue's order."""
    key = attrgetter("asset.category.position", "asset.category.name")
    shares = []
    for _, group in groupby(sorted(positions, key=key), key=key):
        members = list(group)
        risks = [p.share_of_risk for p in members if p.share_of_risk is not None]
        shares.append(
            CategoryShare(
                category=members[0].asset.category,
                value=sum(p.value for p in members),
                weight=sum(p.weight for p in members),
                target_weight=sum(p.target_weight for p in members),
                share_of_risk=sum(risks) if risks else None,
            )
        )
    return shares


def _trades(suggestion: Suggestion, assets: dict[int, Asset]) -> list[Trade]:
    """Sells first: they pay for the buys. The largest first."""
    trades = [
        Trade(assets[asset_id], amount, quantity)
        for asset_id, amount, quantity in zip(
            suggestion.asset_ids, suggestion.amounts, suggestion.quantities, strict=True
        )
    ]
    return sorted(trades, key=lambda trade: (trade.amount > 0, -abs(trade.amount)))
