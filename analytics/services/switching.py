"""What switching by the regime would have earned against doing nothing, after costs."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.core import DAYS_PER_YEAR, backtests, performance, sharpe_ratios
from analytics.core.backtests import Backtest
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
    told_since = told.labels[start:].astype(np.int64)
    walked = backtests.run(
        np.column_stack([prices[start:], np.full(len(told_since), np.nan)]),
        _targets(),
        regimes=told_since,
        signals=_schedules(told_since),
        schedule=np.arange(len(POLICIES)),
        fee_rate=FEE_RATE,
    )
    if (walked.nav == 1).all(axis=0).any():
        return  # a policy that was in cash throughout has no ratio to judge
    SwitchingReview.objects.update_or_create(
        as_of=as_of,
        defaults={"since": days[start], "fee_rate": FEE_RATE, "policies": _figures(walked)},
    )


def _first_row(told: Regimes) -> int:
    deciding = [row for row, signal in enumerate(SIGNALS) if signal.decides]
    available = told.available[deciding]
    return int(max((row.argmax() for row in available if row.any()), default=0))


def _targets() -> NDArray[np.float64]:
    """(r, p, n + 1): what each policy holds in each regime, the rest in cash.

    Cash is an asset that never gets a price: the backtest holds it as cash, without a fee.
    """
    held = np.array(
        [[by_label.get(label, usual) for usual, by_label in POLICIES.values()] for label in Label]
    )
    return np.concatenate([held, 1 - held.sum(axis=2, keepdims=True)], axis=2)


def _schedules(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(p, n_days): the closes that call each policy to trade.

    The regime has changed, and with it the targets; or, for who rebalances, whatever they are.
    """
    targets = _targets()
    changed = np.zeros((len(POLICIES), len(labels)), np.bool_)
    for row, name in enumerate(POLICIES):
        differs = (targets[labels[1:], row] != targets[labels[:-1], row]).any(axis=1)
        changed[row, 1:] = differs if name not in REBALANCED else labels[1:] != labels[:-1]
    return changed


def _figures(walked: Backtest) -> list[dict[str, Any]]:
    """The rows of a SwitchingReview, in the order of POLICIES."""
    returns = walked.nav[1:].T / walked.nav[:-1].T - 1
    of = performance.statistics(returns)
    moments = sharpe_ratios.estimate(returns)
    years = returns.shape[1] / DAYS_PER_YEAR
    deflated = backtests.deflated_sharpe(walked)
    paid = np.bincount(walked.trade_policy, walked.trade_cost, len(POLICIES))
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
            "trades": int(walked.rebalances[row]),
            "turnover_a_year": float(walked.one_way_turnover[row] / years),
            "cost": float(paid[row]),
            "deflated_sharpe": float(deflated.probability[row]) if name in COMPARED_WITH else None,
        }
        for row, name in enumerate(POLICIES)
    ]
