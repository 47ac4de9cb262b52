"""The article's five mistakes, looked for in a portfolio's own history. Bounded: a year of buys,
ninety days of balances.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analytics.models import BreachEpisode
from analytics.selectors.checklist import MOST_POSITIONS, Composition
from analytics.selectors.findings import Cluster
from portfolios.models import Asset, Portfolio, Transaction
from portfolios.selectors import ledger, prices
from portfolios.templatetags.figures import percent

Kind = Transaction.Kind
LOOKED_AT_DAYS, MOST_BUYS = 365, 500
CHASED_OVER, TOP = 30, 0.90
FEWEST_READINGS = 90  # of trailing returns, before a decile says anything
BUFFER, LONG = 0.05, timedelta(days=90)
SAME_BET = 3
CRUMBS = 0.03


@dataclass(frozen=True)
class Mistake:
    """Whether it was made, and what says so."""

    key: str
    title: str
    made: bool | None  # None: the history is too short to tell
    evidence: str

    @property
    def verdict(self) -> str:
        return {True: "Found", False: "Not found", None: "Not known yet"}[self.made]


def look(
    portfolio: Portfolio, composition: Composition, clusters: Sequence[Cluster], *, as_of: date
) -> list[Mistake]:
    """The five, in the article's order."""
    return [
        chasing(_buys(portfolio, as_of), as_of=as_of),
        ignoring_correlation(composition, clusters),
        _no_buffer(portfolio, composition, as_of),
        _never_rebalancing(portfolio, as_of),
        over_diversification(composition),
    ]


@dataclass(frozen=True)
class Buy:
    asset: Asset
    day: date


def _buys(portfolio: Portfolio, as_of: date) -> list[Buy]:
    since = datetime.combine(as_of - timedelta(days=LOOKED_AT_DAYS), time(), tzinfo=UTC)
    until = datetime.combine(as_of, time.max, tzinfo=UTC)
    lines = portfolio.transactions.filter(
        kind__in=(Kind.BUY, Kind.SWAP),
        at__range=(since, until),
        received_asset__kind=Asset.Kind.COIN,
        received_asset__owner=None,
    ).select_related("received_asset")
    return [
        Buy(line.received_asset, line.at.date())
        for line in lines.order_by("-at")[:MOST_BUYS]
        if line.received_asset
    ]


def chasing(buys: Sequence[Buy], *, as_of: date) -> Mistake:
    """Bought after a rise that was among the asset's own largest tenth of the year before."""
    title = "Chasing narratives"
    if not buys:
        return Mistake("chasing", title, False, "Nothing was bought within the last year.")
    days = 2 * LOOKED_AT_DAYS + CHASED_OVER + 1
    ids = {buy.asset.pk for buy in buys}
    panel = prices.close_panel(end=as_of, days=days, asset_ids=ids)
    trailing = panel / panel.shift(CHASED_OVER) - 1
    judged = [(buy, found) for buy in buys if (found := _rank(trailing, buy)) is not None]
    if not judged:
        return Mistake("chasing", title, None, "What was bought has too short a price history.")
    chased = [(buy, rise) for buy, (rise, rank) in judged if rank > TOP]
    if not chased:
        evidence = f"None of {len(judged)} purchases followed one of the coin's steepest rises."
        return Mistake("chasing", title, False, evidence)
    examples = "; ".join(
        f"{buy.asset.symbol} on {buy.day:%-d %b %Y} after {percent(rise)} % in {CHASED_OVER} days"
        for buy, rise in chased[:3]
    )
    evidence = f"{len(chased)} of {len(judged)} purchases within a year: {examples}."
    return Mistake("chasing", title, True, evidence)


def _rank(trailing: pd.DataFrame, buy: Buy) -> tuple[float, float] | None:
    """The rise before the purchase, and the share of the year before with a smaller one."""
    if buy.asset.pk not in trailing.columns or buy.day not in trailing.index:
        return None
    place = trailing.index.tolist().index(buy.day)
    known = trailing[buy.asset.pk].to_numpy()[max(place - LOOKED_AT_DAYS, 0) : place]
    # The close of the day itself was not known yet when it was bought.
    rise = known[-1] if len(known) else np.nan
    known = known[np.isfinite(known)]
    if not np.isfinite(rise) or len(known) < FEWEST_READINGS:
        return None
    return float(rise), float((known < rise).mean())


def ignoring_correlation(composition: Composition, clusters: Iterable[Cluster]) -> Mistake:
    title = "Ignoring correlation"
    for cluster in clusters:
        held = [p.asset.symbol for p in composition.parts if p.asset.pk in cluster.asset_ids]
        if len(held) >= SAME_BET:
            evidence = f"{', '.join(held)} are one stable cluster beyond Bitcoin."
            return Mistake("correlation", title, True, evidence)
    return Mistake(
        "correlation", title, False, f"No {SAME_BET} positions are in one stable cluster."
    )


def _no_buffer(portfolio: Portfolio, composition: Composition, as_of: date) -> Mistake:
    title = "No stablecoin buffer"
    if composition.stables >= BUFFER:
        evidence = f"{percent(composition.stables)} % are stablecoins or cash today."
        return Mistake("buffer", title, False, evidence)
    shares = _stable_shares(portfolio, as_of)
    told = shares.dropna()
    if composition.has_dry_powder and len(told) and told.iloc[-1] >= BUFFER:
        evidence = f"{percent(told.iloc[-1])} % of all that is held is dry powder today."
        return Mistake("buffer", title, False, evidence)
    enough = told[told >= BUFFER]
    if len(told) and len(enough):
        evidence = (
            f"Below {percent(BUFFER)} % since {enough.index[-1]:%-d %B %Y}, less than 90 days."
        )
        return Mistake("buffer", title, False, evidence)
    if len(told) < LONG.days:
        return Mistake("buffer", title, None, "Below it, but held for less than 90 days.")
    evidence = f"Below {percent(BUFFER)} % on each of the last {LONG.days} days."
    return Mistake("buffer", title, True, evidence)


def _stable_shares(portfolio: Portfolio, as_of: date) -> pd.Series:
    """The share of stablecoins and cash at each of the last ninety closes; NaN: nothing held."""
    days = [as_of - timedelta(days=n) for n in reversed(range(LONG.days))]
    changes = _changes(portfolio, days)
    assets = Asset.of_anybody.in_bulk(list(changes))
    closes = prices.close_panel(end=as_of, days=LONG.days, asset_ids=list(changes)).ffill()
    total, stable = np.zeros(LONG.days), np.zeros(LONG.days)
    for pk, change in changes.items():
        is_money = assets[pk].is_money
        known = closes[pk].to_numpy() if pk in closes.columns else np.full(LONG.days, np.nan)
        close = np.where(np.isnan(known), 1.0 if is_money else 0.0, known)
        value = np.maximum(np.cumsum(change) * close, 0.0)
        total += value
        stable += value if is_money else 0.0
    shares = np.divide(stable, total, out=np.full(LONG.days, np.nan), where=total > 0)
    return pd.Series(shares, index=days)


def _changes(portfolio: Portfolio, days: Sequence[date]) -> dict[int, NDArray[np.float64]]:
    """By asset id, what came and went on each day; the first has what was held before, too."""
    opening = datetime.combine(days[0], time(), tzinfo=UTC)
    ending = datetime.combine(days[-1], time.max, tzinfo=UTC)
    changes: dict[int, NDArray[np.float64]] = {}
    for pk, quantity in ledger.held(portfolio_id=portfolio.pk, before=opening).items():
        changes.setdefault(pk, np.zeros(len(days)))[0] += float(quantity)
    for line in portfolio.transactions.filter(at__range=(opening, ending)):
        place = (line.at.date() - days[0]).days
        for pk, quantity in line.legs():
            changes.setdefault(pk, np.zeros(len(days)))[place] += float(quantity)
    return changes


def _never_rebalancing(portfolio: Portfolio, as_of: date) -> Mistake:
    title = "Never rebalancing"
    episode = BreachEpisode.objects.filter(
        portfolio=portfolio, closed_on=None, opened_on__lte=as_of
    ).first()
    if episode is None:
        return Mistake("rebalancing", title, False, "It is not out of its bands.")
    days = (as_of - episode.opened_on).days
    evidence = f"Out of its bands since {episode.opened_on:%-d %B %Y}, {days} days."
    return Mistake("rebalancing", title, days >= LONG.days, evidence)


def over_diversification(composition: Composition) -> Mistake:
    title = "Over-diversification"
    weights = sorted(part.weight for part in composition.parts)
    if len(weights) > MOST_POSITIONS:
        evidence = f"{len(weights)} positions; beyond {MOST_POSITIONS} little is gained."
        return Mistake("diversification", title, True, evidence)
    third = weights[: len(weights) // 3]
    crumbs = sum(third)
    if third and crumbs < CRUMBS:
        evidence = f"The smallest {len(third)} positions are {percent(crumbs)} % together."
        return Mistake("diversification", title, True, evidence)
    evidence = f"{len(weights)} positions, none of them crumbs."
    return Mistake("diversification", title, False, evidence)
