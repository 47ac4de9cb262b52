"""What switching by the regime would have earned against doing nothing, after costs."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.core import DAYS_PER_YEAR, performance, sharpe_ratios, switching
from analytics.core.regime_signals import SIGNALS
from analytics.core.regimes import Label, Regimes
from analytics.models import SwitchingReview

# Of each amount traded: a fee of 0.10 %, and 0.15 % for spread and impact.
FEE_RATE = 0.0025
FEWEST_DAYS = 365
ASSETS = ("bitcoin", "ethereum")  # the larger altcoin stands for them all
ALWAYS = (1.0, 0.0)
MIX = (0.6, 0.2)

# What each policy holds of ASSETS in each regime, the rest in cash; by default its first entry.
# The article says which way to go in each regime and not how far: the amounts are ours.
POLICIES: dict[str, tuple[tuple[float, float], Mapping[Label, tuple[float, float]]]] = {
    "hold_bitcoin": (ALWAYS, {}),
    "leave_bear": (ALWAYS, {Label.BEAR: (0.0, 0.0)}),
    "leave_bear_and_volatile": (
        ALWAYS,
        {Label.BEAR: (0.0, 0.0), Label.HIGH_VOLATILITY: (0.0, 0.0)},
    ),
    "hold_mix": (MIX, {}),
    "rebalance_mix": (MIX, {}),
    "tilt_mix": (
        MIX,
        {
            Label.BULL: (0.6, 0.3),
            Label.ALTSEASON: (0.5, 0.4),
            Label.BEAR: (0.5, 0.1),
            Label.HIGH_VOLATILITY: (0.4, 0.1),
        },
    ),
}
# Brought back to its targets on the days on which the next one switches: what switching adds.
REBALANCED = ("rebalance_mix", "tilt_mix")
COMPARED_WITH = {
    "leave_bear": "hold_bitcoin",
    "leave_bear_and_volatile": "hold_bitcoin",
    "tilt_mix": "rebalance_mix",
}


def refresh(
    *,
    as_of: date,
    days: Sequence[date],
    closes: Mapping[str, NDArray[np.float64]],
    told: Regimes,
) -> None:
    """Store what each policy would have done up to `as_of`. Idempotent.

    It begins when every signal that decides and has ever been available had become so, and the
    assets had prices. Nothing is stored before there is a year of it.
    """
    if not set(ASSETS) <= set(closes):
        return
    prices = np.stack([closes[coingecko_id] for coingecko_id in ASSETS], axis=1)
    start = max(_first_row(told), int(np.isfinite(prices).all(axis=1).argmax()))
    if len(days) - start < FEWEST_DAYS or np.isnan(prices[start:]).any():
        return
    walked = switching.run(
        prices[start:],
        told.labels[start:].astype(np.int64),
        _targets(),
        rebalances=[name in REBALANCED for name in POLICIES],
        fee_rate=FEE_RATE,
    )
    if (walked.traded == 0).any():
        return  # a policy that never bought anything has no performance
    SwitchingReview.objects.update_or_create(
        as_of=as_of,
        defaults={"since": days[start], "fee_rate": FEE_RATE, "policies": _figures(walked)},
    )


def _first_row(told: Regimes) -> int:
    deciding = [row for row, signal in enumerate(SIGNALS) if signal.decides]
    available = told.available[deciding]
    return int(max((row.argmax() for row in available if row.any()), default=0))


def _targets() -> NDArray[np.float64]:
    return np.array(
        [[by_label.get(label, usual) for label in Label] for usual, by_label in POLICIES.values()]
    )


def _figures(walked: switching.Switching) -> list[dict[str, Any]]:
    """The rows of a SwitchingReview, in the order of POLICIES."""
    returns = walked.nav[1:].T / walked.nav[:-1].T - 1
    of = performance.statistics(returns)
    moments = sharpe_ratios.estimate(returns)
    years = returns.shape[1] / DAYS_PER_YEAR
    deflated = _deflated(moments, returns.shape[1])
    return [
        {
            "name": name,
            "against": COMPARED_WITH.get(name),
            "growth": float(walked.nav[-1, row]),
            "cagr": float(of.cagr[row]),
            "volatility": float(of.volatility[row]),
            "max_drawdown": float(of.max_drawdown[row]),
            "sharpe": float(moments.annual[row]),
            "sharpe_standard_error": float(moments.standard_error[row]),
            "trades": int(walked.trades[row]),
            "traded_a_year": float(walked.traded[row] / years),
            "cost": float(walked.cost[row]),
            "deflated_sharpe": deflated[row] if name in COMPARED_WITH else None,
        }
        for row, name in enumerate(POLICIES)
    ]


def _deflated(moments: sharpe_ratios.SharpeEstimate, n_days: int) -> list[float]:
    """How sure each policy's ratio beats the best that luck finds among all that switch."""
    told = sharpe_ratios.deflated(
        moments.daily,
        days=n_days,
        skewness=moments.skewness,
        kurtosis=moments.kurtosis,
        trials=len(COMPARED_WITH),
        variance_of_trials=float(moments.daily.var()),
    )
    return [float(probability) for probability in told.probability]
