import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analytics.core import errors, risk


def random_covariance(size, seed=0):
    factors = np.random.default_rng(seed).normal(size=(size, size + 3)) * 0.02
    return factors @ factors.T


@st.composite
def portfolios_and_covariance(draw):
    size = draw(st.integers(1, 6))
    loadings = draw(arrays.arrays(np.float64, (size, size), elements=st.floats(-0.2, 0.2)))
    weights = draw(
        arrays.arrays(np.float64, (draw(st.integers(1, 4)), size), elements=st.floats(-2, 2))
    )
    return weights, loadings @ loadings.T


def test_two_uncorrelated_assets_by_hand():
    # Daily volatilities 3 % and 4 %, half each: 2.5 % a day, of which 0.9 % and 1.6 %.
    split = risk.contributions([[0.5, 0.5]], [[0.0009, 0.0], [0.0, 0.0016]])
    np.testing.assert_allclose(split.volatility, [0.025 * np.sqrt(365)])
    np.testing.assert_allclose(split.contributions, np.array([[0.009, 0.016]]) * np.sqrt(365))


def test_a_hedge_contributes_negatively():
    split = risk.contributions([[1.0, 0.5]], [[0.01, -0.008], [-0.008, 0.01]])
    assert split.contributions[0, 1] < 0 < split.contributions[0, 0]


def test_a_contribution_is_the_weight_times_the_slope_of_volatility():
    covariance = random_covariance(5)
    weights = np.array([0.4, 0.3, 0.15, 0.1, 0.05])
    step = 1e-6
    bumped = np.vstack([weights + step * np.eye(5), weights - step * np.eye(5)])
    volatility = risk.contributions(bumped, covariance).volatility
    slope = (volatility[:5] - volatility[5:]) / (2 * step)
    contributions = risk.contributions(weights[None], covariance).contributions[0]
    np.testing.assert_allclose(contributions, weights * slope, rtol=1e-7)


@given(portfolios_and_covariance())
def test_contributions_sum_to_the_volatility_and_are_never_nan(case):
    weights, covariance = case
    split = risk.contributions(weights, covariance)
    assert (split.volatility >= 0).all()
    assert np.isfinite(split.contributions).all()
    np.testing.assert_allclose(split.contributions.sum(axis=1), split.volatility, atol=1e-12)


@given(portfolios_and_covariance(), st.floats(0.1, 10))
def test_twice_the_weights_is_twice_the_risk(case, scale):
    weights, covariance = case
    once, scaled = (risk.contributions(w, covariance) for w in (weights, scale * weights))
    np.testing.assert_allclose(scaled.volatility, scale * once.volatility, atol=1e-7)


@pytest.mark.parametrize("weights", [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
def test_no_weights_or_only_cash_is_no_risk(weights):
    covariance = np.zeros((3, 3))
    covariance[:2, :2] = random_covariance(2)
    split = risk.contributions([weights, [0.5, 0.3, 0.2]], covariance)
    assert split.volatility[0] == 0
    assert (split.contributions[0] == 0).all()
    assert split.volatility[1] > 0
    assert split.contributions[1, 2] == 0


def test_a_perfect_hedge_is_no_risk_whatever_the_rounding():
    volatility = np.array([0.07, 0.13])
    split = risk.contributions([1 / volatility * [1, -1]], np.outer(volatility, volatility))
    # The variance is rounded to 1e-16 of each position's own, so the volatility to its root.
    np.testing.assert_allclose(split.volatility, 0, atol=1e-6)
    assert np.isfinite(split.contributions).all()


def test_a_variance_below_zero_by_rounding_is_zero():
    split = risk.contributions([[1.0, -1.0]], [[1.0, 1 + 1e-12], [1 + 1e-12, 1.0]])
    assert split.volatility[0] == 0
    assert (split.contributions == 0).all()


def test_the_order_of_assets_does_not_matter():
    covariance, order = random_covariance(6), np.array([3, 0, 5, 1, 4, 2])
    weights = np.random.default_rng(1).dirichlet(np.ones(6), size=3)
    split = risk.contributions(weights, covariance)
    permuted = risk.contributions(weights[:, order], covariance[np.ix_(order, order)])
    np.testing.assert_allclose(permuted.volatility, split.volatility, rtol=1e-13)
    np.testing.assert_allclose(permuted.contributions, split.contributions[:, order], rtol=1e-12)


def test_a_portfolio_alone_equals_the_same_one_in_a_batch():
    covariance = random_covariance(30)
    weights = np.random.default_rng(2).dirichlet(np.ones(30), size=50)
    batch = risk.contributions(weights, covariance)
    alone = risk.contributions(weights[17:18], covariance)
    np.testing.assert_allclose(alone.volatility, batch.volatility[17:18], rtol=1e-13)
    np.testing.assert_allclose(alone.contributions, batch.contributions[17:18], rtol=1e-11)


def test_an_empty_batch_is_an_empty_answer():
    assert risk.contributions(np.ones((0, 2)), np.eye(2)).contributions.shape == (0, 2)


def test_a_negative_variance_is_refused_by_asset_and_by_portfolio():
    with pytest.raises(errors.NotPositiveSemidefiniteError, match="column 1"):
        risk.contributions([[0.5, 0.5]], [[1.0, 0.0], [0.0, -1.0]])
    with pytest.raises(errors.NotPositiveSemidefiniteError, match="row 1"):
        risk.contributions([[0.5, 0.5], [1.0, -1.0]], [[1.0, 2.0], [2.0, 1.0]])


@pytest.mark.parametrize(
    ("weights", "covariance", "error", "message"),
    [
        ([[np.nan, 1.0]], np.eye(2), errors.NotFiniteError, "weights.*row 0, column 0"),
        ([[1.0, 1.0]], [[1.0, np.inf], [0.0, 1.0]], errors.NotFiniteError, "covariance.*column 1"),
        ([[1e200, 0.0]], np.eye(2), errors.NotFiniteError, "variance of weights.*row 0"),
        ([[1.0, 1.0]], [[1.0, 0.5], [0.0, 1.0]], errors.NotSymmetricError, "row 0, column 1"),
        ([[1.0, 1.0, 1.0]], np.eye(2), errors.ShapeError, r"covariance has shape \(2, 2\)"),
        ([1.0, 1.0], np.eye(2), errors.ShapeError, "weights has shape"),
    ],
)
def test_unusable_input_is_refused_by_name(weights, covariance, error, message):
    with pytest.raises(error, match=message):
        risk.contributions(weights, covariance)
