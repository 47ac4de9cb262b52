"""Risk contributions beside the matrix product that they cannot do without."""

import numpy as np

from analytics.core import risk
from benchmarks.core import inputs
from benchmarks.core.comparison import Comparison, seconds

PORTFOLIOS, ASSETS, DAYS = 100_000, 40, 1500


def compare() -> list[Comparison]:
    weights = inputs.weights(portfolios=PORTFOLIOS, assets=ASSETS)
    covariance = np.cov(inputs.daily_returns(days=DAYS, assets=ASSETS).T)
    product = seconds(lambda: weights @ covariance, runs=9)
    kernel = seconds(lambda: risk.contributions(weights, covariance), runs=9)
    return [
        Comparison(
            kernel=f"risk contributions, {PORTFOLIOS:,} × {ASSETS}",
            peer="this machine's dgemm",
            ratio=kernel / product,
            target=4,
            is_limit=True,
            note=f"product {product * 1e3:.1f} ms",
        )
    ]
