"""The inputs of all comparisons: one market factor, a few groups, a seed."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

SEED = 20260101
DAILY_VOLATILITY = 0.045


def daily_returns(*, days: int, assets: int, seed: int = SEED) -> FloatArray:
    """Simple daily returns (days, assets) that move together as coins do."""
    rng = np.random.default_rng(seed)
    groups = np.arange(assets) % 4
    shocks = (
        0.7 * rng.standard_normal((days, 1))
        + 0.4 * rng.standard_normal((days, 4))[:, groups]
        + 0.6 * rng.standard_normal((days, assets))
    )
    scale = DAILY_VOLATILITY * rng.uniform(0.4, 1.8, assets)
    returns: FloatArray = np.expm1(scale * shocks - 0.5 * scale**2)
    return returns


def weights(*, portfolios: int, assets: int, seed: int = SEED) -> FloatArray:
    """Long-only weights (portfolios, assets) that sum to one."""
    drawn: FloatArray = np.random.default_rng(seed).dirichlet(np.ones(assets), portfolios)
    return drawn
