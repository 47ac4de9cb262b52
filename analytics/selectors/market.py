"""The market of one night, ready for a batch of portfolios."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from analytics.core.returns import simple_returns
from analytics.models import AssetDay, MarketSnapshot
from analytics.selectors import regimes
from portfolios.models import Asset, Venue
from portfolios.models.assets import DOLLAR
from portfolios.selectors import prices

# How many days before a close changes are measured from.
EARLIER_DAYS = (1, 7, 30)
# So many days' returns tell what the worst of them cost.
RETURN_DAYS = 365
Tier = Asset.Tier
# US dollars a day, where no source tells: by tier, each a cautious one's at the end of 2024.
ASSUMED_VOLUME = {Tier.CORE: 5e9, Tier.LARGE: 1e8, Tier.MID: 2e7, Tier.HIGH_GROWTH: 2e6}
ASSUMED_VOLUME_OF_MONEY = 1e9
# The half-spreads of a venue, in the order in which `Market.spread_tiers` counts them.
SPREADS = ("stable", Tier.CORE, Tier.LARGE, Tier.MID, "other")
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Market:
    """Prices, risks and liquidity of all m assets at the close of `as_of`.

    An asset without any price has a close of NaN; an earlier close is NaN when stale, too.
    An asset whose risk was not measured (too young) has zero covariance, zero returns and
    `measured` False; the dollar has zero covariance and is measured; other currencies are not.
    """

    as_of: date
    high_volatility: bool
    stormy_days: frozenset[date]  # of high volatility, within the last week
    asset_ids: NDArray[np.int64]  # (m,) ascending
    closes: Floats  # (m,) US dollars
    earlier_closes: Floats  # (3, m) US dollars, EARLIER_DAYS before
    measured: NDArray[np.bool_]  # (m,)
    covariance: Floats  # (m, m) of daily returns
    returns: Floats  # (RETURN_DAYS or fewer, m) daily; see `filled`
    daily_volume: Floats  # (m,) US dollars; NaN: unknown
    assumed_volume: Floats  # (m,) US dollars, by tier
    spread_tiers: NDArray[np.int64]  # (m,) places in SPREADS
    venues: Mapping[int, Venue]

    def knows(self, asset_ids: NDArray[np.int64], venue_ids: NDArray[np.int64]) -> bool:
        """Whether all of these were there when the market was read; venue 0 is none."""
        known = [0, *self.venues]
        return bool(np.isin(asset_ids, self.asset_ids).all() and np.isin(venue_ids, known).all())

    def only(self, asset_ids: NDArray[np.int64]) -> "Market":
        """The same market for these assets; all of them must be known."""
        index = np.searchsorted(self.asset_ids, asset_ids)
        return replace(
            self,
            asset_ids=asset_ids,
            closes=self.closes[index],
            earlier_closes=self.earlier_closes[:, index],
            measured=self.measured[index],
            covariance=self.covariance[np.ix_(index, index)],
            returns=self.returns[:, index],
            daily_volume=self.daily_volume[index],
            assumed_volume=self.assumed_volume[index],
            spread_tiers=self.spread_tiers[index],
        )


def read(*, as_of: date, asset_ids: Collection[int] | None = None) -> Market:
    """What the night of `as_of` measured, and the closes it used, of all assets.

    Of some, for a page, without their earlier closes.
    """
    listed = Asset.objects.order_by("pk")
    if asset_ids is not None:
        listed = listed.filter(pk__in=asset_ids)
    assets = list(listed)
    ids = np.array([asset.pk for asset in assets], dtype=np.int64)
    latest = prices.latest_closes(as_of=as_of)
    measured, covariance = risk(assets, ids, as_of)
    stormy = regimes.stormy_days(end=as_of, days=7)
    volumes = dict(AssetDay.objects.filter(as_of=as_of).values_list("asset_id", "volume"))
    return Market(
        as_of=as_of,
        high_volatility=as_of in stormy,
        stormy_days=stormy,
        asset_ids=ids,
        closes=np.array([latest[pk].close if pk in latest else np.nan for pk in ids.tolist()]),
        earlier_closes=np.array(
            [_fresh_closes(as_of - timedelta(days=days), ids) for days in EARLIER_DAYS]
        )
        if asset_ids is None
        else np.full((len(EARLIER_DAYS), len(ids)), np.nan),
        measured=measured,
        covariance=covariance,
        returns=_returns(assets, measured, as_of),
        daily_volume=np.array([volumes.get(pk) or np.nan for pk in ids.tolist()]),
        assumed_volume=np.array([_assumed_volume(asset) for asset in assets]),
        spread_tiers=np.array([_spread_tier(asset) for asset in assets], dtype=np.int64),
        venues=Venue.objects.in_bulk(),
    )


def risk(
    assets: Sequence[Asset], ids: NDArray[np.int64], as_of: date
) -> tuple[NDArray[np.bool_], Floats]:
    """Whose risk was measured (m,), and the covariance (m, m)."""
    snapshot = MarketSnapshot.objects.get(as_of=as_of)
    measured_ids = np.array(snapshot.asset_ids, dtype=np.int64)
    remaining = np.isin(measured_ids, ids)  # an asset may have been deleted since
    index = np.searchsorted(ids, measured_ids[remaining])
    measured = np.array([asset.coingecko_id == DOLLAR for asset in assets], dtype=bool)
    measured[index] = True
    volatility = np.array(snapshot.daily_volatility)[remaining]
    correlation = np.array(snapshot.correlation).reshape(len(measured_ids), len(measured_ids))
    correlation = correlation[np.ix_(remaining, remaining)]
    covariance = np.zeros((len(ids), len(ids)))
    covariance[np.ix_(index, index)] = correlation * np.outer(volatility, volatility)
    return measured, covariance


def _returns(assets: list[Asset], measured: NDArray[np.bool_], as_of: date) -> Floats:
    """Daily returns (t, m) of the assets as they were; see `filled`."""
    ids = [asset.pk for asset in assets]
    panel = prices.close_panel(end=as_of, days=RETURN_DAYS + 1, asset_ids=ids)
    returns = np.full((max(len(panel) - 1, 0), len(assets)), np.nan)
    if not panel.empty:
        columns = np.searchsorted(ids, panel.columns.to_numpy())
        returns[:, columns] = simple_returns(panel.to_numpy())
    categories = np.array([asset.category_id for asset in assets], dtype=np.int64)
    _, returns = filled(returns, measured, categories)
    return returns


def filled(
    returns: Floats, measured: NDArray[np.bool_], categories: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], Floats]:
    """Daily returns without gaps, and of which days (t,): those on which anything has one.

    A day without a return of its own takes the mean of its category on that day, else of all:
    an assumption about what a young coin would have done, and never zero. What is not measured
    has none.
    """
    coins = measured & np.isfinite(returns).any(axis=0)
    days: NDArray[np.bool_] = np.asarray(np.isfinite(returns[:, coins]).any(axis=1))
    returns = returns[days]
    everybody = np.nanmean(returns[:, coins], axis=1) if len(returns) else np.empty(0)
    for category in np.unique(categories[coins]):
        of_it = coins & (categories == category)
        known = np.isfinite(returns[:, of_it])
        total = np.where(known, returns[:, of_it], 0.0).sum(axis=1)
        count = known.sum(axis=1)
        like = np.where(count > 0, total / np.maximum(count, 1), everybody)
        returns[:, of_it] = np.where(known, returns[:, of_it], like[:, None])
    return days, np.where(coins, returns, 0.0)


def _assumed_volume(asset: Asset) -> float:
    if asset.kind != Asset.Kind.COIN:
        return ASSUMED_VOLUME_OF_MONEY
    return ASSUMED_VOLUME[asset.tier or Tier.HIGH_GROWTH]


def _spread_tier(asset: Asset) -> int:
    if asset.kind != Asset.Kind.COIN:
        return SPREADS.index("stable")
    return SPREADS.index(asset.tier) if asset.tier in SPREADS else SPREADS.index("other")


def _fresh_closes(day: date, asset_ids: NDArray[np.int64]) -> Floats:
    """(m,) closes of a day; NaN where there is none, or only a stale one."""
    fresh = {pk: c.close for pk, c in prices.latest_closes(as_of=day).items() if not c.is_stale}
    return np.array([fresh.get(asset_id, np.nan) for asset_id in asset_ids.tolist()])
