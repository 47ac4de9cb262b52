"""A batch of band backtests over five years, beside bt."""

import warnings
from statistics import median
from time import perf_counter

import numpy as np

from analytics.core import backtests, bands
from benchmarks.core import inputs
from benchmarks.core.comparison import Comparison, seconds
from benchmarks.core.inputs import FloatArray

DAYS, ASSETS, POLICIES = 1825, 12, 1000
RELATIVE_BAND, FEE_RATE = 0.25, 0.003
PEER_POLICIES = 9


def compare() -> list[Comparison]:
    returns = inputs.daily_returns(days=DAYS - 1, assets=ASSETS)
    closes = 100 * np.vstack([np.ones(ASSETS), np.cumprod(1 + returns, axis=0)])
    targets = np.random.default_rng(inputs.SEED).dirichlet(np.full(ASSETS, 12.0), POLICIES)
    # A band relative to the target is the only one that bt knows.
    widths = bands.half_widths(targets, np.ones(POLICIES), np.full(POLICIES, RELATIVE_BAND))

    def batch() -> object:
        return backtests.run(closes, targets, half_widths=widths, fee_rate=FEE_RATE, delay=0)

    batch()
    # In turns, so that a busy machine slows both.
    times = [
        (_bt_seconds(closes, weights), seconds(batch, runs=1))
        for weights in targets[:PEER_POLICIES]
    ]
    peer, ours = (median(side) for side in zip(*times, strict=True))
    return [
        Comparison(
            kernel=f"band backtest, {DAYS:,} days × {ASSETS}",
            peer="bt",
            ratio=peer / (ours / POLICIES),
            target=2000,
            note=f"a policy; ours {POLICIES:,} at once, fees of 30 bp paid; bt {PEER_POLICIES}",
        )
    ]


def _bt_seconds(closes: FloatArray, weights: FloatArray) -> float:
    """One policy, from strategy to values and turnover; no statistics."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import bt
        import pandas as pd

        names = [f"asset {column}" for column in range(closes.shape[1])]
        frame = pd.DataFrame(closes, pd.date_range("2020-01-01", periods=len(closes)), names)
        start = perf_counter()
        algos = [
            bt.algos.WeighSpecified(**dict(zip(names, weights, strict=True))),
            bt.algos.RunIfOutOfBounds(RELATIVE_BAND),
            bt.algos.Rebalance(),
        ]
        backtest = bt.Backtest(
            bt.Strategy("band", algos),
            frame,
            integer_positions=False,
            progress_bar=False,
            commissions=lambda quantity, price: abs(quantity) * price * FEE_RATE,
        )
        backtest.run()
        backtest.turnover  # noqa: B018 (it is computed when asked for)
        return perf_counter() - start
