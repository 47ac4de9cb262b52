"""Drift, bands and trades of a million portfolios, beside copying their arrays."""

import numpy as np

from analytics.core import bands, rebalancing
from benchmarks.core import inputs
from benchmarks.core.comparison import Comparison, seconds

PORTFOLIOS, ASSETS = 1_000_000, 12


def compare() -> list[Comparison]:
    rng = np.random.default_rng(inputs.SEED)
    targets = inputs.weights(portfolios=PORTFOLIOS, assets=ASSETS)
    values = targets * rng.lognormal(0, 0.3, targets.shape)
    values *= rng.lognormal(9, 1, (PORTFOLIOS, 1))
    weights = values / values.sum(axis=1, keepdims=True)
    fee_rate, absolute, relative = (np.full(PORTFOLIOS, each) for each in (0.003, 0.05, 0.25))

    def rebalance() -> None:
        drift = rebalancing.drift(weights, targets)
        rebalancing.breached(drift, bands.half_widths(targets, absolute, relative))
        rebalancing.trades_to_target(values, targets, fee_rate)

    arrays = (values, weights, targets)
    copies = [np.empty_like(array) for array in arrays]

    def copy() -> None:
        for array, into in zip(arrays, copies, strict=True):
            np.copyto(into, array)

    return [
        Comparison(
            kernel=f"drift, bands, trades, {PORTFOLIOS:,} × {ASSETS}",
            peer="copy of their arrays",
            ratio=seconds(rebalance) / seconds(copy),
            target=15,
            is_limit=True,
            note="values, weights and targets, copied into memory that is already there",
        )
    ]
