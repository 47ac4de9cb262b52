import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.core import equilibrium, errors, feasibility, mean_variance


def random_covariance(size, seed=0):
    factors = np.random.default_rng(seed).normal(size=(size, size + 3)) * 0.02
    return factors @ factors.T + 4e-4


def unbounded(size):
    return feasibility.bounds(
        np.zeros((1, size)), np.ones((1, size)), np.zeros(size, int), [[0.0]], [[1.0]]
    )


def test_two_assets_by_hand():
    # Marginal variances 0.5·0.04 + 0.5·0.01 and 0.5·0.01 + 0.5·0.09, times three.
    found = equilibrium.excess_returns([[0.04, 0.01], [0.01, 0.09]], [0.5, 0.5], risk_aversion=3.0)
    np.testing.assert_allclose(found, [0.075, 0.15])


@given(st.integers(1, 12), st.integers(0, 2**32 - 1), st.floats(0.5, 10))
def test_without_views_the_best_portfolio_is_the_market(size, seed, risk_aversion):
    covariance = random_covariance(size, seed)
    market = np.random.default_rng(seed).dirichlet(np.ones(size)) * 0.99 + 0.01 / size
    expected = equilibrium.excess_returns(covariance, market, risk_aversion=risk_aversion)
    found = mean_variance.max_sharpe(covariance, expected, unbounded(size))
    np.testing.assert_allclose(found.weights[0], market, atol=1e-6)
    heard = equilibrium.with_views(covariance, expected, np.zeros((0, size)), [])
    np.testing.assert_array_equal(heard.excess_returns, expected)
    np.testing.assert_allclose(heard.covariance, 1.05 * covariance, rtol=1e-12)


def test_a_view_as_uncertain_as_the_prior_is_met_half_way():
    found = equilibrium.with_views(np.diag([0.04, 0.09]), [0.1, 0.2], [[1.0, 0.0]], [0.3])
    np.testing.assert_allclose(found.excess_returns, [0.2, 0.2])


def test_a_certain_view_is_believed():
    covariance, picks = random_covariance(5), [[1.0, -1.0, 0, 0, 0], [0, 0, 0, 1.0, 0]]
    found = equilibrium.with_views(covariance, np.full(5, 0.1), picks, [0.05, 0.2], [0.0, 0.0])
    np.testing.assert_allclose(picks @ found.excess_returns, [0.05, 0.2], rtol=1e-10)


def test_pypfopt_finds_the_same():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pypfopt import BlackLittermanModel
    covariance = random_covariance(6, seed=3)
    prior = equilibrium.excess_returns(covariance, np.full(6, 1 / 6), risk_aversion=2.5)
    picks = np.array([[1.0, 0, 0, 0, 0, 0], [0, 1.0, -0.5, -0.5, 0, 0]])
    views, noise = np.array([0.01, 0.002]), np.array([1e-4, 4e-5])
    theirs = BlackLittermanModel(
        covariance, pi=prior, P=picks, Q=views, omega=np.diag(noise), tau=0.05
    )
    ours = equilibrium.with_views(covariance, prior, picks, views, noise, tau=0.05)
    np.testing.assert_allclose(ours.excess_returns, theirs.bl_returns(), rtol=1e-9)
    np.testing.assert_allclose(ours.covariance, theirs.bl_cov(), rtol=1e-9)


def test_the_order_of_assets_does_not_matter():
    covariance, order = random_covariance(5), np.array([3, 1, 4, 0, 2])
    prior, picks = np.linspace(0.1, 0.5, 5), np.random.default_rng(0).normal(size=(2, 5))
    found = equilibrium.with_views(covariance, prior, picks, [0.1, 0.2])
    permuted = equilibrium.with_views(
        covariance[np.ix_(order, order)], prior[order], picks[:, order], [0.1, 0.2]
    )
    np.testing.assert_allclose(permuted.excess_returns, found.excess_returns[order], rtol=1e-12)


def test_one_over_n_counts_what_is_included():
    weights = equilibrium.equal_weights([[True, False, True], [True, True, True]])
    np.testing.assert_allclose(weights, [[0.5, 0, 0.5], [1 / 3] * 3])
    with pytest.raises(errors.WeightsSumError, match="row 1"):
        equilibrium.equal_weights([[True, False], [False, False]])


@pytest.mark.parametrize(
    ("weights", "aversion", "error", "message"),
    [
        ([0.5, 0.4], 3.0, errors.WeightsSumError, "sum to 0.9"),
        ([1.5, -0.5], 3.0, errors.NegativeWeightError, "column 1"),
        ([0.5, np.nan], 3.0, errors.NotFiniteError, "row 1"),
        ([0.5, 0.5], 0.0, errors.OutOfRangeError, "risk_aversion is 0"),
        ([0.5, 0.5], np.nan, errors.OutOfRangeError, "risk_aversion is nan"),
        ([0.5, 0.25, 0.25], 3.0, errors.ShapeError, "covariance"),
    ],
)
def test_an_unusable_market_is_refused_by_name(weights, aversion, error, message):
    with pytest.raises(error, match=message):
        equilibrium.excess_returns(np.eye(2), weights, risk_aversion=aversion)


@pytest.mark.parametrize(
    ("picks", "views", "variance", "error", "message"),
    [
        ([[1.0, 0.0]], [np.inf], None, errors.NotFiniteError, "views"),
        ([[1.0]], [0.1], None, errors.ShapeError, "picks"),
        ([[1.0, 0.0]], [0.1, 0.2], None, errors.ShapeError, "views"),
        ([[1.0, 0.0]], [0.1], [-1.0], errors.OutOfRangeError, "negative at row 0"),
        ([[0.0, 0.0]], [0.1], None, errors.OutOfRangeError, "row 0 is on a mix without risk"),
        ([[1.0, 0.0]] * 2, [0.1, 0.2], [0.0, 0.0], errors.OutOfRangeError, "depend on one another"),
    ],
)
def test_unusable_views_are_refused_by_name(picks, views, variance, error, message):
    with pytest.raises(error, match=message):
        equilibrium.with_views(np.eye(2), [0.1, 0.1], picks, views, variance)
