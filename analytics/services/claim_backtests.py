"""What the article's ways to hold and to rebalance would have done, all in one backtest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analytics.core import DAYS_PER_YEAR, backtests, performance
from analytics.services.switching import FEE_RATE

Floats = NDArray[np.float64]
Figures = dict[str, float]

BITCOIN = "bitcoin"
# The basket that methods.md grades the models against: a sector of its own, and large.
ALTS = ("solana", "avalanche-2", "polkadot", "cosmos", "near", "chainlink", "uniswap", "aave")
BAND = 0.05  # the article's, for moderate markets
WIDE_BAND = 0.10
BITCOIN_SHARES = (0, 20, 40, 60, 80, 100)  # percent, the rest in ALTS
STABLE_SHARES = (0, 10, 20, 30, 40, 50, 60, 70, 80, 90)  # percent, the rest as in the model
REBALANCED = "moderate"  # the model whose calendar and stablecoins are varied


@dataclass
class Policies:
    """Target weights by coingecko id, with a band or the row of a schedule; cash is None."""

    names: list[str] = field(default_factory=list)
    weights: list[Mapping[str, float]] = field(default_factory=list)
    bands: list[float] = field(default_factory=list)
    schedules: list[int] = field(default_factory=list)

    def add(
        self, name: str, weights: Mapping[str, float], *, band: float = np.inf, schedule: int = -1
    ) -> None:
        self.names.append(name)
        self.weights.append(weights)
        self.bands.append(band)
        self.schedules.append(schedule)


CALENDARS = ("weekly", "monthly", "quarterly")


def policies(
    models: Mapping[str, Mapping[str, float]], stablecoins: set[str], priced: set[str]
) -> Policies:
    """Every way that the questions ask about; those of models and coins that are there."""
    found = Policies()
    for slug, weights in models.items():
        found.add(f"model-{slug}", weights, band=BAND)
    alts = {each: 1 / len(ALTS) for each in ALTS}
    if set(ALTS) <= priced:
        found.add("alts", alts, band=BAND)
        for share in BITCOIN_SHARES:
            mix = _mixed({BITCOIN: 1.0}, alts, share / 100)
            found.add(f"bitcoin-{share}", mix, band=BAND)
    else:
        found.add("bitcoin-100", {BITCOIN: 1.0})
    model = models.get(REBALANCED)
    if model is None:
        return found
    found.add("never", model)
    for row, name in enumerate(CALENDARS):
        found.add(name, model, schedule=row)
    found.add("band-5", model, band=BAND)
    found.add("band-10", model, band=WIDE_BAND)
    held = {each: weight for each, weight in model.items() if each in stablecoins}
    risky = {each: weight for each, weight in model.items() if each not in stablecoins}
    for share in STABLE_SHARES if held and risky else ():
        mix = _mixed(_whole(held), _whole(risky), share / 100)
        found.add(f"stables-{share}", mix, band=BAND)
    return found


def _whole(weights: Mapping[str, float]) -> dict[str, float]:
    total = sum(weights.values())
    return {each: weight / total for each, weight in weights.items()}


def _mixed(
    first: Mapping[str, float], second: Mapping[str, float], share: float
) -> dict[str, float]:
    """A share of the first, the rest of the second."""
    mix = {each: weight * (1 - share) for each, weight in second.items()}
    for each, weight in first.items():
        mix[each] = mix.get(each, 0.0) + weight * share
    return mix


def run(closes: pd.DataFrame, told: Policies) -> dict[str, Figures]:
    """The figures of each policy by its name.

    `closes` has a row a date and a column a coingecko id, NaN only before a first price; among
    them those of Bitcoin. A close calls for a trade, and the next one makes it.
    """
    targets = np.array([[w.get(each, 0.0) for each in closes.columns] for w in told.weights])
    walked = backtests.run(
        closes.to_numpy(),
        targets,
        half_widths=np.repeat(np.array(told.bands)[:, None], targets.shape[1], axis=1),
        signals=_calendars(list(closes.index)),
        schedule=np.array(told.schedules),
        fee_rate=FEE_RATE,
    )
    returns = walked.nav[1:].T / walked.nav[:-1].T - 1
    of = performance.statistics(returns)
    bitcoin = closes[BITCOIN].to_numpy()
    with_bitcoin = np.corrcoef(np.vstack([returns, bitcoin[1:] / bitcoin[:-1] - 1]))[-1]
    years = returns.shape[1] / DAYS_PER_YEAR
    return {
        name: {
            "cagr": float(of.cagr[row]),
            "volatility": float(of.volatility[row]),
            "max_drawdown": float(of.max_drawdown[row]),
            "correlation": float(with_bitcoin[row]),
            "rebalances_a_year": float(walked.rebalances[row] / years),
            "turnover_a_year": float(walked.one_way_turnover[row] / years),
        }
        for row, name in enumerate(told.names)
    }


def _calendars(days: Sequence[date]) -> NDArray[np.bool_]:
    """The closes that call for a trade on a Monday, and on the first of a month or a quarter."""
    tomorrow = pd.DatetimeIndex(pd.to_datetime(list(days))) + pd.Timedelta(days=1)
    first = tomorrow.day == 1
    return np.array([tomorrow.day_of_week == 0, first, first & (tomorrow.month % 3 == 1)])


def left_alone(closes: pd.DataFrame, weights: Mapping[str, float]) -> dict[str, float | str]:
    """The coin that grew largest in weights that nobody ever brought back, and how large.

    What had no price on the first day is cash, and stays cash.
    """
    keys, targets = list(weights), np.array(list(weights.values()))
    held = closes[keys].to_numpy()
    growth = np.where(np.isfinite(held[0]), held / held[0], 1.0)
    worth = growth * targets
    shares = worth / worth.sum(axis=1, keepdims=True)
    # Bitcoin may well grow to half of it: by how many times its target a share has grown.
    day, column = np.unravel_index(np.argmax(shares / targets), shares.shape)
    return {
        "asset": keys[int(column)],
        "target": float(targets[column]),
        "weight": float(shares[day, column]),
        "on": f"{closes.index[int(day)]:%Y-%m-%d}",
    }
