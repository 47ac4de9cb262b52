"""Five statistics, and tail losses, beside empyrical."""

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import empyrical

from analytics.core import performance, tail_risk
from benchmarks.core import inputs
from benchmarks.core.comparison import Comparison, seconds

SHAPES = ((40, 1500), (12, 365))
PORTFOLIOS, FITS = 1000, 50


def compare() -> list[Comparison]:
    rows = [row for assets, days in SHAPES for row in _five(assets, days)]
    return [*rows, _tail_losses()]


def _five(assets: int, days: int) -> list[Comparison]:
    """empyrical as documented, a Series a call, and its quicker ways beside that.

    The target does not say which is meant: it stands in both rows of a series a call.
    """
    panel = inputs.daily_returns(days=days, assets=assets)
    each = np.ascontiguousarray(panel.T)
    index = pd.date_range("2020-01-01", periods=days)
    series = [pd.Series(returns, index=index) for returns in each]
    kernel = seconds(lambda: performance.statistics(each), runs=25)
    ways: tuple[tuple[str, float, Callable[[], object]], ...] = (
        ("a pandas Series a call", 15, lambda: [_peer(returns) for returns in series]),
        (
            "an array a call: the same target, read strictly",
            15,
            lambda: [_peer(returns) for returns in each],
        ),
        ("one matrix for all; no target set", 1, lambda: _peer(panel)),
    )
    return [
        Comparison(
            kernel=f"five statistics, {assets} × {days}",
            peer="empyrical",
            ratio=seconds(way) / kernel,
            target=target,
            note=note,
        )
        for note, target, way in ways
    ]


def _peer(returns: object) -> tuple[object, ...]:
    year = {"annualization": 365}
    return (
        empyrical.annual_return(returns, **year),
        empyrical.annual_volatility(returns, **year),
        empyrical.sharpe_ratio(returns, **year),
        empyrical.sortino_ratio(returns, **year),
        empyrical.max_drawdown(returns),
    )


def _tail_losses() -> Comparison:
    returns = inputs.daily_returns(days=365, assets=12)
    weights = inputs.weights(portfolios=PORTFOLIOS, assets=12)

    def peer() -> None:
        for row in weights[:FITS]:
            series = returns @ row
            empyrical.value_at_risk(series)
            empyrical.conditional_value_at_risk(series)

    kernel = seconds(lambda: tail_risk.historical(weights, returns)) / PORTFOLIOS
    return Comparison(
        kernel="value at risk and the mean beyond, 12 × 365",
        peer="empyrical",
        ratio=seconds(peer) / FITS / kernel,
        target=1,
        note="a portfolio a call; no target set",
    )
