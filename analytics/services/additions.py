"""Which assets would lower a portfolio's risk most, and which of its holdings move as one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from django.db.models import F
from numpy.typing import NDArray

from analytics.core import DAYS_PER_YEAR, additions, correlation, covariance, risk, tail_risk
from analytics.core.clusters import STABLE_SHARE
from analytics.core.errors import CoreError
from analytics.models import NightlyRun
from analytics.selectors import benches, reviews
from analytics.selectors.benches import Bench
from analytics.selectors.findings import Cluster
from analytics.services import weight_figures, weight_limits
from analytics.services.weight_figures import Figures
from analytics.services.workbench import as_vector
from portfolios.models import Asset, Portfolio
from portfolios.selectors import portfolios
from portfolios.services import targets
from portfolios.services.targets import Aim

Floats = NDArray[np.float64]
Room = dict[Asset, float]

SHARE = 0.05  # of the portfolio; as the reference that all are compared at
SMALLEST_SHARE = 0.005  # less room than this is none
MOST = 0.99
SHOWN = 15
YEAR = 365  # days of returns


@dataclass(frozen=True)
class Addition:
    """The portfolio with `share` of an asset, taken from all positions in proportion."""

    asset: Asset
    correlation: float
    low: float  # 95 % interval of the correlation
    high: float
    share: float
    volatility: float
    volatility_low: float  # were the correlation at the ends of its interval
    volatility_high: float
    before: float  # the volatility without it
    cvar: float | None
    effective_bets: float
    best_share: float
    least_volatility: float
    most: float  # its category's range and the profile's cap leave so much
    tries: str  # the workbench's weights, with the share
    tries_best: str

    @property
    def is_at_most(self) -> bool:
        """Whether the best share is where its range ends."""
        return self.best_share >= self.most - 1e-9

    @property
    def is_sure(self) -> bool:
        return self.volatility_high < self.before


@dataclass(frozen=True)
class Redundancy:
    """Holdings that move as one beyond Bitcoin, and what holding only the largest would change."""

    assets: Sequence[Asset]
    weight: float  # together
    share: float  # of resampled histories in which they came back as one
    is_stable: bool
    merged: Figures
    tries: str

    @property
    def largest(self) -> Asset:
        return self.assets[0]


@dataclass(frozen=True)
class Finder:
    is_of_targets: bool  # nothing is held, or something has no price
    today: Figures
    additions: Sequence[Addition]
    others: int  # eligible assets beyond those shown
    without_room: Sequence[Asset]
    too_young: int
    redundancies: Sequence[Redundancy]
    not_clustered: Sequence[Asset]  # risky holdings that the clusters of the night do not know


def find(portfolio: Portfolio, *, run: NightlyRun) -> Finder | None:
    """What might be added and merged; None where nothing risky is held or wanted and measured."""
    aims, holdings = portfolios.aims(portfolio), list(portfolios.holdings(portfolio))
    candidates = _candidates({*aims, *(each.asset for each in holdings)})
    rows = list(dict.fromkeys([*aims, *candidates]))
    bench = benches.read(portfolio, rows, run=run, holdings=holdings)
    wanted = {target.aim: target.weight for target in portfolios.targets(portfolio)}
    weights, is_of_targets = _weights(bench, wanted)
    if weights is None or not (weights @ bench.measured) > 0:
        return None
    if not risk.contributions(_known(bench, weights)[None], bench.covariance).volatility[0] > 0:
        return None
    decides = dict(zip(bench.assets, bench.universe.optimisable, strict=False))
    old = [asset for asset in candidates if decides.get(asset)]
    room = _room(portfolio, bench, weights, old)
    fitting = {asset: most for asset, most in room.items() if most >= SMALLEST_SHARE}
    ranked = _ranked(bench, weights, fitting)
    clusters = reviews.hidden_clusters(as_of=run.as_of, only_stable=False)
    return Finder(
        is_of_targets=is_of_targets,
        today=weight_figures.measure(bench, [weights])[0],
        additions=ranked[:SHOWN],
        others=max(len(ranked) - SHOWN, 0),
        without_room=[asset for asset in old if asset not in fitting],
        too_young=len(candidates) - len(old),
        redundancies=_redundancies(bench, weights, clusters),
        not_clustered=_not_clustered(bench, weights, clusters),
    )


def _candidates(present: Collection[Aim]) -> list[Asset]:
    """What the catalogue offers and the portfolio lacks; money is no bet, a form is its coin."""
    listed = Asset.objects.filter(is_active=True, form_of=None).select_related("category")
    offered = listed.filter(kind__in=(Asset.Kind.COIN, Asset.Kind.WRAPPED))
    by_size = offered.order_by(F("cap_rank").asc(nulls_last=True), "symbol")
    return [asset for asset in by_size if asset not in present]


def _weights(bench: Bench, wanted: Mapping[Aim, Decimal]) -> tuple[Floats | None, bool]:
    """Today's weights (m,), or those that the targets ask for."""
    if bench.held_weights is not None:
        return bench.held_weights, False
    vector = as_vector(bench, wanted)
    return (None if vector is None else vector @ bench.mix), True


def _ranked(bench: Bench, weights: Floats, fitting: Room) -> list[Addition]:
    """The portfolio with each of these assets, the calmest first."""
    if not fitting:
        return []
    column = {asset.pk: place for place, asset in enumerate(bench.assets)}
    places = np.array([column[asset.pk] for asset in fitting])
    known = _known(bench, weights)
    limits, shares = np.zeros(len(weights)), np.zeros(len(weights))
    limits[places] = list(fitting.values())
    shares[places] = np.minimum(limits[places], SHARE)
    found = additions.add(known[None], bench.covariance, shares=shares, most=limits)
    low, high = _interval(bench, known, places, found.correlation[0, places])
    before = risk.contributions(known[None], bench.covariance).volatility[0]
    alone = np.sqrt(np.diag(bench.covariance)[places] * DAYS_PER_YEAR)
    ends = [additions.mixed_volatility(before, alone, rho, shares[places]) for rho in (low, high)]
    tails = _tails(bench, known, places, shares)
    rows = [
        Addition(
            asset=asset,
            correlation=float(found.correlation[0, place]),
            low=float(low[n]),
            high=float(high[n]),
            share=float(shares[place]),
            volatility=float(found.volatility[0, place]),
            volatility_low=float(ends[0][n]),
            volatility_high=float(ends[1][n]),
            before=float(before),
            cvar=None if tails is None else float(tails[n]),
            effective_bets=float(found.effective_bets[0, place]),
            best_share=float(found.best_shares[0, place]),
            least_volatility=float(found.least_volatility[0, place]),
            most=float(limits[place]),
            tries=_tries(bench, _mixed(weights, place, float(shares[place]))),
            tries_best=_tries(bench, _mixed(weights, place, float(found.best_shares[0, place]))),
        )
        for n, (asset, place) in enumerate(zip(fitting, places.tolist(), strict=True))
    ]
    return sorted(rows, key=lambda row: (row.volatility, row.asset.symbol))


def _known(bench: Bench, weights: Floats) -> Floats:
    """The measured part as a whole."""
    return np.asarray(weights * bench.measured / (weights @ bench.measured))


def _room(portfolio: Portfolio, bench: Bench, weights: Floats, assets: Sequence[Asset]) -> Room:
    """The most that each may be given: its category's range without the core, and the cap."""
    core = weight_limits.core(portfolio.profile)
    of_core = float(weights @ bench.is_core)
    there: dict[int, float] = {}
    for asset, weight in zip(bench.assets, weights.tolist(), strict=True):
        if not (weight_limits.is_core(asset) or asset.is_money):
            there[asset.category_id] = there.get(asset.category_id, 0.0) + weight
    room = {}
    for asset in assets:
        high = float(weight_limits.of_category(asset.category, [asset]).high)
        taken = there.get(asset.category_id, 0.0)
        if weight_limits.is_core(asset):
            high, taken = float(core.high) if core else 1.0, of_core
        left = (high - taken) / (1 - taken) if taken < 1 else 0.0
        cap = float(weight_limits.cap(portfolio.profile, asset))
        room[asset] = float(np.clip(min(cap, left), 0.0, MOST))
    return room


def _interval(
    bench: Bench, known: Floats, places: NDArray[np.int64], rho: Floats
) -> tuple[Floats, Floats]:
    """95 % of each correlation with the portfolio, by the days that know it: see METHODS.md."""
    returns, days = bench.returns[-YEAR:], bench.universe.days[-YEAR:]
    together = returns @ known
    moves = np.column_stack([together, returns[:, places]])
    young = days[:, None] < bench.universe.first_days[places][None]
    moves[:, 1:][young] = np.nan
    try:
        estimate = covariance.ewma(moves, groups=np.zeros(moves.shape[1], dtype=int))
    except CoreError:  # a series that stands still tells nothing
        return np.full(len(places), -1.0), np.full(len(places), 1.0)
    told = correlation.fisher_interval(rho, estimate.effective_days[0, 1:])
    return told.low, told.high


def _tails(bench: Bench, known: Floats, places: NDArray[np.int64], shares: Floats) -> Floats | None:
    recent = bench.returns[-weight_figures.TAIL_DAYS :]
    if len(recent) < weight_figures.MIN_RETURNS:
        return None
    mixed = np.array([_mixed(known, place, shares[place]) for place in places.tolist()])
    return tail_risk.historical(mixed, recent).conditional_value_at_risk


def _mixed(weights: Floats, place: int, share: float) -> Floats:
    mixed = weights * (1 - share)
    mixed[place] += share
    return mixed


def _tries(bench: Bench, weights: Floats) -> str:
    """The weights as the workbench's address takes them."""
    exact: dict[Aim, Decimal] = {
        asset: Decimal(repr(float(weight)))
        for asset, weight in zip(bench.assets, weights, strict=True)
        if weight > 0
    }
    scaled = targets.normalise(exact)
    return ",".join(f"{aim.pk}:{weight:f}" for aim, weight in scaled.items() if weight)


def _redundancies(bench: Bench, weights: Floats, clusters: Sequence[Cluster]) -> list[Redundancy]:
    """The heaviest first."""
    found = []
    for cluster in clusters:
        places = [
            place
            for place, asset in enumerate(bench.assets)
            if asset.pk in cluster.asset_ids and weights[place] > 0
        ]
        if len(places) < 2:
            continue
        places.sort(key=lambda place: -weights[place])
        merged = weights.copy()
        merged[places[0]] = weights[places].sum()
        merged[places[1:]] = 0.0
        found.append(
            Redundancy(
                assets=[bench.assets[place] for place in places],
                weight=float(weights[places].sum()),
                share=cluster.share,
                is_stable=cluster.share >= STABLE_SHARE,
                merged=weight_figures.measure(bench, [merged])[0],
                tries=_tries(bench, merged),
            )
        )
    return sorted(found, key=lambda each: -each.weight)


def _not_clustered(bench: Bench, weights: Floats, clusters: Sequence[Cluster]) -> list[Asset]:
    known = {pk for cluster in clusters for pk in cluster.asset_ids}
    return [
        asset
        for asset, weight in zip(bench.assets, weights, strict=True)
        if weight > 0 and not asset.is_money and asset.pk not in known
        and asset.coingecko_id != benches.BITCOIN
    ]  # fmt: skip
