"""Covariance through time, shrunk covariance and the stability of clusters."""

import warnings

import numpy as np
import pandas as pd
from sklearn.cluster import AgglomerativeClustering

from analytics.core import clusters, correlation, covariance_series, shrinkage
from benchmarks.core.comparison import Comparison, seconds
from benchmarks.core.inputs import FloatArray, daily_returns

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pypfopt.risk_models import CovarianceShrinkage
    from sklearn.covariance import ledoit_wolf

WINDOW = 90
HALFLIFE = 30.0
DRAWS = 100


def compare() -> list[Comparison]:
    year = daily_returns(days=365, assets=40)
    panels = (daily_returns(days=365, assets=12), daily_returns(days=1500, assets=40))
    through_time = [compared(panel) for panel in panels for compared in (_rolling, _ewma)]
    return [
        *through_time,
        _constant_correlation(year),
        _identity(year),
        _clusters(year),
    ]


def _rolling(returns: FloatArray) -> Comparison:
    frame = pd.DataFrame(returns)
    peer = seconds(lambda: frame.rolling(WINDOW).cov())
    own = seconds(lambda: covariance_series.rolling(returns, window=WINDOW), runs=15)
    return Comparison(
        kernel=f"rolling covariance, {WINDOW} days, {len(returns)} × {returns.shape[1]}",
        peer="pandas",
        ratio=peer / own,
        target=10,
        note=f"{own * 1e3:.2f} ms against {peer * 1e3:.0f} ms, the matrices of all days",
    )


def _ewma(returns: FloatArray) -> Comparison:
    frame = pd.DataFrame(returns)
    peer = seconds(lambda: frame.ewm(halflife=HALFLIFE).cov(bias=True))
    own = seconds(lambda: covariance_series.ewma(returns, halflife=HALFLIFE, centred=True), runs=15)
    return Comparison(
        kernel=f"EWMA covariance, {len(returns)} × {returns.shape[1]}",
        peer="pandas",
        ratio=peer / own,
        target=10,
        note=f"{own * 1e3:.2f} ms against {peer * 1e3:.0f} ms, both about weighted means",
    )


def _constant_correlation(returns: FloatArray) -> Comparison:
    frame = pd.DataFrame(returns)

    def shrink() -> object:
        peer = CovarianceShrinkage(frame, returns_data=True, frequency=1)
        return peer.ledoit_wolf("constant_correlation")

    peer = seconds(shrink, runs=15)
    own = seconds(lambda: shrinkage.constant_correlation(returns), runs=15)
    return Comparison(
        kernel="Ledoit–Wolf, constant correlation, 365 × 40",
        peer="PyPortfolioOpt",
        ratio=peer / own,
        target=1,
        note=f"{own * 1e3:.2f} ms; both see to definiteness",
    )


def _identity(returns: FloatArray) -> Comparison:
    peer = seconds(lambda: ledoit_wolf(returns), runs=15)
    own = seconds(lambda: shrinkage.identity(returns), runs=15)
    return Comparison(
        kernel="Ledoit–Wolf, identity, 365 × 40",
        peer="scikit-learn",
        ratio=peer / own,
        target=1,
        note=f"{own * 1e3:.2f} ms, with gaps and definiteness checked",
    )


def _clusters(returns: FloatArray) -> Comparison:
    """The same resampled histories, correlated, clustered and compared with the first clusters."""
    found = clusters.find(correlation.pairwise(returns).correlation)
    generator = np.random.default_rng(0)
    height = np.sqrt(2 * (1 - clusters.THRESHOLD))

    def resample() -> None:
        for _ in range(DRAWS):
            starts = generator.integers(len(returns), size=(19, 1))
            days = ((starts + np.arange(20)) % len(returns)).ravel()[: len(returns)]
            rho = np.corrcoef(returns[days].T)
            AgglomerativeClustering(
                n_clusters=None,
                metric="precomputed",
                linkage="average",
                distance_threshold=height,
            ).fit(np.sqrt(2 * np.maximum(1 - rho, 0)))

    peer = seconds(resample)
    own = seconds(lambda: clusters.stability(returns, found.labels, draws=DRAWS))
    return Comparison(
        kernel=f"stability of clusters, {DRAWS} draws, 365 × 40",
        peer="scikit-learn",
        ratio=peer / own,
        target=1,
        note=f"{own * 1e3:.0f} ms; the peer without the comparison with the first clusters",
    )
