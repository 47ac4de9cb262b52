import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analytics.core import errors, rebalancing


@st.composite
def portfolios(draw):
    shape = (draw(st.integers(1, 5)), draw(st.integers(1, 7)))
    amounts = st.just(0.0) | st.floats(0.01, 1e9)
    values = draw(arrays.arrays(np.float64, shape, elements=amounts))
    values[:, 0] += 1.0
    raw = draw(arrays.arrays(np.float64, shape, elements=st.just(0.0) | st.floats(0.01, 1.0)))
    raw[:, -1] += 0.01
    fee_rate = draw(arrays.arrays(np.float64, shape[0], elements=st.floats(0.0, 0.999)))
    return values, raw / raw.sum(axis=1, keepdims=True), fee_rate


def test_drift_is_the_distance_from_the_target():
    drift = rebalancing.drift([[0.5, 0.5], [1.0, 0.0]], [[0.6, 0.4], [0.75, 0.25]])
    np.testing.assert_allclose(drift, [[-0.1, 0.1], [0.25, -0.25]])


def test_only_what_lies_beyond_the_edge_is_a_breach():
    # 0.3 - 0.25 is 0.04999..., 0.35 - 0.3 is 0.04999..., 0.65 - 0.6 is 0.05000000000000004.
    drift = rebalancing.drift([[0.65, 0.35, 0.0]], [[0.6, 0.3, 0.1]])
    assert rebalancing.breached(drift, [0.05]).tolist() == [[False, False, True]]
    assert rebalancing.breached(drift, [0.05 - 1e-9]).tolist() == [[True, True, True]]


def test_each_portfolio_has_its_own_band_and_both_sides_count():
    drift = [[0.07, -0.07], [0.07, -0.07]]
    assert rebalancing.breached(drift, [0.05, 0.10]).tolist() == [[True, True], [False, False]]


def test_selling_half_for_another_asset_by_hand():
    # 1,000 in one asset, half of it wanted in another, 1 % fee. Sell 500 + c/2, buy 500 - c/2:
    # traded 1,000, so c = 10.
    trades = rebalancing.trades_to_target([[1000.0, 0.0]], [[0.5, 0.5]], [0.01])
    np.testing.assert_allclose(trades.cost, [10.0], rtol=1e-14)
    np.testing.assert_allclose(trades.amounts, [[-505.0, 495.0]], rtol=1e-14)
    np.testing.assert_allclose(trades.one_way_turnover, [0.5], rtol=1e-14)


def test_selling_everything_by_hand():
    # All 1,000 into another asset at 1 %: sell 1,000, buy 1,000 - c, c = 0.01 (2,000 - c).
    trades = rebalancing.trades_to_target([[1000.0, 0.0]], [[0.0, 1.0]], [0.01])
    np.testing.assert_allclose(trades.cost, [20 / 1.01], rtol=1e-14)


def test_a_portfolio_on_target_trades_nothing_at_no_cost():
    trades = rebalancing.trades_to_target([[300.0, 700.0]], [[0.3, 0.7]], [0.01])
    np.testing.assert_allclose(trades.amounts, 0, atol=1e-12)
    np.testing.assert_allclose(trades.cost, 0, atol=1e-12)


@given(portfolios())
def test_the_portfolio_pays_its_own_fee_and_ends_on_target(case):
    values, targets, fee_rate = case
    trades = rebalancing.trades_to_target(values, targets, fee_rate)
    total = values.sum(axis=1)
    precision = 1e-13 * total
    assert (trades.cost >= 0).all()
    assert (trades.cost < total).all()
    traded = np.abs(trades.amounts).sum(axis=1)
    assert (np.abs(trades.amounts.sum(axis=1) + trades.cost) <= precision).all()
    assert (np.abs(trades.cost - fee_rate * traded) <= precision).all()
    after = values + trades.amounts
    off_target = after - targets * after.sum(axis=1, keepdims=True)
    assert (np.abs(off_target) <= precision[:, None]).all()
    np.testing.assert_allclose(trades.one_way_turnover, traded / total / 2)


def test_what_targets_miss_of_one_by_rounding_is_not_left_over():
    trades = rebalancing.trades_to_target([[700.0, 300.0]], [[0.5, 0.5 + 9e-10]], [0.01])
    np.testing.assert_allclose(trades.amounts.sum(), -trades.cost[0], rtol=1e-12)


@given(portfolios())
def test_the_cost_is_the_fixed_point_of_paying_the_fee(case):
    values, targets, _ = case
    total, fee_rate = values.sum(axis=1), 0.25
    cost = np.zeros(len(values))
    for _ in range(60):  # a contraction by the fee rate: 0.25 ** 60 is far below rounding
        cost = fee_rate * np.abs(targets * (total - cost)[:, None] - values).sum(axis=1)
    trades = rebalancing.trades_to_target(values, targets, np.full(len(values), fee_rate))
    assert (np.abs(trades.cost - cost) <= 1e-14 * total).all()


@given(portfolios())
def test_the_currency_only_scales_the_money(case):
    values, targets, fee_rate = case
    trades = rebalancing.trades_to_target(values, targets, fee_rate)
    scaled = rebalancing.trades_to_target(1024 * values, targets, fee_rate)
    np.testing.assert_array_equal(scaled.amounts, 1024 * trades.amounts)
    np.testing.assert_array_equal(scaled.one_way_turnover, trades.one_way_turnover)


def random_batch(rows, size, seed=0):
    generator = np.random.default_rng(seed)
    values = generator.lognormal(6, 2, (rows, size))
    return values, generator.dirichlet(np.ones(size), rows), generator.uniform(0, 0.02, rows)


def test_a_portfolio_alone_equals_the_same_one_in_a_batch():
    values, targets, fee_rate = random_batch(40, 12)
    batch = rebalancing.trades_to_target(values, targets, fee_rate)
    for row in (slice(0, 1), slice(25, 26)):
        alone = rebalancing.trades_to_target(values[row], targets[row], fee_rate[row])
        tiny = 1e-13 * values[row].sum()
        np.testing.assert_allclose(alone.amounts, batch.amounts[row], rtol=0, atol=tiny)
        np.testing.assert_allclose(alone.cost, batch.cost[row], rtol=1e-12)


def test_the_order_of_assets_does_not_matter():
    values, targets, fee_rate = random_batch(10, 8)
    order = np.random.default_rng(1).permutation(8)
    trades = rebalancing.trades_to_target(values, targets, fee_rate)
    permuted = rebalancing.trades_to_target(values[:, order], targets[:, order], fee_rate)
    np.testing.assert_allclose(permuted.amounts, trades.amounts[:, order], rtol=1e-9)


def test_targets_that_do_not_sum_to_one_are_refused_by_row():
    with pytest.raises(errors.WeightsSumError, match=r"row 1 sum to 0\.98"):
        rebalancing.trades_to_target(np.ones((2, 2)), [[0.5, 0.5], [0.5, 0.48]], [0.0, 0.0])


def test_a_worthless_portfolio_is_refused_by_row():
    with pytest.raises(errors.WorthlessPortfolioError, match="row 1"):
        rebalancing.trades_to_target([[1.0, 1.0], [0.0, 0.0]], np.full((2, 2), 0.5), [0.0, 0.0])


@pytest.mark.parametrize(
    ("values", "targets", "fee_rate", "error", "message"),
    [
        ([[1.0, -1.0]], [[0.5, 0.5]], [0.0], errors.NegativeValueError, "row 0, column 1"),
        ([[-1.0, 1.0]], [[0.5, 0.5]], [0.0], errors.NegativeValueError, "row 0, column 0"),
        ([[1.0, 1.0]], [[1.5, -0.5]], [0.0], errors.NegativeWeightError, "row 0, column 1"),
        ([[1.0, 1.0]], [[0.5, 0.5]], [1.0], errors.OutOfRangeError, "fee_rate at row 0"),
        ([[1.0, 1.0]], [[0.5, 0.5]], [-0.1], errors.OutOfRangeError, "fee_rate at row 0"),
        ([[1.0, np.nan]], [[0.5, 0.5]], [0.0], errors.NotFiniteError, "values.*column 1"),
        ([[1.0, 1.0]], [[0.5, 0.5]], [0.0, 0.0], errors.ShapeError, "fee_rate"),
        ([[1.0, 1.0]], [[0.2, 0.3, 0.5]], [0.0], errors.ShapeError, "target_weights"),
    ],
)
def test_unusable_trades_are_refused_by_name(values, targets, fee_rate, error, message):
    with pytest.raises(error, match=message):
        rebalancing.trades_to_target(values, targets, fee_rate)


def test_a_negative_band_is_refused_by_row():
    with pytest.raises(errors.OutOfRangeError, match="row 1"):
        rebalancing.breached(np.zeros((2, 3)), [0.05, -0.05])
    with pytest.raises(errors.ShapeError, match="band"):
        rebalancing.breached(np.zeros((2, 3)), [0.05, 0.05, 0.05])


def test_relative_drift_is_infinite_where_nothing_was_wanted():
    drift = rebalancing.relative_drift([[0.5, 0.45, 0.05, 0.0]], [[0.4, 0.6, 0.0, 0.0]])
    np.testing.assert_allclose(drift, [[0.25, -0.25, np.inf, 0.0]])


def test_each_position_may_have_a_band_of_its_own():
    breached = rebalancing.breached([[0.02, -0.02]], [[0.01, 0.03]])
    assert breached.tolist() == [[True, False]]


def test_half_way_is_half_the_drift():
    weights = rebalancing.part_way_weights([[0.7, 0.3]], [[0.5, 0.5]])
    np.testing.assert_allclose(weights, [[0.6, 0.4]])


def test_the_band_edge_by_hand():
    # The first sells 10 points to reach its edge. The others lack 9 and 6; with 10 bought and equal
    # bands, both end at the same distance: (9 + 6 - 10) / 2 = 2.5 points below target.
    weights, targets = [[0.65, 0.21, 0.14]], [[0.5, 0.3, 0.2]]
    edges = rebalancing.band_edge_weights(weights, targets, [[0.05, 0.05, 0.05]])
    np.testing.assert_allclose(edges, [[0.55, 0.275, 0.175]])


def test_within_the_bands_the_nearest_edge_is_where_it_is():
    weights = [[0.53, 0.47]]
    edges = rebalancing.band_edge_weights(weights, [[0.5, 0.5]], [[0.05, 0.05]])
    np.testing.assert_array_equal(edges, weights)


@given(portfolios(), st.floats(0.0, 0.3))
def test_the_band_edge_is_within_all_bands_at_the_least_turnover(case, width):
    values, targets, _ = case
    weights = values / values.sum(axis=1, keepdims=True)
    widths = np.minimum(width, 0.5 * targets)
    edges = rebalancing.band_edge_weights(weights, targets, widths)
    before, after = weights - targets, edges - targets
    np.testing.assert_allclose(edges.sum(axis=1), 1, rtol=1e-12)
    assert (edges >= 0).all()
    assert (np.abs(after) <= widths + 1e-12).all()
    assert (before * after >= -1e-12).all()  # no position crosses its target
    assert (np.abs(after) <= np.abs(before) + 1e-12).all()
    outside = np.maximum(np.abs(before) - widths, 0)
    least = np.maximum(*(np.where(side * before > 0, outside, 0).sum(axis=1) for side in (1, -1)))
    np.testing.assert_allclose(np.abs(edges - weights).sum(axis=1) / 2, least, atol=1e-12)


@given(portfolios(), st.sampled_from(["target", "edge", "half-way"]))
def test_no_mode_strays_further_than_the_cost(case, mode):
    values, targets, fee_rate = case
    total = values.sum(axis=1, keepdims=True)
    weights = values / total
    goal = {
        "target": lambda: targets,
        "edge": lambda: rebalancing.band_edge_weights(weights, targets, 0.1 * targets),
        "half-way": lambda: rebalancing.part_way_weights(weights, targets),
    }[mode]()
    trades = rebalancing.trades_to_target(values, goal, fee_rate)
    after = values + trades.amounts
    assert (after >= -1e-12 * total).all()
    after_weights = after / after.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(after_weights.sum(axis=1), 1, rtol=1e-12)
    off = np.abs(after_weights - targets).sum(axis=1)
    assert (off <= np.abs(weights - targets).sum(axis=1) + trades.cost / total[:, 0] + 1e-9).all()


def test_what_may_not_trade_stays_and_the_rest_keeps_its_proportions():
    trades = rebalancing.trades_to_target(
        [[400.0, 300.0, 300.0]], [[0.2, 0.4, 0.4]], [0.0], tradable=[[False, True, True]]
    )
    np.testing.assert_allclose(trades.amounts, [[0.0, 0.0, 0.0]], atol=1e-12)
    trades = rebalancing.trades_to_target(
        [[400.0, 500.0, 100.0]], [[0.2, 0.4, 0.4]], [0.0], tradable=[[False, True, True]]
    )
    np.testing.assert_allclose(trades.amounts, [[0.0, -200.0, 200.0]])


def test_what_is_never_sold_may_be_bought():
    values, targets = [[700.0, 200.0, 100.0]] * 2, [[0.5, 0.1, 0.4], [0.8, 0.1, 0.1]]
    trades = rebalancing.trades_to_target(
        values, targets, [0.0, 0.0], never_sold=[[True, False, False]] * 2
    )
    np.testing.assert_allclose(trades.amounts, [[0.0, -140.0, 140.0], [100.0, -100.0, 0.0]])


def test_where_only_unwanted_assets_may_trade_nothing_does():
    trades = rebalancing.trades_to_target(
        [[500.0, 500.0]], [[1.0, 0.0]], [0.01], tradable=[[False, True]]
    )
    assert trades.amounts.tolist() == [[0.0, 0.0]]
    assert trades.cost.tolist() == [0.0]


@given(portfolios(), st.integers(0, 2**32 - 1))
def test_holdouts_are_kept_and_the_fee_is_still_paid_by_the_rest(case, seed):
    values, targets, fee_rate = case
    generator = np.random.default_rng(seed)
    tradable, never_sold = generator.random((2, *values.shape)) < 0.5
    trades = rebalancing.trades_to_target(
        values, targets, fee_rate, tradable=tradable, never_sold=never_sold
    )
    precision = 1e-12 * values.sum(axis=1, keepdims=True)
    assert np.isfinite(trades.amounts).all()
    assert (trades.amounts[~tradable] == 0).all()
    assert (trades.amounts[never_sold] >= 0).all()
    assert (values + trades.amounts >= -precision).all()
    traded = np.abs(trades.amounts).sum(axis=1)
    assert (np.abs(trades.cost - fee_rate * traded) <= precision[:, 0]).all()
    assert (np.abs(trades.amounts.sum(axis=1) + trades.cost) <= precision[:, 0]).all()
