"""The correlation explorer: a heatmap of chosen assets, its clusters, the article's example."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import numpy as np

from analytics.core.clusters import STABLE_SHARE, Clusters
from analytics.core.correlation import fisher_interval
from analytics.core.returns import DISPLAY_RETURNS, OPTIMISE_RETURNS
from analytics.models import AssetDay, ClusterDay
from analytics.selectors import correlations, heatmaps
from analytics.selectors.correlations import BITCOIN, DAYS, WINDOWS, Correlations, Returns, View
from analytics.selectors.heatmaps import HeatRow, Pair
from analytics.selectors.market_days import MarketDay
from portfolios.models import Asset

MOST_ASSETS = 30
EXTREMES = 5
# “The False Diversification Trap”: what the article says these correlate with Bitcoin.
CLAIMED = {
    "solana": 0.89, "avalanche-2": 0.87, "polkadot": 0.91, "cosmos": 0.85, "near": 0.88,
}  # fmt: skip
EXAMPLE = View(window=365)


@dataclass(frozen=True)
class Asked:
    """What the address asks for; anything that it does not understand is as if not said."""

    ids: Sequence[str] = ()
    window: str = ""
    days: str = ""
    bitcoin: str = ""  # "removed"

    @property
    def view(self) -> View:
        return View(
            window=int(self.window) if self.window in map(str, WINDOWS) else View.window,
            days=self.days if self.days in DAYS else View.days,
            without_bitcoin=self.bitcoin == "removed",
        )


@dataclass(frozen=True)
class Cluster:
    """Assets that are about one bet. `share` of resampled histories have it; None: not measured."""

    assets: Sequence[Asset]
    correlation: float | None  # mean of its pairs
    share: float | None

    @property
    def is_stable(self) -> bool:
        return self.share is not None and self.share >= STABLE_SHARE


@dataclass(frozen=True)
class Young:
    """An asset known too little for anything, or for building weights upon it."""

    asset: Asset
    days: int

    @property
    def is_shown(self) -> bool:
        return self.days >= DISPLAY_RETURNS


@dataclass(frozen=True)
class ClaimedCorrelation:
    """To Bitcoin, as the article claims it and as it was measured."""

    asset: Asset
    claimed: float
    measured: float | None
    low: float | None
    high: float | None
    days: int


@dataclass(frozen=True)
class Heatmap:
    """What was found of the chosen assets, in the order of the tree's leaves."""

    rows: Sequence[HeatRow]
    clusters: Sequence[Cluster]
    alone: Sequence[Asset]
    unknown: Sequence[Asset]  # of which too little is known to cluster them
    average: float | None
    pairs: Sequence[Pair]  # the most alike first
    young: Sequence[Young]

    @property
    def extremes(self) -> list[Sequence[Pair]]:
        """The most alike pairs, and the least alike of the others."""
        rest = self.pairs[EXTREMES:]
        return [self.pairs[:EXTREMES], rest[-EXTREMES:]]


@dataclass(frozen=True)
class Explorer:
    day: MarketDay
    view: View
    listed: Sequence[AssetDay]  # what there is to choose from
    chosen: Sequence[Asset]
    is_default: bool
    left_out: int  # chosen beyond the most that are shown
    heatmap: Heatmap | None  # None: without Bitcoin's prices nothing is told
    example: Sequence[ClaimedCorrelation]
    example_average: float | None  # of the pairs among the example's assets

    windows = WINDOWS
    day_kinds = DAYS
    most = MOST_ASSETS
    display, optimise = DISPLAY_RETURNS, OPTIMISE_RETURNS

    @property
    def address(self) -> str:
        """The question as the rest of an address."""
        asked = [("window", self.view.window), ("days", self.view.days)]
        if self.view.without_bitcoin:
            asked.append(("bitcoin", "removed"))
        ids = [] if self.is_default else [("assets", each.coingecko_id) for each in self.chosen]
        return f"?{urlencode([*asked, *ids])}"


def read(day: MarketDay, asked: Asked) -> Explorer:
    """The explorer in three queries."""
    listed = list(
        AssetDay.objects.filter(as_of=day.as_of)
        .select_related("asset__category")
        .order_by("asset__category__position", "asset__cap_rank", "asset__symbol")
    )
    by_id = {each.asset.coingecko_id: each.asset for each in listed}
    wanted = [by_id[each] for each in dict.fromkeys(asked.ids) if each in by_id]
    chosen = wanted[:MOST_ASSETS] or correlations.universe(listed)
    heatmap: Heatmap | None = None
    example: list[ClaimedCorrelation] = []
    example_average: float | None = None
    if BITCOIN in by_id:
        companions = [by_id[each] for each in (BITCOIN, *CLAIMED) if each in by_id]
        returns = correlations.read_returns(
            as_of=day.as_of, assets=list(dict.fromkeys([*companions, *chosen]))
        )
        heatmap = _heatmap(day, returns, chosen, asked.view)
        example, example_average = _example(returns)
    return Explorer(
        day=day,
        view=asked.view,
        listed=listed,
        chosen=chosen,
        is_default=not wanted,
        left_out=max(len(wanted) - MOST_ASSETS, 0),
        heatmap=heatmap,
        example=example,
        example_average=example_average,
    )


def _heatmap(day: MarketDay, returns: Returns, chosen: Sequence[Asset], view: View) -> Heatmap:
    found = correlations.correlate(returns, view).of(chosen)
    known, joined = correlations.cluster(found, view)
    ordered = [known.assets[leaf] for leaf in joined.leaf_order.tolist()]
    unknown = [asset for asset in found.assets if asset not in known.assets]
    columns = [found.assets.index(asset) for asset in [*ordered, *unknown]]
    shown = found.at(np.array(columns, dtype=np.int64))
    groups = _clusters(known, joined, _shares(day, known.assets, view))
    days = dict(zip(returns.assets, returns.observed.tolist(), strict=True))
    return Heatmap(
        rows=heatmaps.rows(shown, view),
        clusters=[each for each in groups if len(each.assets) > 1],
        alone=[each.assets[0] for each in groups if len(each.assets) == 1],
        unknown=unknown,
        average=heatmaps.average(found.pairwise.correlation),
        pairs=heatmaps.pairs(shown, view),
        young=[Young(asset, days[asset]) for asset in chosen if days[asset] < OPTIMISE_RETURNS],
    )


def _shares(day: MarketDay, assets: Sequence[Asset], view: View) -> dict[int, float]:
    """How surely each asset is in its cluster, where the night measured these very assets."""
    if view.days != "all":
        return {}
    stored = ClusterDay.objects.filter(
        as_of=day.as_of, window=view.window, without_bitcoin=view.without_bitcoin
    ).first()
    if stored is None or set(stored.asset_ids) != {asset.pk for asset in assets}:
        return {}
    return dict(zip(stored.asset_ids, stored.shares, strict=True))


def _clusters(known: Correlations, joined: Clusters, shares: dict[int, float]) -> list[Cluster]:
    """The largest first."""
    groups = []
    for label in np.unique(joined.labels):
        columns = np.flatnonzero(joined.labels == label)
        assets = [known.assets[column] for column in columns.tolist()]
        groups.append(
            Cluster(
                assets=assets,
                correlation=heatmaps.average(known.at(columns).pairwise.correlation),
                share=shares.get(assets[0].pk),
            )
        )
    return sorted(groups, key=lambda group: -len(group.assets))


def _example(returns: Returns) -> tuple[list[ClaimedCorrelation], float | None]:
    found = correlations.correlate(returns, EXAMPLE)
    interval = fisher_interval(found.pairwise.correlation, found.pairwise.effective_days)
    example, columns = [], []
    for column, asset in enumerate(found.assets):
        if asset.coingecko_id not in CLAIMED:
            continue
        told = bool(found.told[0, column])
        columns.append(column)
        example.append(
            ClaimedCorrelation(
                asset=asset,
                claimed=CLAIMED[asset.coingecko_id],
                measured=float(found.pairwise.correlation[0, column]) if told else None,
                low=float(interval.low[0, column]) if told else None,
                high=float(interval.high[0, column]) if told else None,
                days=int(found.pairwise.overlap[0, column]),
            )
        )
    among = found.at(np.array(columns, dtype=np.int64)).pairwise.correlation
    return example, heatmaps.average(among)
