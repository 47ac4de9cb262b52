"""What came of past suggestions: whether following one helped, measured at the closes since.

Nothing is kept for it. What a suggestion said and what was held stays stored as long as its life
does, and prices tell the rest, in as many queries for fifty suggestions as for one.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from math import sqrt
from statistics import mean, stdev

import numpy as np
import pandas as pd
from django.db.models import Q
from numpy.typing import NDArray

from analytics.core import drawdowns
from analytics.models import PortfolioResult, Suggestion, SuggestionLife
from portfolios.models import Asset, Portfolio
from portfolios.selectors import prices

Floats = NDArray[np.float64]

NEWEST = 50
HORIZONS = (30, 90)  # days
# A close that is missing on a day is that of the day before; for longer nobody knows.
CARRIED_DAYS = 2
# A mean of fewer tells more of chance than of anything else.
LEAST = 5


@dataclass(frozen=True)
class Difference:
    """Following less doing nothing, after costs."""

    amount: float  # US dollars
    share: float  # of what the portfolio was worth


@dataclass(frozen=True)
class Told:
    """A past suggestion and what came of it; None is too early to say, or nobody can."""

    life: SuggestionLife
    value: float  # US dollars, at the close it was made at
    cost: float  # US dollars, as it was reckoned with; taxes are apart
    is_followed: bool
    problem: str  # why nothing is measured, where nothing is
    after: Mapping[int, Difference | None]  # by days
    today: Difference | None
    fall: float | None  # the deepest within 90 days, followed
    fall_untouched: float | None

    @property
    def made_on(self) -> date:
        return self.life.run.as_of

    @property
    def differences(self) -> list[Difference | None]:
        return [*self.after.values(), self.today]


@dataclass(frozen=True)
class Tally:
    """How much following brought on average, so many days after; shares of the portfolio."""

    days: int
    is_followed: bool
    shares: Sequence[float]

    @property
    def count(self) -> int:
        return len(self.shares)

    @property
    def says_something(self) -> bool:
        return self.count >= LEAST

    @property
    def helped(self) -> int:
        return sum(share > 0 for share in self.shares)

    @property
    def mean(self) -> float:
        return mean(self.shares)

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return stdev(self.shares) / sqrt(self.count)


@dataclass(frozen=True)
class History:
    rows: Sequence[Told]  # the newest first
    is_cut: bool  # whether there are older ones

    @cached_property
    def tallies(self) -> list[Tally]:
        return [
            Tally(
                days=days,
                is_followed=followed,
                shares=[
                    found.share
                    for row in self.rows
                    if row.is_followed == followed and (found := row.after.get(days))
                ],
            )
            for followed in (True, False)
            for days in HORIZONS
        ]


def read(portfolio: Portfolio, *, as_of: date) -> History:
    """The newest suggestions of a portfolio, at the closes up to `as_of`."""
    lives = list(
        SuggestionLife.objects.filter(portfolio=portfolio, run__as_of__lte=as_of).select_related(
            "run", "state_by"
        )[: NEWEST + 1]
    )
    shown = lives[:NEWEST]
    which = _about(shown)
    results = {(row.run_id, row.revision): row for row in PortfolioResult.objects.filter(which)}
    suggestions = {(row.run_id, row.revision): row for row in Suggestion.objects.filter(which)}
    ids = {pk for result in results.values() for pk in result.asset_ids}
    ids |= {pk for life in shown for pk in life.fill_asset_ids}
    closes = _closes(ids, shown, as_of)
    rows = []
    for life in shown:
        key = life.run_id, life.revision
        if key in results and key in suggestions:
            rows.append(_told(life, results[key], suggestions[key], closes))
    return History(rows=rows, is_cut=len(lives) > NEWEST)


def _about(lives: Iterable[SuggestionLife]) -> Q:
    """What the nights found that the lives are about."""
    which = Q(run__in=[])
    for life in lives:
        which |= Q(run_id=life.run_id, portfolio_id=life.portfolio_id, revision=life.revision)
    return which


def _closes(ids: Collection[int], lives: Sequence[SuggestionLife], as_of: date) -> pd.DataFrame:
    """A row a day, a column an asset; what is not listed, and other money, has no column."""
    if not lives:
        return pd.DataFrame()
    first = min(life.run.as_of for life in lives) - timedelta(days=CARRIED_DAYS)
    panel = prices.close_panel(end=as_of, days=(as_of - first).days + 1, asset_ids=ids)
    panel = panel.ffill(limit=CARRIED_DAYS)
    dollars = Asset.objects.filter(pk__in=ids, coingecko_id="usd").values_list("pk", flat=True)
    return panel.join(pd.DataFrame(1.0, index=panel.index, columns=list(dollars)))


def _told(
    life: SuggestionLife, result: PortfolioResult, suggestion: Suggestion, closes: pd.DataFrame
) -> Told:
    is_followed = bool(life.fill_asset_ids)
    cost = suggestion.cost - suggestion.tax
    needed = {*result.asset_ids, *suggestion.asset_ids, *life.fill_asset_ids}
    start = life.fills_on if is_followed and life.fills_on else life.run.as_of
    start = max(start, life.run.as_of)
    known = needed <= set(closes.columns)
    window = closes.loc[life.run.as_of :]
    problem = ""
    if not known or window[list(needed)].isna().to_numpy().any():
        problem = "Not everything in it has a price on every day since."
    if problem or start not in window.index:
        nothing = dict.fromkeys(HORIZONS)
        return Told(life, result.value, cost, is_followed, problem, nothing, None, None, None)
    untouched = _worth(window, result.asset_ids, result.values)
    gain = _gain(life, suggestion, window, cost) if not is_followed else _filled(life, window)
    at = list(window.index).index(start)

    def difference(days: int) -> Difference | None:
        row = at + days
        return _difference(gain, row, result.value) if row < len(gain) else None

    until = at + HORIZONS[-1] + 1
    falls = _falls(untouched[at:until], (untouched + gain)[at:until])
    return Told(
        life=life,
        value=result.value,
        cost=cost,
        is_followed=is_followed,
        problem="",
        after={days: difference(days) for days in HORIZONS},
        today=_difference(gain, len(gain) - 1, result.value) if len(gain) > at + 1 else None,
        fall_untouched=falls[0],
        fall=falls[1],
    )


def _worth(window: pd.DataFrame, ids: Sequence[int], values: Sequence[float]) -> Floats:
    """What amounts of the first day have become, day by day (n_days,)."""
    growth = window[list(ids)].to_numpy() / window[list(ids)].to_numpy()[0]
    return np.asarray(growth @ np.array(values))


def _gain(
    life: SuggestionLife, suggestion: Suggestion, window: pd.DataFrame, cost: float
) -> Floats:
    """As suggested, at the close it was made at: Σ amount·(growth − 1) less the cost."""
    amounts = np.array(suggestion.amounts)
    return _worth(window, suggestion.asset_ids, suggestion.amounts) - amounts.sum() - cost


def _filled(life: SuggestionLife, window: pd.DataFrame) -> Floats:
    """As recorded: Σ units·(close − price paid) less the fees; nothing before the trades."""
    closes = window[life.fill_asset_ids].to_numpy()
    paid = np.array(life.fill_prices)
    gain = (closes - paid) @ np.array(life.fill_quantities) - sum(life.fill_fees)
    return np.where(np.array([day >= life.fills_on for day in window.index]), gain, 0.0)


def _difference(gain: Floats, row: int, value: float) -> Difference:
    return Difference(amount=float(gain[row]), share=float(gain[row]) / value)


def _falls(untouched: Floats, followed: Floats) -> tuple[float | None, float | None]:
    """The deepest fall of each from its highest before; None while there is a day only."""
    both = np.vstack([untouched, followed])
    if both.shape[1] < 2 or (both <= 0).any():
        return None, None
    deepest = drawdowns.series(both).min(axis=1)
    return float(deepest[0]), float(deepest[1])
