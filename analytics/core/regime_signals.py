"""What tells the regime of a market: figures of each day, from that day and those before it.

Every threshold states its origin. Where a figure has no natural scale its percentile among its
own last 365 days is judged, by the one pair of thresholds of the volatility rule and its mirror
image; so nothing is fitted to the level of a series, and nothing looks ahead.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from analytics.core import DAYS_PER_YEAR, arrays
from analytics.core.arrays import FloatArray
from analytics.core.errors import NotPositivePriceError
from analytics.core.hysteresis import Thresholds
from analytics.core.moving_sums import moving_sum
from analytics.core.volatility import average_true_range

SHORT_DAYS, LONG_DAYS = 30, 200  # the usual month, and the usual long moving average
LOOKBACK_DAYS = 365
# A rank among fewer than half of a year's days says little.
FEWEST_RANKED = 180
FUNDING_DAYS = 7
FUNDINGS_PER_YEAR = 3 * DAYS_PER_YEAR  # every eight hours
TRUE_RANGE_MEAN_DAYS = 100

UNUSUALLY_HIGH, UNUSUALLY_LOW = (0.90, 0.75), (0.10, 0.25)
VOLATILITY_RULE = "the method's volatility rule: into the top tenth, out below the top quarter"
MIRRORED_RULE = f"{VOLATILITY_RULE}; low is its mirror image"


@dataclass(frozen=True)
class Signal:
    """A figure of the market and what is made of it.

    Attributes
    ----------
    thresholds : Thresholds
        Of its percentile if `by_percentile`, else of its value.
    high, low : str
        The label that its high and low state speak for, if any.
    decides : bool
        Whether the label is made from it; the others stand beside it as evidence.
    fewest_ranked : int
        Observations, itself included, that its percentile needs.
    """

    name: str
    thresholds: Thresholds
    origin: str
    high: str = ""
    low: str = ""
    by_percentile: bool = False
    decides: bool = False
    fewest_ranked: int = FEWEST_RANKED


SIGNALS = (
    Signal(
        "trend",
        Thresholds(high=(0.03, 0.0), low=(-0.03, 0.0)),
        "3 % around the 200-day mean is the method's; left when the mean is crossed",
        high="bull",
        low="bear",
        decides=True,
    ),
    Signal(
        "drawdown",
        Thresholds(low=(-0.20, -0.10)),
        "20 % below the peak is what is commonly called a bear market; left half-way",
        low="bear",
        decides=True,
    ),
    Signal(
        "realised_volatility",
        Thresholds(high=UNUSUALLY_HIGH),
        VOLATILITY_RULE,
        high="high volatility",
        by_percentile=True,
        decides=True,
        fewest_ranked=LOOKBACK_DAYS,
    ),
    Signal(
        "true_range",
        Thresholds(high=UNUSUALLY_HIGH),
        VOLATILITY_RULE,
        high="high volatility",
        by_percentile=True,
    ),
    Signal(
        "alt_share",
        Thresholds(high=(0.75, 0.5), low=(0.25, 0.5)),
        "75 % and 25 % are the altcoin season index's; left at one half",
        high="altseason",
        decides=True,
    ),
    Signal(
        "dominance_change",
        Thresholds(high=(0.015, 0.0), low=(-0.015, 0.0)),
        "about the usual 30-day move (1.7 points in the median, 2019-2024); left at zero",
        low="altseason",
        decides=True,
    ),
    Signal(
        "volume_trend",
        Thresholds(high=UNUSUALLY_HIGH, low=UNUSUALLY_LOW),
        MIRRORED_RULE,
        high="bull",
        low="bear",
        by_percentile=True,
    ),
    Signal(
        "funding",
        Thresholds(high=(0.10, 0.05), low=(0.0, 0.05)),
        "exchanges' neutral rate is 0.01 % for 8 hours, 11 % a year; below zero shorts pay longs",
        high="bull",
        low="bear",
    ),
    Signal(
        "volatility_premium",
        Thresholds(high=UNUSUALLY_HIGH, low=UNUSUALLY_LOW),
        MIRRORED_RULE,
        low="high volatility",
        by_percentile=True,
    ),
    Signal(
        "term_structure",
        Thresholds(low=(0.0, 0.0)),
        "near options dearer than far ones: the curve is inverted",
        low="high volatility",
    ),
    Signal(
        "liquidations",
        Thresholds(high=UNUSUALLY_HIGH),
        VOLATILITY_RULE,
        high="high volatility",
        by_percentile=True,
    ),
    Signal(
        "active_addresses",
        Thresholds(high=UNUSUALLY_HIGH, low=UNUSUALLY_LOW),
        MIRRORED_RULE,
        high="bull",
        low="bear",
        by_percentile=True,
    ),
    Signal(
        "exchange_flow",
        Thresholds(high=UNUSUALLY_HIGH, low=UNUSUALLY_LOW),
        MIRRORED_RULE,
        high="bear",
        low="bull",
        by_percentile=True,
    ),
    Signal(
        "fear_greed",
        Thresholds(high=(75.0, 50.0), low=(25.0, 50.0)),
        "the index's own extreme greed and extreme fear; left in its middle",
        high="bull",
        low="bear",
    ),
)
NAMES = tuple(signal.name for signal in SIGNALS)


@dataclass(frozen=True)
class Observations:
    """What was observed of a market on each of n_days, oldest first; NaN is "not observed".

    Attributes
    ----------
    closes, highs, lows, volumes : (n_days,)
        Of the benchmark, Bitcoin; volumes in any one unit.
    dominance : (n_days,)
        Its share of all market capitalisation.
    alt_share : (n_days,)
        See `breadth.share_beating`.
    funding : (n_days,)
        Mean rate of eight hours.
    implied_volatility : (n_days,)
        Of the next 30 days, a year.
    term_structure : (n_days,)
        Implied volatility of a far expiry less that of a near one.
    liquidations, active_addresses, exchange_inflow, exchange_outflow : (n_days,)
        0 or more.
    fear_greed : (n_days,)
        An index from 0 to 100.
    """

    closes: FloatArray
    highs: FloatArray
    lows: FloatArray
    volumes: FloatArray
    dominance: FloatArray
    alt_share: FloatArray
    funding: FloatArray
    implied_volatility: FloatArray
    term_structure: FloatArray
    liquidations: FloatArray
    active_addresses: FloatArray
    exchange_inflow: FloatArray
    exchange_outflow: FloatArray
    fear_greed: FloatArray


def observations(closes: ArrayLike, **observed: ArrayLike) -> Observations:
    """Check what was observed; what is left out was not observed on any day.

    Raises
    ------
    NotPositivePriceError, NotFiniteError, OutOfRangeError, ShapeError
        Naming the series and the row. Prices must be above zero, everything but funding and the
        term structure at least zero.
    """
    price = arrays.floats("closes", closes, (None,), nan_is_unobserved=True)
    checked = {"closes": price}
    for name in (field.name for field in fields(Observations) if field.name != "closes"):
        values = observed.pop(name, np.full(price.shape, np.nan))
        checked[name] = arrays.floats(name, values, price.shape, nan_is_unobserved=True)
    if observed:
        raise TypeError(f"unknown observations: {', '.join(observed)}")
    for name, series in checked.items():
        if name in ("closes", "highs", "lows") and (series <= 0).any():
            raise NotPositivePriceError(f"{name} is not positive at {arrays.first(series <= 0)}")
        if name not in ("funding", "term_structure") and (series < 0).any():
            row = int(np.argmax(series < 0))
            arrays.require(False, f"{name} at row {row}", series[row], "0 or more")
    return Observations(**checked)


def values(observed: Observations) -> FloatArray:
    """Return the figure of each signal on each day.

    Returns
    -------
    ndarray, shape (n_signals, n_days)
        In the order of `SIGNALS`. NaN where a day of its window was not observed.
    """
    volatility = realised_volatility(observed.closes)
    figures = {
        "trend": _over_mean(observed.closes, 1, LONG_DAYS),
        "drawdown": observed.closes / np.fmax.accumulate(observed.closes) - 1,
        "realised_volatility": volatility,
        "true_range": _true_range(observed),
        "alt_share": observed.alt_share,
        "dominance_change": change(observed.dominance, SHORT_DAYS),
        "volume_trend": _over_mean(observed.volumes, SHORT_DAYS, LONG_DAYS),
        "funding": moving_sum(observed.funding, FUNDING_DAYS) / FUNDING_DAYS * FUNDINGS_PER_YEAR,
        "volatility_premium": observed.implied_volatility - volatility,
        "term_structure": observed.term_structure,
        "liquidations": _over_mean(observed.liquidations, FUNDING_DAYS, LONG_DAYS),
        "active_addresses": _over_mean(observed.active_addresses, SHORT_DAYS, LONG_DAYS),
        "exchange_flow": _net_inflow(observed.exchange_inflow, observed.exchange_outflow),
        "fear_greed": observed.fear_greed,
    }
    return np.stack([figures[name] for name in NAMES])


def percentiles(figures: FloatArray) -> FloatArray:
    """Return the percentile of each signal among its last `LOOKBACK_DAYS` days.

    Parameters
    ----------
    figures : ndarray, shape (n_signals, n_days)
        In the order of `SIGNALS`.
    """
    return np.stack(
        [
            trailing_percentile(series, fewest=signal.fewest_ranked)
            for signal, series in zip(SIGNALS, figures, strict=True)
        ]
    )


def trailing_percentile(
    series: ArrayLike, *, lookback: int = LOOKBACK_DAYS, fewest: int = FEWEST_RANKED
) -> FloatArray:
    """Return the share of the other days of each day's `lookback` whose value is lower.

    Parameters
    ----------
    series : array_like, shape (n_days,)
        Oldest first. NaN means "not observed".
    lookback : int
        Days, the day itself included; at least 2.
    fewest : int
        Observed days among them, the day itself included, from 2 to `lookback`.

    Returns
    -------
    ndarray, shape (n_days,)
        In [0, 1]; NaN where the day, or too many of its lookback, were not observed.

    Raises
    ------
    NotFiniteError, OutOfRangeError, ShapeError
    """
    arrays.require(lookback >= 2, "lookback", lookback, "2 or more")
    arrays.require(2 <= fewest <= lookback, "fewest", fewest, "from 2 to lookback")
    figures = arrays.floats("series", series, (None,), nan_is_unobserved=True)
    percentile = np.full(len(figures), np.nan)
    observed = np.flatnonzero(~np.isnan(figures))
    if len(observed) == 0:
        return percentile
    first = observed[0]
    padded = np.concatenate([np.full(lookback - 1, np.nan), figures[first:]])
    trailing = sliding_window_view(padded, lookback)
    ranked = np.diff(np.cumsum(~np.isnan(np.concatenate([[np.nan], padded]))), prepend=0)
    others = sliding_window_view(ranked[1:], lookback).sum(axis=1) - 1
    lower = (trailing[:, :-1] < trailing[:, -1:]).sum(axis=1)
    known = ~np.isnan(figures[first:]) & (others + 1 >= fewest)
    percentile[first:][known] = lower[known] / others[known]
    return percentile


def realised_volatility(closes: FloatArray, *, window: int = SHORT_DAYS) -> FloatArray:
    """Return the annualised standard deviation of the last `window` simple returns of each day.

    Parameters
    ----------
    closes : ndarray, shape (n_days,)
        Prices above zero, oldest first. NaN means "not observed".
    window : int
        Returns, at least 2.

    Returns
    -------
    ndarray, shape (n_days,)
        Sample standard deviation (n - 1) times the square root of 365; NaN where the window is
        not full.
    """
    arrays.require(window >= 2, "window", window, "2 or more")
    volatility = np.full(len(closes), np.nan)
    if len(closes) > window:
        returns = closes[1:] / closes[:-1] - 1
        daily = sliding_window_view(returns, window).std(axis=1, ddof=1)
        volatility[window:] = daily * np.sqrt(DAYS_PER_YEAR)
    return volatility


def change(series: FloatArray, days: int) -> FloatArray:
    """Return the difference of each day to the one `days` earlier, NaN where either is."""
    difference = np.full(len(series), np.nan)
    difference[days:] = series[days:] - series[:-days]
    return difference


def _over_mean(series: FloatArray, short: int, long: int) -> FloatArray:
    """Return by which fraction the mean of `short` days lies above that of `long` days."""
    mean = moving_sum(series, long) / long
    mean[mean == 0] = np.nan
    return np.asarray(moving_sum(series, short) / short / mean - 1)


def _true_range(observed: Observations) -> FloatArray:
    """Return by which fraction Wilder's average true range lies above its own mean of 100 days."""
    columns = (observed.highs[:, None], observed.lows[:, None], observed.closes[:, None])
    return _over_mean(average_true_range(*columns)[:, 0], 1, TRUE_RANGE_MEAN_DAYS)


def _net_inflow(inflow: FloatArray, outflow: FloatArray) -> FloatArray:
    """Return the net inflow of a month as a fraction of all that moved, in [-1, 1]."""
    moved = moving_sum(inflow + outflow, SHORT_DAYS)
    moved[moved == 0] = np.nan
    return np.asarray(moving_sum(inflow - outflow, SHORT_DAYS) / moved)
