"""Equal risk, optima under category caps and hierarchical risk parity, a portfolio at a time.

The kernels solve a batch in one call and the peers one portfolio a call, which is how each is
used. The peers get the same returns (skfolio estimates the same sample covariance from them) or
the covariance itself (PyPortfolioOpt), the same caps, and their models are built within the time,
since each portfolio is another model.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analytics.core import feasibility, hierarchical_risk_parity, mean_variance, risk_budgets
from analytics.core.feasibility import Bounds
from benchmarks.core.comparison import Comparison, seconds
from benchmarks.core.inputs import SEED, FloatArray, daily_returns

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pypfopt import EfficientFrontier
    from skfolio import RiskMeasure
    from skfolio.optimization import (
        HierarchicalRiskParity,
        MeanRisk,
        ObjectiveFunction,
        RiskBudgeting,
    )

PORTFOLIOS = 4096
PEER_PORTFOLIOS = 5
CATEGORIES = 4
ASSET_CAP = 0.35
EQUAL_RISK_RESIDUAL = 1e-10
OPTIMUM_RESIDUAL = 1e-8


@dataclass(frozen=True)
class Case:
    """Portfolios over the same assets, each with category caps of its own."""

    returns: FloatArray
    bounds: Bounds

    @property
    def name(self) -> str:
        return f"{self.returns.shape[1]} assets"

    @property
    def covariance(self) -> FloatArray:
        return np.asarray(np.cov(self.returns.T))

    @property
    def everything(self) -> np.ndarray:
        return np.ones(self.bounds.lower.shape, np.bool_)


def case(*, assets: int, days: int) -> Case:
    caps = np.random.default_rng(SEED).uniform(0.3, 0.6, (PORTFOLIOS, CATEGORIES))
    shape = (PORTFOLIOS, assets)
    bounds = feasibility.bounds(
        np.zeros(shape),
        np.full(shape, ASSET_CAP),
        np.arange(assets) % CATEGORIES,
        np.zeros_like(caps),
        caps,
    )
    return Case(daily_returns(days=days, assets=assets), bounds)


def compare() -> list[Comparison]:
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for of in (case(assets=12, days=365), case(assets=40, days=1500)):
            found += [_equal_risk(of), *_min_volatility(of), _max_sharpe(of), _hierarchical(of)]
    return found


def _equal_risk(of: Case) -> Comparison:
    def ours() -> None:
        solved = risk_budgets.equal_risk(of.covariance, of.everything)
        assert solved.residual.max() <= EQUAL_RISK_RESIDUAL

    def theirs(row: int) -> None:
        RiskBudgeting(risk_measure=RiskMeasure.VARIANCE).fit(of.returns)

    return _beside(of, ("equal risk", "skfolio RiskBudgeting"), ours, theirs, 2500)


def _min_volatility(of: Case) -> list[Comparison]:
    def ours() -> None:
        _assert_optimal(mean_variance.min_volatility(of.covariance, of.bounds))

    def skfolio(row: int) -> None:
        _skfolio(of, row, ObjectiveFunction.MINIMIZE_RISK)

    def pypfopt(row: int) -> None:
        categories = dict(enumerate(of.bounds.categories))
        caps = dict(enumerate(of.bounds.category_upper[row]))
        frontier = EfficientFrontier(None, of.covariance, weight_bounds=(0, ASSET_CAP))
        frontier.add_sector_constraints(categories, {}, caps)
        frontier.min_volatility()

    return [
        _beside(of, ("min volatility, category caps", "skfolio MeanRisk"), ours, skfolio, 100),
        _beside(of, ("min volatility, category caps", "PyPortfolioOpt"), ours, pypfopt, 60),
    ]


def _max_sharpe(of: Case) -> Comparison:
    expected = of.returns.mean(axis=0)

    def ours() -> None:
        _assert_optimal(mean_variance.max_sharpe(of.covariance, expected, of.bounds))

    def theirs(row: int) -> None:
        _skfolio(of, row, ObjectiveFunction.MAXIMIZE_RATIO)

    return _beside(of, ("max Sharpe, category caps", "skfolio MeanRisk"), ours, theirs, 100)


def _hierarchical(of: Case) -> Comparison:
    def ours() -> None:
        hierarchical_risk_parity.allocate(of.covariance, of.everything)

    def theirs(row: int) -> None:
        HierarchicalRiskParity().fit(of.returns)

    return _beside(of, ("hierarchical risk parity", "skfolio"), ours, theirs, 70)


def _skfolio(of: Case, row: int, objective: ObjectiveFunction) -> None:
    names = [f"asset{number}" for number in range(of.returns.shape[1])]
    groups = {
        name: [f"category{category}"]
        for name, category in zip(names, of.bounds.categories, strict=True)
    }
    caps = of.bounds.category_upper[row]
    MeanRisk(
        objective_function=objective,
        risk_measure=RiskMeasure.VARIANCE,
        max_weights=ASSET_CAP,
        groups=groups,
        linear_constraints=[f"category{number} <= {cap}" for number, cap in enumerate(caps)],
    ).fit(pd.DataFrame(of.returns, columns=names))


def _assert_optimal(optima: mean_variance.Optima) -> None:
    assert optima.feasibility.feasible.all()
    assert optima.residual.max() <= OPTIMUM_RESIDUAL


def _beside(
    of: Case,
    names: tuple[str, str],
    ours: Callable[[], None],
    theirs: Callable[[int], None],
    target: float,
) -> Comparison:
    kernel, peer = names
    our_time = seconds(ours) / PORTFOLIOS
    rows = iter(range(PORTFOLIOS))
    their_time = seconds(lambda: theirs(next(rows)), runs=PEER_PORTFOLIOS)
    note = (
        f"{our_time * 1e6:.1f} µs in a batch of {PORTFOLIOS}; "
        f"peer {their_time * 1e3:.1f} ms, one at a time"
    )
    return Comparison(f"{kernel}, {of.name}", peer, their_time / our_time, target, note=note)
