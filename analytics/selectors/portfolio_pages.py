"""What the pages show of a portfolio: the current night's result, and only at its own revision."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from django.db.models.expressions import RawSQL

from analytics.core import rebalancing
from analytics.models import (
    AlertEvent,
    MarketSnapshot,
    NightlyRun,
    PortfolioResult,
    RunChunk,
    Suggestion,
)
from analytics.selectors import verdicts
from analytics.selectors.verdicts import Verdict
from portfolios.models import Asset, AssetCategory, Portfolio
from portfolios.selectors import prices
from portfolios.selectors.prices import LatestClose

Status = PortfolioResult.Status


class Banded:
    """What has a target and may drift from it, as far as its band reaches."""

    weight: float
    target_weight: float
    band: float

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
class Position(Banded):
    """An asset that is held or wanted; all but the value in fractions of the portfolio.

    Where its target is a part of its category's, its own drift says nothing: see CategoryTarget.
    """

    asset: Asset
    value: float
    weight: float
    target_weight: float
    from_category: bool
    band: float
    share_of_risk: float | None  # None: nobody has measured it
    latest: LatestClose | None

    @property
    def name(self) -> str:
        return self.asset.symbol

    @property
    def close(self) -> float | None:
        return self.latest.close if self.latest else None

    @property
    def known_weight(self) -> float | None:
        """None without a price: what it is worth, and so its share, is unknown."""
        return self.weight if self.latest else None

    @property
    def price_is_stale(self) -> bool:
        return bool(self.latest and self.latest.is_stale)


@dataclass(frozen=True)
class CategoryTarget(Banded):
    """A category with a target as a whole: what is held of it is judged together."""

    category: AssetCategory
    weight: float
    target_weight: float
    band: float
    positions: Sequence[Position]

    @property
    def name(self) -> str:
        return self.category.name

    @property
    def stand_in(self) -> Asset | None:
        """The asset that is named because nothing is held; any other of the category would do."""
        only = self.positions[0]
        is_alone = len(self.positions) == 1 and only.from_category and only.value == 0
        return only.asset if is_alone else None


@dataclass(frozen=True)
class CategoryShare:
    category: AssetCategory
    value: float
    weight: float
    target_weight: float
    share_of_risk: float | None
    is_priced: bool
    whole: CategoryTarget | None  # None: its assets have targets of their own, or none

    @property
    def known_value(self) -> float | None:
        """None while something in it has no price."""
        return self.value if self.is_priced else None

    @property
    def known_weight(self) -> float | None:
        """None while something in it has no price."""
        return self.weight if self.is_priced else None

    @property
    def drift(self) -> float:
        return self.weight - self.target_weight


@dataclass(frozen=True)
class Trade:
    asset: Asset
    amount: float  # US dollars; positive buys
    quantity: float  # units of the asset, of the same sign
    or_any_of: AssetCategory | None = None  # the asset is an example of this category

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
    def verdict(self) -> Verdict | None:
        """Whether the suggestion is worth it; None without one."""
        if self.suggestion is None:
            return None
        return verdicts.of_suggestion(self.suggestion, self.result)

    @property
    def is_judged(self) -> bool:
        """Whether there is a drift to speak of: everything is priced and there are targets."""
        return is_judged(self.result)

    @property
    def has_targets(self) -> bool:
        return any(position.target_weight > 0 for position in self.positions)

    @property
    def category_targets(self) -> list[CategoryTarget]:
        return [share.whole for share in self.categories if share.whole]

    @property
    def judged(self) -> list[Position | CategoryTarget]:
        """What may drift: positions with a target of their own, and categories as a whole."""
        single = [position for position in self.positions if not position.from_category]
        return [*single, *self.category_targets]

    @property
    def worst(self) -> Position | CategoryTarget | None:
        return max(self.judged, key=lambda each: abs(each.drift) / each.band, default=None)

    @property
    def has_one_band(self) -> bool:
        """Whether every position and category has the same."""
        return not self.result.half_widths

    @property
    def breaches(self) -> list[Position | CategoryTarget]:
        """What is outside its band, the furthest first."""
        outside = [each for each in self.judged if each.in_breach]
        return sorted(outside, key=lambda each: -abs(each.drift))

    @property
    def out_of_place(self) -> list[Position | CategoryTarget]:
        """What a letter tells of: what is outside its band, or else all that is off its target."""
        return self.breaches or sorted(self.judged, key=lambda each: -abs(each.drift))

    @property
    def unpriced(self) -> list[Asset]:
        return [position.asset for position in self.positions if position.close is None]

    @property
    def stale(self) -> list[Asset]:
        return [position.asset for position in self.positions if position.price_is_stale]

    @property
    def too_young(self) -> list[Asset]:
        """Held assets whose risk could not be measured yet."""
        return [asset for asset in self._without_risk if not asset.is_own]

    @property
    def own_without_risk(self) -> list[Asset]:
        """What the owner prices: nobody measures its risk."""
        return [asset for asset in self._without_risk if asset.is_own]

    @property
    def _without_risk(self) -> list[Asset]:
        return [p.asset for p in self.positions if p.value > 0 and p.share_of_risk is None]

    @property
    def own_prices(self) -> list[Position]:
        """What its owner prices."""
        return [p for p in self.positions if p.latest and p.latest.is_own]

    @property
    def old_own_prices(self) -> list[Position]:
        """Prices that their owner entered long ago and may have forgotten."""
        return [p for p in self.own_prices if p.latest and p.latest.is_old]

    @property
    def scale(self) -> float:
        """The largest weight or upper edge of a band: where the bars of all positions end."""
        reach = [p.target_weight if p.from_category else p.high for p in self.positions]
        return max([*reach, *(p.weight for p in self.positions)], default=1.0)

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


def version(portfolio: Portfolio, *, run: NightlyRun) -> str:
    """Another one whenever the result was written anew, were it to the same figures."""
    seen = {"run": run, "portfolio": portfolio, "revision": portfolio.revision}
    written = PortfolioResult.objects.filter(**seen).annotate(by=RawSQL("xmin::text", []))
    return str(written.values_list("by", flat=True).first() or "")


def is_kept(portfolio: Portfolio, *, run: NightlyRun) -> bool:
    """Whether a letter was written about this result: then it stays what the letter says."""
    seen = {"run": run, "portfolio": portfolio, "revision": portfolio.revision}
    return AlertEvent.objects.filter(**seen).exists()


def read(portfolio: Portfolio, *, run: NightlyRun, revision: int | None = None) -> Reading | None:
    """The portfolio as it is now, or as it was at `revision`; None when that is not calculated."""
    seen = {"run": run, "portfolio": portfolio, "revision": revision or portfolio.revision}
    result = PortfolioResult.objects.filter(**seen).first()
    if result is None:
        return None
    suggestion = Suggestion.objects.filter(**seen).first()
    ids = {*result.asset_ids, *(suggestion.asset_ids if suggestion else ())}
    assets = Asset.of_anybody.select_related("category").in_bulk(ids)
    closes = prices.closes_for(assets.values(), as_of=run.as_of)
    positions = _positions(result, assets, closes=closes, measured=_measured(result, assets, run))
    categories = _by_category(positions, result)
    return Reading(
        run=run,
        result=result,
        positions=positions,
        categories=categories,
        suggestion=suggestion,
        trades=_trades(suggestion, assets, categories) if suggestion else (),
    )


def judged(result: PortfolioResult, assets: dict[int, Asset]) -> list[Position | CategoryTarget]:
    """What may drift, the furthest in terms of its own band first; of prices nothing is asked."""
    positions = _positions(result, assets, closes={}, measured=set())
    single = [position for position in positions if not position.from_category]
    whole = [share.whole for share in _by_category(positions, result) if share.whole]
    return sorted([*single, *whole], key=lambda each: -abs(each.drift) / each.band)


def _positions(
    result: PortfolioResult,
    assets: dict[int, Asset],
    *,
    closes: Mapping[int, LatestClose],
    measured: set[int],
) -> list[Position]:
    """The positions, the largest first; an own asset that was removed since is left out."""
    positions = []
    count = len(result.asset_ids)
    for asset_id, value, weight, target_weight, from_category, band, contribution in zip(
        result.asset_ids,
        result.values,
        result.weights,
        result.target_weights,
        result.from_category or [False] * count,
        result.half_widths or [result.band] * count,
        result.risk_contributions,
        strict=True,
    ):
        if asset_id not in assets:
            continue
        asset = assets[asset_id]
        has_risk = asset.is_dollar or asset_id in measured
        risk = contribution / result.volatility if result.volatility > 0 else 0.0
        positions.append(
            Position(
                asset=asset,
                value=value,
                weight=weight,
                target_weight=target_weight,
                from_category=from_category,
                band=band,
                share_of_risk=risk if has_risk else None,
                latest=closes.get(asset_id),
            )
        )
    return sorted(positions, key=lambda p: (-p.weight, -p.target_weight, p.asset.symbol))


def _measured(result: PortfolioResult, assets: dict[int, Asset], run: NightlyRun) -> set[int]:
    """The assets of a result whose risk is known: a contribution of zero may be of any."""
    shares = dict(zip(result.asset_ids, result.risk_contributions, strict=True))
    known = {asset_id for asset_id, contribution in shares.items() if contribution != 0}
    if all(asset.is_dollar for asset_id, asset in assets.items() if asset_id not in known):
        return known
    ids = MarketSnapshot.objects.filter(as_of=run.as_of).values_list("asset_ids", flat=True)
    return set(ids.first() or ())


def _by_category(positions: Iterable[Position], result: PortfolioResult) -> list[CategoryShare]:
    """The same by category, in the catalogue's order."""
    key = attrgetter("asset.category.position", "asset.category.name")
    bands = dict(zip(result.category_ids, result.category_half_widths, strict=True))
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
                is_priced=all(p.latest for p in members),
                whole=_as_a_whole(members, bands, otherwise=result.band),
            )
        )
    return shares


def _as_a_whole(
    members: Sequence[Position], bands: Mapping[int, float], *, otherwise: float
) -> CategoryTarget | None:
    """The category as it is judged: by a target of its own, or by a band for all of it."""
    category = members[0].asset.category
    covered = [p for p in members if p.from_category]
    if not covered and category.pk not in bands:
        return None
    covered = covered or list(members)
    return CategoryTarget(
        category=category,
        weight=sum(p.weight for p in covered),
        target_weight=sum(p.target_weight for p in covered),
        band=bands.get(category.pk, otherwise),
        positions=covered,
    )


def _trades(
    suggestion: Suggestion, assets: dict[int, Asset], categories: Iterable[CategoryShare]
) -> list[Trade]:
    """Sells first: they pay for the buys. The largest first."""
    examples = {
        share.whole.stand_in: share.category
        for share in categories
        if share.whole and share.whole.stand_in
    }
    trades = [
        Trade(assets[asset_id], amount, quantity, examples.get(assets[asset_id]))
        for asset_id, amount, quantity in zip(
            suggestion.asset_ids, suggestion.amounts, suggestion.quantities, strict=True
        )
        if asset_id in assets
    ]
    return sorted(trades, key=lambda trade: (trade.amount > 0, -abs(trade.amount)))
