"""What assets' returns say of how they move together, over one window, on some of its days."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from analytics.core import clusters, correlation, market_mode
from analytics.core.clusters import Clusters
from analytics.core.correlation import PairwiseCorrelation
from analytics.core.market_mode import STRESSED_OVERLAP
from analytics.core.returns import DISPLAY_RETURNS, simple_returns
from analytics.models import AssetDay
from portfolios.models import Asset
from portfolios.selectors import prices

BITCOIN = "bitcoin"
WINDOWS = (30, 90, 180, 365)
LONGEST = max(WINDOWS)
# So many of the largest coins are looked at unless somebody chooses others.
UNIVERSE_SIZE = 20
DAYS = {"all": "all days", "calm": "calm days", "stressed": "stressed days"}

# Returns that differ by less than this differ by rounding.
STANDSTILL = 1e-12


@dataclass(frozen=True)
class Returns:
    """Daily returns of the last year up to a close; the first asset is Bitcoin."""

    assets: Sequence[Asset]
    values: NDArray[np.float64]  # (365, n); NaN: not observed

    @property
    def observed(self) -> NDArray[np.int64]:
        """(n,) days with a return."""
        return np.isfinite(self.values).sum(axis=0)

    @property
    def common(self) -> NDArray[np.int64]:
        """(n, n) days on which both have a return."""
        seen = np.isfinite(self.values).astype(np.int64)
        return np.asarray(seen.T @ seen)


@dataclass(frozen=True)
class View:
    """Over which days, which of them, and whether Bitcoin's part is taken out."""

    window: int = 90
    days: str = "all"
    without_bitcoin: bool = False


@dataclass(frozen=True)
class Correlations:
    """Of n assets; `needed` common days tell a correlation, of those that `view` looks at."""

    assets: Sequence[Asset]
    pairwise: PairwiseCorrelation
    common: NDArray[np.int64]  # (n, n) within a year
    needed: int

    @property
    def told(self) -> NDArray[np.bool_]:
        """(n, n) pairs of which enough is known."""
        return np.isfinite(self.pairwise.correlation)

    def missing(self, row: int, column: int) -> tuple[int, int]:
        """How many days a pair has, and how many it needs."""
        year = int(self.common[row, column])
        if year < DISPLAY_RETURNS:
            return year, DISPLAY_RETURNS
        return int(self.pairwise.overlap[row, column]), self.needed

    def of(self, wanted: Collection[Asset]) -> "Correlations":
        """Those of some of the assets: each pair stands for itself."""
        columns = [n for n, asset in enumerate(self.assets) if asset in wanted]
        return self.at(np.array(columns, dtype=np.int64))

    def at(self, columns: NDArray[np.int64]) -> "Correlations":
        square = np.ix_(columns, columns)
        return Correlations(
            assets=[self.assets[column] for column in columns.tolist()],
            pairwise=PairwiseCorrelation(
                correlation=self.pairwise.correlation[square],
                overlap=self.pairwise.overlap[square],
                effective_days=self.pairwise.effective_days[square],
            ),
            common=self.common[square],
            needed=self.needed,
        )


def universe(listed: Sequence[AssetDay]) -> list[Asset]:
    """The largest coins that have a close on the day, in the order of their rank."""
    coins = [
        each.asset for each in listed if each.asset.kind == Asset.Kind.COIN and not each.is_stale
    ]
    return sorted(coins, key=lambda asset: asset.cap_rank or math.inf)[:UNIVERSE_SIZE]


def read_returns(*, as_of: date, assets: Sequence[Asset], days: int = LONGEST) -> Returns:
    """The returns of these assets, Bitcoin first, in one query.

    Raises LookupError where the catalogue has no Bitcoin among them.
    """
    bitcoin = next((each for each in assets if each.coingecko_id == BITCOIN), None)
    if bitcoin is None:
        raise LookupError("Bitcoin is missing from the assets")
    ordered = [bitcoin, *(each for each in assets if each != bitcoin)]
    ids = [each.pk for each in ordered]
    panel = prices.close_panel(end=as_of, days=days + 1, asset_ids=ids).reindex(columns=ids)
    return Returns(ordered, simple_returns(panel.to_numpy(dtype=np.float64)))


def seen(returns: Returns, view: View) -> NDArray[np.float64]:
    """The window's returns of every asset, or what is left of every other one without Bitcoin."""
    values = returns.values[-view.window :]
    return _residuals(values) if view.without_bitcoin else values


def correlate(returns: Returns, view: View) -> Correlations:
    """Correlate all pairs; without Bitcoin the first asset is taken out, and left out."""
    looked_at = _days(returns.values[-view.window :], view.days)
    values = seen(returns, view)
    assets, common = returns.assets, returns.common
    if view.without_bitcoin:
        assets, common = assets[1:], common[1:, 1:]
    needed = STRESSED_OVERLAP if view.days == "stressed" else DISPLAY_RETURNS
    if view.days != "stressed":
        needed = max(2, min(needed, int(looked_at.sum())))
    pairwise = correlation.pairwise(values[looked_at], min_overlap=needed)
    enough = common >= DISPLAY_RETURNS
    return Correlations(
        assets=assets,
        pairwise=PairwiseCorrelation(
            correlation=np.where(enough, pairwise.correlation, np.nan),
            overlap=pairwise.overlap,
            effective_days=np.where(enough, pairwise.effective_days, np.nan),
        ),
        common=common,
        needed=needed,
    )


def cluster(found: Correlations, view: View) -> tuple[Correlations, Clusters]:
    """The assets of whose every pair enough is known, and their clusters."""
    known = found.at(_known_together(found.told))
    if view.without_bitcoin:
        return known, clusters.hidden(known.pairwise)
    return known, clusters.find(known.pairwise.correlation)


def _days(values: NDArray[np.float64], days: str) -> NDArray[np.bool_]:
    if days == "all" or not np.isfinite(values[:, 0]).any():
        return np.ones(len(values), dtype=np.bool_)
    parted = market_mode.calm_and_stressed(values[:, :1], market=0)
    if days == "stressed":
        return parted.stressed_days
    return np.isfinite(values[:, 0]) & ~parted.stressed_days


def _residuals(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is left of each asset but Bitcoin; NaN throughout where they hardly met.

    Nor can anything be told where Bitcoin stood still on all of their days in common.
    """
    common = np.isfinite(values[:, 1:]) & np.isfinite(values[:, :1])
    highest = np.where(common, values[:, :1], -np.inf).max(axis=0)
    lowest = np.where(common, values[:, :1], np.inf).min(axis=0)
    met = (common.sum(axis=0) >= 3) & (highest - lowest > STANDSTILL)
    left = np.full((len(values), values.shape[1] - 1), np.nan)
    if met.any():
        left[:, met] = market_mode.remove(
            np.column_stack([values[:, 0], values[:, 1:][:, met]]), market=0
        ).returns
    return left


def _known_together(told: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Columns whose every pair is told: the one with the most gaps is left out, again and again."""
    columns = np.flatnonzero(np.diag(told))
    while len(columns):
        gaps = (~told[np.ix_(columns, columns)]).sum(axis=1)
        if not gaps.any():
            break
        columns = np.delete(columns, len(gaps) - 1 - int(np.argmax(gaps[::-1])))
    return columns
