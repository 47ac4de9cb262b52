"""What `analytics.core` promises of every kernel with a batch of portfolios.

A new kernel with an axis of b portfolios belongs into KERNELS.
"""

import inspect
import pkgutil
import re
import tracemalloc
from dataclasses import dataclass, fields, is_dataclass, replace
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import analytics.core
from analytics.core import (
    additions,
    bands,
    cash_shares,
    cash_trades,
    category_targets,
    costs,
    counted_holdings,
    drawdowns,
    equilibrium,
    errors,
    feasibility,
    hierarchical_risk_parity,
    mean_variance,
    orders,
    performance,
    position_sizes,
    rates_of_return,
    rebalancing,
    risk,
    risk_budgets,
    sharpe_ratios,
    tail_risk,
    weight_paths,
)

N, N_CATEGORIES = 7, 3
N_DAYS = 90


@dataclass(frozen=True)
class Case:
    """b portfolios of the same n assets; money, weights and everything that goes with them."""

    weights: np.ndarray
    targets: np.ndarray
    included: np.ndarray
    value: np.ndarray
    fee: np.ndarray
    band: np.ndarray
    series: np.ndarray
    returns: np.ndarray
    categories: np.ndarray
    prices: np.ndarray
    columns: np.ndarray

    @property
    def values(self):
        return self.weights * self.value[:, None]

    @property
    def covariance(self):
        return np.cov(self.returns.T)

    @property
    def half_widths(self):
        return bands.half_widths(self.targets, self.band)

    @property
    def bounds(self):
        caps = np.full((len(self.value), N_CATEGORIES), 0.9)
        return feasibility.bounds(
            np.zeros(self.weights.shape), self.included * 0.9, self.categories, caps * 0, caps
        )

    @property
    def amounts(self):
        return self.value[:, None] * (self.targets - self.weights)

    def of(self, rows):
        """Some of the portfolios."""
        batched = ("weights", "targets", "included", "value", "fee", "band", "series")
        return self._with({name: getattr(self, name)[rows] for name in batched})

    def permuted(self, order):
        """The same portfolios, their assets in another order."""
        by_portfolio = {name: getattr(self, name)[:, order] for name in
                        ("weights", "targets", "included", "returns")}  # fmt: skip
        by_asset = {name: getattr(self, name)[order] for name in
                    ("categories", "prices", "columns")}  # fmt: skip
        return self._with(by_portfolio | by_asset)

    def column(self, number):
        """Where the asset that was in this column at first is now."""
        return int(np.flatnonzero(self.columns == number)[0])

    def _with(self, changes):
        return Case(**{each.name: getattr(self, each.name) for each in fields(self)} | changes)


def case(b, seed=0, *, n=N, n_days=N_DAYS):
    rng = np.random.default_rng(seed)
    returns = 0.03 * rng.standard_t(5, (n_days, 1)) + 0.03 * rng.standard_t(5, (n_days, n))
    included = rng.random((b, n)) < 0.7
    included[:, :2] = True
    targets = rng.dirichlet(np.ones(n), b) * included
    return Case(
        weights=rng.dirichlet(np.ones(n), b),
        targets=targets / targets.sum(axis=1, keepdims=True),
        included=included,
        value=rng.lognormal(9, 2, b),
        fee=rng.uniform(0, 0.01, b),
        band=rng.uniform(0.01, 0.1, b),
        series=np.clip(rng.standard_t(4, (b, n_days)) * 0.03, -0.9, None),
        returns=np.clip(returns, -0.9, None),
        categories=np.arange(n) % N_CATEGORIES,
        prices=rng.lognormal(0, 3, n),
        columns=np.arange(n),
    )


def paths(c):
    return np.cumprod(1 + c.series, axis=1)


def moments(c):
    return {"days": np.full(len(c.value), 100.0), "skewness": -c.band, "kurtosis": 3 + c.band}


def priced(c):
    return costs.trading_costs(
        c.amounts, c.value, fee_rate=c.fee, half_spread=0.01 / (1 + c.prices),
        daily_volatility=c.returns.std(axis=0), daily_volume=1e6 * c.prices,
        volume_if_unknown=1e6 * c.prices,
    )  # fmt: skip


def resolved(c):
    return category_targets.resolve(
        c.values, c.included, 0 * c.weights,
        categories=np.broadcast_to(c.categories, c.weights.shape),
        category_targets=np.full((len(c.value), N_CATEGORIES), 1 / N_CATEGORIES),
        stand_ins=[c.column(number) for number in range(N_CATEGORIES)],
    )  # fmt: skip


def sized(c):
    entry = c.value
    return position_sizes.size(
        1e6 * c.fee + 1, c.band, entry, entry * 0.9, entry[:, None] * [1.1, 1.2, 1.5],
        fee_rate=c.fee,
    )  # fmt: skip


def money_weighted(c):
    flows = np.stack([c.value, -c.band * c.value], axis=1)
    return rates_of_return.money_weighted(flows, c.value * (1 + c.band), [0, 400])


KERNELS = {
    "additions.add": lambda c: additions.add(
        c.weights, c.covariance, shares=c.fee[:, None], most=0.5 * c.band[:, None]
    ),
    "bands.category_weights": lambda c: bands.category_weights(
        c.weights, c.categories, N_CATEGORIES
    ),
    "bands.effective_range": lambda c: bands.effective_range(c.targets, c.half_widths),
    "bands.half_widths": lambda c: bands.half_widths(c.targets, c.band, 3 * c.band),
    "bands.next_episodes": lambda c: bands.next_episodes(
        c.weights - c.targets, c.half_widths, c.band > 0.05, np.zeros(len(c.band), int)
    ),
    "bands.no_trade_half_width": lambda c: bands.no_trade_half_width(c.targets, 0.005),
    "cash_shares.least": lambda c: cash_shares.least(
        0.3 * (c.weights - c.targets), 0.1 + c.band
    ),
    "cash_trades.invest": lambda c: cash_trades.invest(c.values, c.targets, c.fee, 0.1 * c.value),
    "cash_trades.raise_cash": lambda c: cash_trades.raise_cash(
        c.values, c.targets, c.fee, 0.1 * c.value
    ),
    "category_targets.category_weights": lambda c: category_targets.category_weights(
        c.weights, c.included, np.broadcast_to(c.categories, c.weights.shape), N_CATEGORIES
    ),
    "category_targets.resolve": resolved,
    "counted_holdings.grouped": lambda c: counted_holdings.grouped(
        c.values, c.prices, coins=np.where(c.columns == 1, c.column(0), -1)
    ),
    "counted_holdings.shares": lambda c: counted_holdings.shares(
        c.values, is_money=c.categories == 0, set_aside=~c.included,
        dry_powder=c.included.all(axis=1), reserves=c.fee * c.value,
    ),
    "costs.benefit": lambda c: costs.benefit(c.weights, c.targets, c.covariance, c.returns),
    "costs.trading_costs": priced,
    "costs.verdict": lambda c: costs.verdict(c.fee, c.band, c.band > 0.05),
    "drawdowns.series": lambda c: drawdowns.series(paths(c)),
    "drawdowns.statistics": lambda c: drawdowns.statistics(paths(c), np.arange(c.series.shape[1])),
    "equilibrium.equal_weights": lambda c: equilibrium.equal_weights(c.included),
    "feasibility.bounds": lambda c: c.bounds.upper,
    "feasibility.check": lambda c: feasibility.check(c.bounds).feasible,
    "hierarchical_risk_parity.allocate": lambda c: hierarchical_risk_parity.allocate(
        c.covariance, c.included
    ),
    "mean_variance.max_sharpe": lambda c: mean_variance.max_sharpe(
        c.covariance, np.sqrt(np.diag(c.covariance)), c.bounds
    ).weights,
    "mean_variance.min_volatility": lambda c: mean_variance.min_volatility(
        c.covariance, c.bounds
    ).weights,
    "orders.place": lambda c: orders.place(
        c.amounts, c.values, c.prices, c.fee, minimum=0.001 * c.value[:, None],
        lot_sizes=0.01 / c.prices,
    ),
    "performance.statistics": lambda c: performance.statistics(c.series),
    "position_sizes.size": sized,
    "rates_of_return.money_weighted": money_weighted,
    "rates_of_return.time_weighted": lambda c: rates_of_return.time_weighted(
        1 + 0 * c.series, 0.5 * c.series[:, 1:]
    ),
    "rebalancing.band_edge_weights": lambda c: rebalancing.band_edge_weights(
        c.weights, c.targets, c.half_widths
    ),
    "rebalancing.breached": lambda c: rebalancing.breached(c.weights - c.targets, c.band),
    "rebalancing.drift": lambda c: rebalancing.drift(c.weights, c.targets),
    "rebalancing.part_way_weights": lambda c: rebalancing.part_way_weights(c.weights, c.targets),
    "rebalancing.relative_drift": lambda c: rebalancing.relative_drift(c.weights, c.targets),
    "rebalancing.trades_to_target": lambda c: rebalancing.trades_to_target(
        c.values, c.targets, c.fee, tradable=c.included, never_sold=c.targets > 0.3
    ),
    "risk.average_correlation": lambda c: risk.average_correlation(
        np.corrcoef(c.returns.T), c.included
    ),
    "risk.contributions": lambda c: risk.contributions(c.weights, c.covariance),
    "risk.diversification": lambda c: risk.diversification(c.weights, c.covariance),
    "risk.relation_to_benchmark": lambda c: risk.relation_to_benchmark(
        c.weights, c.covariance, 1.0 * (c.columns == 0)
    ),
    "risk.risk_score": lambda c: risk.risk_score(c.weights, c.categories),
    "risk_budgets.allocate": lambda c: risk_budgets.allocate(c.covariance, c.targets),
    "risk_budgets.equal_risk": lambda c: risk_budgets.equal_risk(c.covariance, c.included),
    "sharpe_ratios.annualisation": lambda c: sharpe_ratios.annualisation(
        np.stack([c.band, -c.band / 2], axis=1)
    ),
    "sharpe_ratios.deflated": lambda c: sharpe_ratios.deflated(
        c.band, trials=20, variance_of_trials=1e-3, **moments(c)
    ),
    "sharpe_ratios.estimate": lambda c: sharpe_ratios.estimate(c.series),
    "sharpe_ratios.probabilistic": lambda c: sharpe_ratios.probabilistic(c.band, **moments(c)),
    "tail_risk.filtered": lambda c: tail_risk.filtered(c.weights, c.returns),
    "tail_risk.historical": lambda c: tail_risk.historical(c.weights, c.returns),
    "weight_paths.along_weight": lambda c: weight_paths.along_weight(
        c.weights, c.covariance, c.column(0), [0.0, 0.2, 0.7, 1.0]
    ),
}  # fmt: skip


SLOW = {name for name in KERNELS if name.startswith(("mean_variance", "risk_budgets"))}


def outputs(found):
    """Name to array of all that a kernel answers per portfolio."""
    if is_dataclass(found):
        named = {each.name: getattr(found, each.name) for each in fields(found)}
        return {name: np.asarray(each) for name, each in named.items() if np.ndim(each)}
    return {"": np.asarray(found)}


@pytest.mark.parametrize("name", KERNELS)
def test_a_portfolio_alone_equals_the_same_one_in_a_batch(name):
    many = case(40)
    batch = outputs(KERNELS[name](many))
    for row in (0, 17, 39):
        alone = outputs(KERNELS[name](many.of(slice(row, row + 1))))
        for output, expected in batch.items():
            same(alone[output], expected[row : row + 1])


@pytest.mark.parametrize("name", KERNELS)
def test_no_portfolio_is_no_answer_and_no_error(name):
    for answer in outputs(KERNELS[name](case(3).of(slice(0, 0)))).values():
        assert len(answer) == 0


@pytest.mark.parametrize("name", KERNELS)
@settings(max_examples=8)
@given(seed=st.integers(0, 2**32 - 1), b=st.integers(1, 5))
def test_nothing_comes_out_as_nan(name, seed, b):
    for answer in outputs(KERNELS[name](case(b, seed))).values():
        assert not np.isnan(answer).any() or answer.dtype.kind == "M"


# Leaves that are ordered as the columns come (see its docstring), and columns that are days.
ORDERED = {"hierarchical_risk_parity.allocate", "cash_shares.least"}


@pytest.mark.parametrize("name", sorted(KERNELS.keys() - ORDERED))
@settings(max_examples=5)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_assets_does_not_matter(name, seed):
    plain = case(4, seed)
    order = np.random.default_rng(seed).permutation(N)
    permuted = outputs(KERNELS[name](plain.permuted(order)))
    for output, expected in outputs(KERNELS[name](plain)).items():
        by_asset = expected.ndim == 2 and expected.shape[1] == N
        same(permuted[output], expected[:, order] if by_asset else expected)


def same(one, other):
    if one.dtype.kind == "f":
        np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-9)
    else:
        np.testing.assert_array_equal(one, other)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, on the way to the kernel
@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", KERNELS)
def test_what_is_not_finite_is_refused_and_its_place_is_told(name, broken):
    usable = case(5)
    answer = outputs(KERNELS[name](usable))
    for field in ("weights", "targets", "value", "fee", "band", "series", "returns", "prices"):
        array = getattr(usable, field).copy()
        array[3 if array.ndim == 1 else (3, 2)] = broken
        found, refusal = answer, None
        try:
            found = outputs(KERNELS[name](replace(usable, **{field: array})))
        except errors.CoreError as error:
            refusal = str(error)
        assert refusal is None or re.search(r"(row|column)s? \d", refusal), f"{field}: {refusal}"
        for output, expected in answer.items():
            np.testing.assert_array_equal(found[output], expected, f"{field} is not refused")


@pytest.fixture(scope="module")
def twenty_thousand():
    return {n: case(20_000, n=n) for n in (12, 40)}


@pytest.mark.parametrize("name", KERNELS)
def test_a_hundred_thousand_portfolios_stay_under_300_mb(name, twenty_thousand):
    # A fifth of them under a fifth of it, which is stricter: some memory does not grow with them.
    many = twenty_thousand[12 if name in SLOW else 40]
    tracemalloc.start()
    KERNELS[name](many)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300e6 / 5


def documented():
    """Name to docstring of every public function that takes arrays from outside."""
    for module in pkgutil.iter_modules(analytics.core.__path__):
        if module.name == "arrays":
            continue
        members = inspect.getmembers(import_module(f"analytics.core.{module.name}"))
        for name, each in members:
            if (
                inspect.isfunction(each)
                and each.__module__ == f"analytics.core.{module.name}"
                and not name.startswith(("_", "require_"))
                and "ArrayLike" in str(inspect.signature(each))
            ):
                yield f"{module.name}.{name}", inspect.getdoc(each) or ""


def test_no_kernel_with_portfolios_is_forgotten():
    assert {name for name, doc in documented() if "shape (b" in doc} <= KERNELS.keys()


def test_every_kernel_says_what_it_refuses():
    says = ("Raises\n---", "As `", "as `", "errors are those of")
    silent = {name for name, doc in documented() if not any(words in doc for words in says)}
    assert silent <= {"hysteresis.days_in_state"}  # any states will do
