"""One portfolio on the workbench: what its rows are made of, and what is known of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analytics.core import counted_holdings
from analytics.models import AssetDay, NightlyRun
from analytics.selectors import asset_universes, positions
from analytics.selectors.asset_universes import Universe
from portfolios.models import Asset, AssetCategory, Holding, Portfolio
from portfolios.models.assets import CORE
from portfolios.models.portfolios import MoneyRole
from portfolios.selectors import portfolios, prices

Aim = Asset | AssetCategory
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

Level = AssetCategory.RiskLevel
# The weight of each level in a risk score, of at most 3.
LEVELS = {
    Level.VERY_LOW: 0.0, Level.LOWER: 1.0, Level.MEDIUM: 2.0, Level.MEDIUM_HIGH: 2.5,
    Level.HIGHER: 3.0,
}  # fmt: skip
BITCOIN = CORE[0]


@dataclass(frozen=True)
class Bench:
    """k rows over m assets: those of the market first, by id, then the owner's own.

    A row is an asset, or a category as a whole; that is made of what is held of it, in the
    proportions of its values, or of the asset that stands for it.
    """

    aims: Sequence[Aim]
    assets: Sequence[Asset]
    universe: Universe
    mix: Floats  # (k, m), each row summing to one, or to zero where nothing stands for a category
    held_values: Floats  # (m,) US dollars; NaN: no price

    @cached_property
    def held_weights(self) -> Floats | None:
        """(m,) of today; None where nothing is held, or something has no price."""
        total = self.held_values.sum()
        return self.held_values / total if total > 0 else None

    @cached_property
    def held_by_aim(self) -> Floats | None:
        """(k,) today's weight of what each row is made of."""
        if self.held_weights is None:
            return None
        return np.asarray((self.mix > 0).astype(float) @ self.held_weights)

    @cached_property
    def measured(self) -> Flags:
        """(m,) whose risk is known: nobody measures the risk of somebody's own assets."""
        return self._with_own(self.universe.measured, missing=False)

    @cached_property
    def covariance(self) -> Floats:
        """(m, m) of daily returns."""
        return self._square(self.universe.covariance)

    @cached_property
    def shrunk(self) -> Floats:
        """(m, m) for optimisers."""
        return self._square(self.universe.shrunk)

    @cached_property
    def returns(self) -> Floats:
        """(t, m) daily, since `asset_universes.HISTORY_START`."""
        own = np.zeros((len(self.universe.returns), len(self.assets) - len(self.universe.closes)))
        return np.hstack([self.universe.returns, own])

    @cached_property
    def levels(self) -> Floats:
        """(m,) of the risk score."""
        return np.array([LEVELS[Level(asset.category.risk_level)] for asset in self.assets])

    @cached_property
    def yields(self) -> Floats:
        """(m,) assumed, a year; zero where none is."""
        return np.array([float(asset.assumed_yield or 0) for asset in self.assets])

    @cached_property
    def is_core(self) -> Flags:
        return np.array([asset.coingecko_id in CORE for asset in self.assets])

    @cached_property
    def is_money(self) -> Flags:
        """(m,) stablecoins and cash: the sleeve that no risk is budgeted to."""
        return np.array([asset.is_money for asset in self.assets])

    @cached_property
    def market_caps(self) -> dict[int, float]:
        """US dollars, by the asset's id, of those that the night knows. A query, once."""
        days = AssetDay.objects.filter(
            as_of=self.universe.as_of, asset__in=self.universe.asset_ids.tolist(), market_cap__gt=0
        )
        return {pk: cap for pk, cap in days.values_list("asset_id", "market_cap") if cap}

    @property
    def bitcoin(self) -> int | None:
        """Its column."""
        ids = [asset.coingecko_id for asset in self.assets]
        return ids.index(BITCOIN) if BITCOIN in ids else None

    def _with_own(self, values: Flags, *, missing: bool) -> Flags:
        return np.concatenate([values, np.full(len(self.assets) - len(values), missing)])

    def _square(self, listed: Floats) -> Floats:
        square = np.zeros((len(self.assets), len(self.assets)))
        square[: len(listed), : len(listed)] = listed
        return square


def read(
    portfolio: Portfolio,
    aims: Sequence[Aim],
    *,
    run: NightlyRun,
    holdings: Sequence[Holding] | None = None,
) -> Bench:
    """The bench with these rows; `holdings` with their assets and categories, if read already."""
    if holdings is None:
        holdings = list(portfolios.holdings(portfolio))
    known = {aim.pk: aim for aim in aims if isinstance(aim, Asset)}
    known |= {holding.asset_id: holding.asset for holding in holdings}
    stand_ins = _stand_ins(aims, known, run)
    known |= {asset.pk: asset for asset in stand_ins.values()}
    if all(asset.coingecko_id != BITCOIN for asset in known.values()):
        bitcoin = Asset.objects.select_related("category").filter(coingecko_id=BITCOIN)
        known |= {asset.pk: asset for asset in bitcoin}
    listed = sorted((a for a in known.values() if not a.is_own), key=lambda asset: asset.pk)
    own = sorted((a for a in known.values() if a.is_own), key=lambda asset: asset.pk)
    universe = asset_universes.read(listed, run=run)
    closes = dict(zip(universe.asset_ids.tolist(), universe.closes.tolist(), strict=True))
    own_ids = [asset.pk for asset in own]
    own_prices = prices.latest_own_prices(as_of=run.as_of, asset_ids=own_ids)
    closes |= {pk: latest.close for pk, latest in own_prices.items()}
    quantities = {holding.asset_id: float(holding.quantity) for holding in holdings}
    assets = [*listed, *own]
    values = np.array([
        quantities[asset.pk] * closes.get(asset.pk, np.nan) if quantities.get(asset.pk) else 0.0
        for asset in assets
    ])  # fmt: skip
    aside = {each.asset_id for each in holdings if getattr(each, "is_set_aside", False)}
    values = _counted(portfolio, assets, values, aside)
    return Bench(
        aims=aims,
        assets=assets,
        universe=universe,
        mix=_mix(aims, assets, np.nan_to_num(values), stand_ins),
        held_values=values,
    )


def _counted(
    portfolio: Portfolio, assets: Sequence[Asset], values: Floats, aside: Collection[int]
) -> Floats:
    """What counts of each in the weights, forms with their coins, as the night has it."""
    shares = counted_holdings.shares(
        np.nan_to_num(values)[None],
        is_money=[asset.is_money for asset in assets],
        set_aside=[asset.pk in aside for asset in assets],
        dry_powder=[portfolio.money_role == MoneyRole.DRY_POWDER],
        reserves=[float(portfolio.reserve_amount or 0)],
    )[0]
    counted = np.where(shares > 0, values * shares, 0.0)  # without a price, but outside: no matter
    if portfolio.groups_forms:
        column = {asset.pk: place for place, asset in enumerate(assets)}
        for place, asset in enumerate(assets):
            coin = column.get(asset.form_of_id or 0)
            if coin is not None and not np.isnan(counted[place]):
                counted[coin] += counted[place]
                counted[place] = 0.0
    return counted


def _stand_ins(aims: Sequence[Aim], known: dict[int, Asset], run: NightlyRun) -> dict[int, Asset]:
    """What stands for a category of which nothing is held, by the category's id."""
    present = {asset.category_id for asset in known.values()}
    wanted = [aim.pk for aim in aims if not isinstance(aim, Asset) and aim.pk not in present]
    if not wanted:
        return {}
    ids = positions.stand_ins(wanted, as_of=run.as_of)
    assets = Asset.objects.select_related("category").in_bulk(ids.values())
    return {category: assets[pk] for category, pk in ids.items() if pk in assets}


def _mix(
    aims: Sequence[Aim], assets: Sequence[Asset], values: Floats, stand_ins: dict[int, Asset]
) -> Floats:
    column = {asset.pk: place for place, asset in enumerate(assets)}
    mix = np.zeros((len(aims), len(assets)))
    for row, aim in enumerate(aims):
        if isinstance(aim, Asset):
            mix[row, column[aim.pk]] = 1.0
            continue
        members = [place for place, asset in enumerate(assets) if asset.category_id == aim.pk]
        worth = values[members].sum()
        if worth > 0:
            mix[row, members] = values[members] / worth
        elif aim.pk in stand_ins:
            mix[row, column[stand_ins[aim.pk].pk]] = 1.0
        elif members:
            mix[row, members] = 1 / len(members)
    return mix
