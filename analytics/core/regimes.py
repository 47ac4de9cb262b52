"""Market regimes as a rule-based state machine on separate axes.

A label depends on its day and the days before it only, so history is never repainted: the label
of day t computed from the data up to t equals the one computed from all data. It does depend on
where the data begin, since hysteresis remembers: give the whole history, or at least the same
start every night.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from analytics.core import arrays, hysteresis, regime_signals
from analytics.core.arrays import BoolArray, FloatArray, IntArray
from analytics.core.hysteresis import StateArray
from analytics.core.regime_signals import NAMES, SIGNALS, Observations


class Label(IntEnum):
    """By precedence: the highest whose rule holds is the label of a day."""

    UNKNOWN = 0
    NEUTRAL = 1
    BULL = 2
    ALTSEASON = 3
    BEAR = 4
    HIGH_VOLATILITY = 5


@dataclass(frozen=True)
class Regimes:
    """The regime of each of n_days, and its evidence; signals in the order of `SIGNALS`.

    Attributes
    ----------
    labels : (n_days,) int8
        Of `Label`.
    days : (n_days,) int
        For how many days in a row, this one included, the label has been the same.
    values, percentiles : (n_signals, n_days)
        NaN where unavailable.
    states : (n_signals, n_days) int8
        1 high, -1 low, 0 neither or unavailable.
    available : (n_signals, n_days) bool
        Whether there is what a signal is judged by. A label was made from its deciding signals
        that are available, and from no others.
    """

    labels: StateArray
    days: IntArray
    values: FloatArray
    percentiles: FloatArray
    states: StateArray
    available: BoolArray


def read(observed: Observations) -> Regimes:
    """Tell the regime of each day from `regime_signals.observations`."""
    figures = regime_signals.values(observed)
    return judge(figures, regime_signals.percentiles(figures))


def judge(
    values: FloatArray,
    percentiles: FloatArray,
    *,
    confirmation_days: int = hysteresis.CONFIRMATION_DAYS,
) -> Regimes:
    """Tell the regime of each day from its signals.

    High volatility: the realised volatility is high. Bear: the trend is down and the drawdown
    deep. Altseason: most assets beat the benchmark, and its dominance falls, if that is known.
    Bull: the trend is up. Neutral: none of these. Unknown: nor is the trend known.

    Parameters
    ----------
    values, percentiles : ndarray, shape (n_signals, n_days)
        In the order of `SIGNALS`; NaN means "unavailable", which is in no state.
    confirmation_days : int
        At least 1.

    Raises
    ------
    NotFiniteError, OutOfRangeError, ShapeError
    """
    figures = arrays.floats("values", values, (len(SIGNALS), None), nan_is_unobserved=True)
    ranks = arrays.floats("percentiles", percentiles, figures.shape, nan_is_unobserved=True)
    by_percentile = np.array([signal.by_percentile for signal in SIGNALS])
    judged = np.where(by_percentile[:, None], ranks, figures)
    states = np.stack(
        [
            hysteresis.states(series, signal.thresholds, confirmation_days=confirmation_days)
            for signal, series in zip(SIGNALS, judged, strict=True)
        ]
    )
    labels = _labels(states, ~np.isnan(judged))
    return Regimes(
        labels=labels,
        days=hysteresis.days_in_state(labels),
        values=figures,
        percentiles=ranks,
        states=states,
        available=~np.isnan(judged),
    )


def _labels(states: StateArray, available: BoolArray) -> StateArray:
    state, known = dict(zip(NAMES, states, strict=True)), dict(zip(NAMES, available, strict=True))
    falling = (state["dominance_change"] < 0) | ~known["dominance_change"]
    rules = {
        Label.HIGH_VOLATILITY: state["realised_volatility"] > 0,
        Label.BEAR: (state["trend"] < 0) & (state["drawdown"] < 0),
        Label.ALTSEASON: (state["alt_share"] > 0) & falling,
        Label.BULL: state["trend"] > 0,
        Label.NEUTRAL: known["trend"],
    }
    return np.select(list(rules.values()), list(rules), Label.UNKNOWN).astype(np.int8)
