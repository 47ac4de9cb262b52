"""One pair through time: rolling correlation with its interval, scatter, beta, both drawdowns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from analytics.core import drawdowns, pairs
from analytics.core.correlation import fisher_interval
from analytics.core.pairs import PairHistory
from analytics.core.returns import DISPLAY_RETURNS, simple_returns
from analytics.selectors import correlations
from analytics.selectors.correlations import BITCOIN, DAYS, WINDOWS, Returns, View
from analytics.selectors.market_days import MarketDay
from portfolios.models import Asset
from portfolios.selectors import prices

# A year of windows is drawn.
HISTORY_DAYS = 365


@dataclass(frozen=True)
class Figure:
    """The pair's correlation on some days, with Bitcoin or without it."""

    label: str
    correlation: float | None
    low: float | None
    high: float | None
    days: int
    needed: int


@dataclass(frozen=True)
class Moment:
    """The window that ended on a day."""

    day: date
    correlation: float
    low: float
    high: float
    beta: float


@dataclass(frozen=True)
class Together:
    """How often two assets rose and fell together, of the days on which both moved."""

    both_rose: int
    both_fell: int
    apart: int

    @property
    def days(self) -> int:
        return self.both_rose + self.both_fell + self.apart


@dataclass(frozen=True)
class Fall:
    """How far an asset is below its peak of the year, and how far it was at worst."""

    asset: Asset
    now: float
    worst: float
    worst_on: date


@dataclass(frozen=True)
class PairPage:
    day: MarketDay
    first: Asset
    second: Asset
    window: int
    figures: Sequence[Figure]
    history: Sequence[Moment]  # ascending
    scatter: Sequence[tuple[date, float, float]]
    together: Together
    falls: Sequence[Fall]
    drawdown_days: Sequence[date]
    drawdown_series: Sequence[Sequence[float | None]]

    windows = WINDOWS
    needed = DISPLAY_RETURNS

    @property
    def latest(self) -> Moment | None:
        """The window that ends on the page's day."""
        last = self.history[-1] if self.history else None
        return last if last and last.day == self.day.as_of else None

    @property
    def common_days(self) -> int:
        return len(self.scatter)

    @property
    def month_ends(self) -> list[Moment]:
        """The latest first: the table beside the chart."""
        months = groupby(self.history, key=lambda moment: (moment.day.year, moment.day.month))
        return [list(moments)[-1] for _, moments in months][::-1]

    @property
    def correlation_chart(self) -> dict[str, object]:
        """What charts.js draws as lines, with the interval as a band."""
        return {
            "unit": "ratio",
            "days": [moment.day.isoformat() for moment in self.history],
            "series": [
                {"name": "Correlation", "values": [round(m.correlation, 4) for m in self.history]}
            ],
            "band": {
                "name": "95 % interval",
                "low": [round(moment.low, 4) for moment in self.history],
                "high": [round(moment.high, 4) for moment in self.history],
            },
        }

    @property
    def scatter_chart(self) -> dict[str, object]:
        return {
            "x": self.second.symbol,
            "y": self.first.symbol,
            "points": [
                [round(other, 5), round(one, 5), day.isoformat()]
                for day, one, other in self.scatter
            ],
            "slope": self.latest.beta if self.latest else None,
        }

    @property
    def drawdown_chart(self) -> dict[str, object]:
        return {
            "unit": "percent",
            "days": [day.isoformat() for day in self.drawdown_days],
            "series": [
                {"name": asset.symbol, "values": values}
                for asset, values in zip(
                    (self.first, self.second), self.drawdown_series, strict=True
                )
            ],
        }


def read(day: MarketDay, *, first: Asset, second: Asset, bitcoin: Asset, window: int) -> PairPage:
    """The pair in one query."""
    assets = list(dict.fromkeys([bitcoin, first, second]))
    ids = [asset.pk for asset in assets]
    panel = prices.close_panel(
        end=day.as_of, days=HISTORY_DAYS + window + 1, asset_ids=ids
    ).reindex(columns=ids)
    closes = panel.to_numpy(dtype=np.float64)
    returns = simple_returns(closes)
    days = list(panel.index)
    one, other = assets.index(first), assets.index(second)
    history = pairs.rolling(returns[:, one], returns[:, other], window=window)
    year = Returns(assets, returns[-correlations.LONGEST :])
    year_days, year_closes = days[-HISTORY_DAYS - 1 :], closes[-HISTORY_DAYS - 1 :]
    scatter = _scatter(days[-window:], returns[-window:, one], returns[-window:, other])
    return PairPage(
        day=day,
        first=first,
        second=second,
        window=window,
        figures=_figures(year, first, second, window),
        history=_moments(days[1:], history, year.common[one, other] >= DISPLAY_RETURNS),
        scatter=scatter,
        together=_together(scatter),
        falls=[
            fall
            for asset, column in ((first, one), (second, other))
            if (fall := _fall(asset, year_days, year_closes[:, column]))
        ],
        drawdown_days=year_days,
        drawdown_series=[_below_peak(year_closes[:, column]) for column in (one, other)],
    )


def _figures(year: Returns, first: Asset, second: Asset, window: int) -> list[Figure]:
    """On all, calm and stressed days; and what is left without Bitcoin, where it is neither."""
    figures = []
    for without in (False, True):
        if without and BITCOIN in (first.coingecko_id, second.coingecko_id):
            continue
        rest = ", without Bitcoin" if without else ""
        for kind, words in DAYS.items():
            found = correlations.correlate(year, View(window, kind, without)).of((first, second))
            interval = fisher_interval(found.pairwise.correlation, found.pairwise.effective_days)
            told = bool(found.told[0, 1])
            days, needed = found.missing(0, 1)
            figures.append(
                Figure(
                    label=words.capitalize() + rest,
                    correlation=float(found.pairwise.correlation[0, 1]) if told else None,
                    low=float(interval.low[0, 1]) if told else None,
                    high=float(interval.high[0, 1]) if told else None,
                    days=int(found.pairwise.overlap[0, 1]) if told else days,
                    needed=needed,
                )
            )
    return figures


def _moments(days: Sequence[date], history: PairHistory, enough: bool) -> list[Moment]:
    """The days of the last year on which the window told anything."""
    if not enough:
        return []
    figures = zip(days, history.correlation, history.low, history.high, history.beta, strict=True)
    moments = [
        Moment(day, float(rho), float(low), float(high), float(beta))
        for day, rho, low, high, beta in figures
        if np.isfinite(rho)
    ]
    return [moment for moment in moments if moment.day > days[-1] - timedelta(days=HISTORY_DAYS)]


def _scatter(
    days: Sequence[date], one: NDArray[np.float64], other: NDArray[np.float64]
) -> list[tuple[date, float, float]]:
    return [
        (day, float(first), float(second))
        for day, first, second in zip(days, one, other, strict=True)
        if np.isfinite(first) and np.isfinite(second)
    ]


def _together(scatter: Sequence[tuple[date, float, float]]) -> Together:
    signs = [(np.sign(one), np.sign(other)) for _, one, other in scatter if one and other]
    rose = sum(1 for one, other in signs if one > 0 and other > 0)
    fell = sum(1 for one, other in signs if one < 0 and other < 0)
    return Together(both_rose=rose, both_fell=fell, apart=len(signs) - rose - fell)


def _below_peak(closes: NDArray[np.float64]) -> list[float | None]:
    """The drawdown of each day with a close, from the highest close of the panel so far."""
    known = np.isfinite(closes)
    below = np.full(len(closes), np.nan)
    if known.any():
        below[known] = drawdowns.series(closes[None, known])[0]
    return [round(each, 4) if np.isfinite(each) else None for each in below.tolist()]


def _fall(asset: Asset, days: Sequence[date], closes: NDArray[np.float64]) -> Fall | None:
    below = [
        (day, each) for day, each in zip(days, _below_peak(closes), strict=True) if each is not None
    ]
    if not below:
        return None
    worst_on, worst = min(below, key=lambda each: each[1])
    return Fall(asset=asset, now=below[-1][1], worst=worst, worst_on=worst_on)
