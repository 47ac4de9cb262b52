"""The volatility page: one asset's estimators, cone, term structure, and what options imply."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analytics.core import volatility, volatility_cones
from analytics.core.regime_signals import trailing_percentile
from analytics.core.returns import simple_returns
from analytics.models import AssetDay
from analytics.selectors.market_days import MarketDay
from portfolios.models import Asset, MarketSignal
from portfolios.selectors import prices, signals

HORIZONS = (7, 14, 30, 60, 90, 180, 365)
IMPLIED_DAYS = 30  # what DVOL looks ahead
YEAR = 365
HISTORY_DAYS = volatility_cones.LOOKBACK_DAYS + max(HORIZONS) + 1
# Deribit's index is on Bitcoin options; the data know no other.
IMPLIED_OF = "bitcoin"
DRAWN = ("Close to close", "EWMA", "Yang–Zhang")


@dataclass(frozen=True)
class Estimate:
    """One estimator on the last day; None: not known."""

    name: str
    sees: str
    value: float | None
    percentile: float | None  # among the last 365 days
    series: NDArray[np.float64]


@dataclass(frozen=True)
class Horizon:
    """Realised over so many days, among its past; implied where options tell."""

    days: int
    now: float | None
    percentile: float | None
    lowest: float | None
    lower_quartile: float | None
    median: float | None
    upper_quartile: float | None
    highest: float | None
    implied: float | None


@dataclass(frozen=True)
class TrueRange:
    """Wilder's average over 14 days, in US dollars and as a share of the close."""

    amount: float
    share: float
    percentile: float | None  # of the share, among the last 365 days


@dataclass(frozen=True)
class Implied:
    """What options expect of the next 30 days, against what the last 30 were."""

    value: float
    spread: float
    percentile: float | None  # of the spread, among the last 365 days


@dataclass(frozen=True)
class VolatilityPage:
    day: MarketDay
    asset: Asset
    listed: Sequence[AssetDay]  # what there is to choose from
    days: Sequence[date]  # the last year
    estimates: Sequence[Estimate]
    horizons: Sequence[Horizon]
    true_range: TrueRange | None
    implied: Implied | None
    implied_series: NDArray[np.float64]  # the last year

    @property
    def observed(self) -> bool:
        return any(estimate.value is not None for estimate in self.estimates)

    @property
    def implied_exists(self) -> bool:
        return self.asset.coingecko_id == IMPLIED_OF

    @property
    def slope(self) -> float | None:
        """How much wilder the last week was than the last quarter, in points."""
        by_days = {horizon.days: horizon.now for horizon in self.horizons}
        short, long = by_days.get(7), by_days.get(90)
        return None if short is None or long is None else short - long

    @property
    def history_chart(self) -> dict[str, object]:
        series = [
            {"name": estimate.name, "values": _rounded(estimate.series[-YEAR:])}
            for estimate in self.estimates
            if estimate.name in DRAWN
        ]
        if np.isfinite(self.implied_series).any():
            series.append({"name": "Implied (DVOL)", "values": _rounded(self.implied_series)})
        days = [day.isoformat() for day in self.days]
        return {"unit": "percent", "days": days, "series": series}

    @property
    def month_ends(self) -> list[tuple[date, list[float | None]]]:
        """The estimators that are drawn, and what was implied, at the end of each month."""
        drawn = [each.series[-YEAR:] for each in self.estimates if each.name in DRAWN]
        columns = [*drawn, self.implied_series]
        last = {(day.year, day.month): row for row, day in enumerate(self.days)}
        return [
            (self.days[row], [_known(column[row]) for column in columns])
            for row in sorted(last.values(), reverse=True)
        ]

    @property
    def cone_chart(self) -> dict[str, object]:
        known = [horizon for horizon in self.horizons if horizon.median is not None]
        return {
            "unit": "percent",
            "days": [f"{horizon.days} d" for horizon in known],
            "series": [
                {"name": "Now", "values": [horizon.now for horizon in known]},
                {"name": "Median", "values": [horizon.median for horizon in known]},
                {"name": "Lowest", "values": [horizon.lowest for horizon in known]},
                {"name": "Highest", "values": [horizon.highest for horizon in known]},
            ],
            "band": {
                "name": "Middle half",
                "low": [horizon.lower_quartile for horizon in known],
                "high": [horizon.upper_quartile for horizon in known],
            },
        }


def read(day: MarketDay, *, wanted: str) -> VolatilityPage | None:
    """The page of an asset, Bitcoin unless another is known; three queries. None: no asset."""
    listed = list(
        AssetDay.objects.filter(as_of=day.as_of)
        .select_related("asset__category")
        .order_by("asset__category__position", "asset__cap_rank", "asset__symbol")
    )
    by_id = {each.asset.coingecko_id: each.asset for each in listed}
    asset = by_id.get(wanted) or by_id.get(IMPLIED_OF) or next(iter(by_id.values()), None)
    if asset is None:
        return None
    candles = _consistent(prices.candles(asset, end=day.as_of, days=HISTORY_DAYS))
    days = list(candles.index)[-YEAR:]
    implied = np.full(YEAR, np.nan)
    if asset.coingecko_id == IMPLIED_OF:
        known = signals.series(coingecko_id=IMPLIED_OF, days=days)
        implied = known.get(MarketSignal.Name.IMPLIED_VOLATILITY, implied)
    estimates = _estimates(candles)
    closes = candles["close"].to_numpy()
    return VolatilityPage(
        day=day,
        asset=asset,
        listed=listed,
        days=days,
        estimates=estimates,
        horizons=_horizons(closes, implied[-1]),
        true_range=_true_range(candles),
        implied=_implied(implied, estimates[0].series[-YEAR:]),
        implied_series=implied,
    )


def _consistent(candles: pd.DataFrame) -> pd.DataFrame:
    """Without open, high and low of days on which a price lies outside the day's range."""
    inside = candles[["open", "close"]]
    impossible = (inside.max(axis=1) > candles["high"]) | (inside.min(axis=1) < candles["low"])
    told = candles.copy()
    told.loc[impossible, ["open", "high", "low"]] = np.nan
    return told


def _estimates(candles: pd.DataFrame) -> list[Estimate]:
    opens, highs, lows, closes = (
        candles[name].to_numpy()[:, None] for name in ("open", "high", "low", "close")
    )
    ranges = (opens, highs, lows, closes)
    returns = simple_returns(closes)
    enough = np.isfinite(returns).cumsum(axis=0) >= volatility.WINDOW
    fading = np.where(enough, volatility.ewma(returns), np.nan)
    unknown = np.full((1, 1), np.nan)
    found = [
        ("Close to close", "closes", volatility.close_to_close(closes)),
        ("EWMA", "closes, half-life 30 days", np.concatenate([unknown, fading])),
        ("Parkinson", "high and low; no drift", volatility.parkinson(*ranges)),
        ("Garman–Klass", "open to close; no drift", volatility.garman_klass(*ranges)),
        ("Rogers–Satchell", "open to close; any drift", volatility.rogers_satchell(*ranges)),
        ("Yang–Zhang", "open to close and jumps; any drift", volatility.yang_zhang(*ranges)),
    ]  # fmt: skip
    return [
        Estimate(
            name=name,
            sees=sees,
            value=_known(series[-1, 0]),
            percentile=_percentile(series[:, 0]),
            series=series[:, 0],
        )
        for name, sees, series in found
    ]


def _horizons(closes: NDArray[np.float64], implied: float) -> list[Horizon]:
    cone = volatility_cones.measure(closes, horizons=HORIZONS)
    return [
        Horizon(
            days=days,
            now=_known(cone.now[place]),
            percentile=_known(cone.percentile[place]),
            lowest=_known(cone.lowest[place]),
            lower_quartile=_known(cone.lower_quartile[place]),
            median=_known(cone.median[place]),
            upper_quartile=_known(cone.upper_quartile[place]),
            highest=_known(cone.highest[place]),
            implied=_known(implied) if days == IMPLIED_DAYS else None,
        )
        for place, days in enumerate(HORIZONS)
    ]


def _true_range(candles: pd.DataFrame) -> TrueRange | None:
    highs, lows, closes = (candles[[name]].to_numpy() for name in ("high", "low", "close"))
    amounts = volatility.average_true_range(highs, lows, closes)[:, 0]
    shares = amounts / closes[:, 0]
    if np.isnan(shares[-1]):
        return None
    return TrueRange(float(amounts[-1]), float(shares[-1]), _percentile(shares))


def _implied(implied: NDArray[np.float64], realised: NDArray[np.float64]) -> Implied | None:
    spread = implied - realised
    if np.isnan(spread[-1]):
        return None
    return Implied(float(implied[-1]), float(spread[-1]), _percentile(spread))


def _percentile(series: NDArray[np.float64]) -> float | None:
    return _known(trailing_percentile(series[-YEAR:])[-1])


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _rounded(series: NDArray[np.float64]) -> list[float | None]:
    return [round(each, 4) if np.isfinite(each) else None for each in series.tolist()]
