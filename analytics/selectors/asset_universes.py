"""What is known of a set of assets at a close, whatever anybody's weights: remembered by both."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

import numpy as np
from django.core.cache import cache
from numpy.typing import NDArray

from analytics.core import shrinkage
from analytics.core.returns import OPTIMISE_RETURNS, eligibility, simple_returns
from analytics.models import NightlyRun
from analytics.selectors import market
from portfolios.models import Asset
from portfolios.selectors import prices

# A rise and a fall: what a portfolio would have lost is told since then.
HISTORY_START = date(2021, 1, 1)
YEAR = 365
REMEMBERED_SECONDS = 15 * 60

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Universe:
    """n listed assets at the close of `as_of`.

    `covariance` is the night's own, so every page says the same of the same weights. `shrunk` is
    for optimisers: a year, Ledoit–Wolf, zero where an asset has too little history to decide.
    """

    as_of: date
    asset_ids: NDArray[np.int64]  # (n,) ascending
    closes: Floats  # (n,) US dollars; NaN: no price
    measured: Flags  # (n,)
    covariance: Floats  # (n, n) of daily returns
    days: NDArray[np.datetime64]  # (t,)
    returns: Floats  # (t, n) daily, without gaps: see `market.filled`
    first_days: NDArray[np.datetime64]  # (n,) of a return since HISTORY_START; NaT: none
    optimisable: Flags  # (n,)
    shrunk: Floats  # (n, n) of daily returns


def read(assets: Sequence[Asset], *, run: NightlyRun) -> Universe:
    """What the night of `run` knows of these listed assets. Three queries, or none."""
    ordered = sorted(assets, key=lambda asset: asset.pk)
    ids = ",".join(str(asset.pk) for asset in ordered)
    published = run.published_at.timestamp() if run.published_at else 0
    key = f"universe:{run.as_of}:{published}:{sha256(ids.encode()).hexdigest()}"
    known: Universe | None = cache.get(key)
    if known is None:
        known = _read(ordered, run.as_of)
        cache.set(key, known, REMEMBERED_SECONDS)
    return known


def _read(assets: Sequence[Asset], as_of: date) -> Universe:
    ids = np.array([asset.pk for asset in assets], dtype=np.int64)
    latest = prices.latest_closes(as_of=as_of)
    measured, covariance = market.risk(assets, ids, as_of)
    days = max((as_of - HISTORY_START).days, YEAR)
    panel = prices.close_panel(end=as_of, days=days + 1, asset_ids=ids.tolist())
    raw = np.full((days, len(ids)), np.nan)
    if not panel.empty:
        raw[:, np.searchsorted(ids, panel.columns.to_numpy())] = simple_returns(panel.to_numpy())
    calendar = np.arange(days) - days + 1 + np.datetime64(as_of, "D")
    categories = np.array([asset.category_id for asset in assets], dtype=np.int64)
    told, returns = market.filled(raw, measured, categories)
    optimisable, shrunk = _for_optimisers(raw[-YEAR:], measured)
    seen = np.isfinite(raw)
    return Universe(
        as_of=as_of,
        asset_ids=ids,
        closes=np.array([latest[pk].close if pk in latest else np.nan for pk in ids.tolist()]),
        measured=measured,
        covariance=covariance,
        days=calendar[told],
        returns=returns,
        first_days=np.where(seen.any(axis=0), calendar[seen.argmax(axis=0)], np.datetime64("NaT")),
        optimisable=optimisable,
        shrunk=shrunk,
    )


def _for_optimisers(year: Floats, measured: Flags) -> tuple[Flags, Floats]:
    """Who has enough history to decide weights (n,), and their covariance (n, n)."""
    enough = eligibility(year).optimisable & measured
    seen = np.isfinite(year).astype(float)
    overlap = seen.T @ seen
    while (overlap[np.ix_(enough, enough)] < OPTIMISE_RETURNS).any():
        fewest = np.where(enough, overlap.diagonal(), np.inf)
        enough[int(np.argmin(fewest))] = False
    shrunk = np.zeros((len(enough), len(enough)))
    if enough.any():
        found = shrinkage.constant_correlation(year[:, enough])
        shrunk[np.ix_(enough, enough)] = found.covariance
    return enough, shrunk
