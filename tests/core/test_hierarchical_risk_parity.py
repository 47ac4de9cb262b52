import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from analytics.core import errors, hierarchical_risk_parity


def daily_returns(assets, days=300, seed=0):
    rng = np.random.default_rng(seed)
    market, own = rng.normal(size=(days, 1)), rng.normal(size=(days, assets))
    return (0.7 * market + own * rng.uniform(0.3, 1.5, assets)) * 0.03


def pypfopt_weights(returns):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pypfopt import HRPOpt

        found = HRPOpt(pd.DataFrame(returns)).optimize()
    return np.array([found[column] for column in range(returns.shape[1])])


def everything(covariance):
    return np.ones((1, len(covariance)), bool)


def test_two_assets_are_weighted_by_inverse_variance():
    weights = hierarchical_risk_parity.allocate(np.diag([1.0, 3.0]), [[True, True]])
    np.testing.assert_allclose(weights, [[0.75, 0.25]], rtol=1e-14)


def test_four_assets_in_two_pairs_by_hand():
    # Pairs 0, 2 and 1, 3 are merged first; a pair's variance at ρ = 0.5 is (2 + 1) / 4 of one's.
    covariance = np.eye(4)
    covariance[0, 2] = covariance[2, 0] = 0.5
    covariance[1, 3] = covariance[3, 1] = 0.5
    covariance[np.ix_([1, 3], [1, 3])] *= 2
    weights = hierarchical_risk_parity.allocate(covariance, everything(covariance))
    np.testing.assert_allclose(weights, [[1 / 3, 1 / 6, 1 / 3, 1 / 6]], rtol=1e-14)


@pytest.mark.parametrize("assets", [2, 3, 5, 12, 27])
def test_pypfopt_finds_the_same_to_the_last_digits(assets):
    for seed in range(3):
        returns = daily_returns(assets, seed=seed)
        covariance = np.cov(returns.T)
        ours = hierarchical_risk_parity.allocate(covariance, everything(covariance))[0]
        np.testing.assert_allclose(ours, pypfopt_weights(returns), atol=1e-12)


def test_pypfopt_finds_the_same_on_real_prices(market_directory):
    closes = {
        path.stem: pd.read_csv(path, index_col="date", parse_dates=["date"])["close"]
        for path in sorted(market_directory.glob("*.csv"))
        if path.stem in {"ADA", "ATOM", "BNB", "BTC", "DOGE", "ETH", "LINK", "LTC"}
    }
    returns = pd.DataFrame(closes).pct_change(fill_method=None).dropna().to_numpy()[-365:]
    covariance = np.cov(returns.T)
    ours = hierarchical_risk_parity.allocate(covariance, everything(covariance))[0]
    np.testing.assert_allclose(ours, pypfopt_weights(returns), atol=1e-12)


@given(st.integers(2, 12), st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_the_leaves_stand_as_in_scipys_tree(size, seed, levels):
    # Few distinct distances, so that there are ties.
    points = np.random.default_rng(seed).integers(0, levels + 1, (size, size)) / levels
    distance = np.triu(points, 1) + np.triu(points, 1).T
    expected = leaves_list(linkage(squareform(distance), "single"))
    columns = np.arange(size)[None]
    order = hierarchical_risk_parity._leaf_order(distance, columns)[0]
    assert order.tolist() == expected.tolist()


@given(st.integers(1, 9), st.integers(0, 2**32 - 1), st.floats(-1, 2))
def test_weights_are_positive_and_sum_to_one_whatever_the_covariance(size, seed, market):
    rng = np.random.default_rng(seed)
    loadings = rng.normal(market, 1, (size, rng.integers(1, size + 3)))
    included = rng.random((4, size)) < 0.7
    included[:, 0] = True
    weights = hierarchical_risk_parity.allocate(loadings @ loadings.T, included)
    assert np.isfinite(weights).all()
    assert (weights >= 0).all()
    assert (weights[~included] == 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-12)


def test_a_portfolio_alone_equals_the_same_one_in_a_batch_bit_for_bit():
    rng = np.random.default_rng(1)
    covariance, included = np.cov(daily_returns(20).T), rng.random((2000, 20)) < 0.5
    included[:, 0] = True
    batch = hierarchical_risk_parity.allocate(covariance, included)
    for row in (0, 777, 1999):
        alone = hierarchical_risk_parity.allocate(covariance, included[row : row + 1])[0]
        assert (alone == batch[row]).all()


def test_assets_outside_the_portfolio_change_nothing():
    covariance, inside = np.cov(daily_returns(9).T), np.array([1, 4, 7, 8])
    wide = hierarchical_risk_parity.allocate(covariance, np.isin(np.arange(9), inside)[None])
    narrow = covariance[np.ix_(inside, inside)]
    np.testing.assert_array_equal(
        wide[:, inside], hierarchical_risk_parity.allocate(narrow, everything(narrow))
    )


def test_the_unit_of_the_covariance_does_not_matter():
    covariance = np.cov(daily_returns(8).T)
    weights = hierarchical_risk_parity.allocate(covariance, everything(covariance))
    scaled = hierarchical_risk_parity.allocate(4096 * covariance, everything(covariance))
    np.testing.assert_allclose(scaled, weights, rtol=1e-13)


def test_two_assets_that_cancel_each_other_split_evenly():
    opposed = np.array([[1.0, -1.0, 0.0, 0.0], [-1.0, 1.0, 0.0, 0.0]])
    covariance = np.vstack([opposed, np.roll(opposed, 2, axis=1)])
    assert np.isfinite(hierarchical_risk_parity.allocate(covariance, everything(covariance))).all()


def test_an_empty_batch_is_an_empty_answer():
    assert hierarchical_risk_parity.allocate(np.eye(2), np.ones((0, 2), bool)).shape == (0, 2)


@pytest.mark.parametrize(
    ("covariance", "included", "error", "message"),
    [
        (np.diag([1.0, 0.0]), [[True, True]], errors.ZeroVolatilityError, "column 1"),
        (np.eye(2), [[True, True], [False, False]], errors.WeightsSumError, "row 1"),
        ([[1.0, 2.0], [2.0, 1.0]], [[True, True]], errors.NotPositiveSemidefiniteError, "columns"),
        ([[np.nan, 0.0], [0.0, 1.0]], [[True, True]], errors.NotFiniteError, "covariance"),
        (np.eye(3), [[True, True]], errors.ShapeError, "covariance"),
        (np.eye(2), [[1, 1]], errors.ShapeError, "booleans"),
    ],
)
def test_unusable_input_is_refused_by_name(covariance, included, error, message):
    with pytest.raises(error, match=message):
        hierarchical_risk_parity.allocate(covariance, included)
