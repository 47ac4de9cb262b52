import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.core import errors, risk_budgets


def covariance_of(volatility, correlations):
    size = len(volatility)
    correlation = np.eye(size)
    for (i, j), rho in correlations.items():
        correlation[i, j] = correlation[j, i] = rho
    return correlation * np.outer(volatility, volatility)


def random_covariance(size, seed=0):
    factors = np.random.default_rng(seed).normal(size=(size, size + 3)) * 0.02
    return factors @ factors.T


def risk_shares(weights, covariance):
    risk = weights @ covariance * weights
    return risk / risk.sum(axis=1, keepdims=True)


@st.composite
def covariances_and_budgets(draw):
    size, portfolios = draw(st.integers(1, 8)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    loadings = rng.normal(draw(st.floats(-1, 1)), 1, size=(size, size + 2))
    scale = 10.0 ** rng.uniform(-3, 1, size)
    budgets = rng.dirichlet(np.ones(size), portfolios) * (rng.random((portfolios, size)) < 0.8)
    budgets[:, 0] += 0.01
    correlated = loadings @ loadings.T * np.outer(scale, scale)
    return correlated, budgets / budgets.sum(axis=1, keepdims=True)


def test_uncorrelated_assets_are_weighted_by_inverse_volatility():
    found = risk_budgets.equal_risk(np.diag([0.01, 0.04]), [[True, True]])
    np.testing.assert_allclose(found.weights, [[2 / 3, 1 / 3]], rtol=1e-12)


def test_the_published_equal_risk_of_maillard_roncalli_and_teiletche():
    covariance = covariance_of([0.1, 0.2, 0.3, 0.4], {(0, 1): 0.8, (2, 3): -0.5})
    found = risk_budgets.equal_risk(covariance, np.ones((1, 4), bool))
    np.testing.assert_allclose(found.weights, [[0.384, 0.192, 0.243, 0.182]], atol=5e-4)


def test_the_published_risk_budgets_of_roncalli():
    covariance = covariance_of([0.3, 0.2, 0.15], {(0, 1): 0.8, (0, 2): 0.5, (1, 2): 0.3})
    found = risk_budgets.allocate(covariance, [[0.5, 0.2, 0.3]])
    np.testing.assert_allclose(found.weights, [[0.3115, 0.2190, 0.4696]], atol=5e-5)


def test_skfolio_finds_the_same_to_its_own_tolerance():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from skfolio import RiskMeasure
        from skfolio.optimization import RiskBudgeting

    returns = np.random.default_rng(4).normal(size=(200, 5)) @ np.diag([1, 2, 3, 4, 5]) * 0.01
    theirs = RiskBudgeting(risk_measure=RiskMeasure.VARIANCE).fit(returns).weights_
    ours = risk_budgets.equal_risk(np.cov(returns.T), np.ones((1, 5), bool)).weights[0]
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


@given(covariances_and_budgets())
def test_risk_is_shared_as_budgeted_and_nothing_is_left_out(case):
    covariance, budgets = case
    found = risk_budgets.allocate(covariance, budgets)
    assert (found.residual <= 1e-10).all()
    np.testing.assert_allclose(risk_shares(found.weights, covariance), budgets, atol=2e-10)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1, rtol=1e-14)
    assert ((found.weights > 0) == (budgets > 0)).all()


@given(covariances_and_budgets(), st.randoms(use_true_random=False))
def test_the_order_of_assets_does_not_matter(case, random):
    covariance, budgets = case
    order = random.sample(range(len(covariance)), len(covariance))
    found = risk_budgets.allocate(covariance, budgets).weights
    permuted = risk_budgets.allocate(covariance[np.ix_(order, order)], budgets[:, order]).weights
    np.testing.assert_allclose(permuted, found[:, order], atol=1e-9)


def test_a_portfolio_alone_equals_the_same_one_in_a_batch():
    rng = np.random.default_rng(1)
    covariance, included = random_covariance(30), rng.random((3000, 30)) < 0.4
    included[:, 0] = True
    batch = risk_budgets.equal_risk(covariance, included).weights
    for row in (0, 1234, 2999):
        alone = risk_budgets.equal_risk(covariance, included[row : row + 1]).weights[0]
        np.testing.assert_allclose(alone, batch[row], atol=1e-12)


def test_assets_outside_the_portfolio_change_nothing():
    covariance = random_covariance(9)
    inside = np.array([1, 4, 7])
    included = np.isin(np.arange(9), inside)[None]
    wide = risk_budgets.equal_risk(covariance, included).weights
    narrow = risk_budgets.equal_risk(covariance[np.ix_(inside, inside)], np.ones((1, 3), bool))
    np.testing.assert_allclose(wide[:, inside], narrow.weights, rtol=1e-10)
    assert (wide[~included] == 0).all()


@pytest.mark.parametrize("scale", [1e-8, 1e6])
def test_the_unit_of_the_covariance_does_not_matter(scale):
    covariance, included = random_covariance(6), np.ones((1, 6), bool)
    once = risk_budgets.equal_risk(covariance, included).weights
    np.testing.assert_allclose(
        risk_budgets.equal_risk(scale * covariance, included).weights, once, rtol=1e-10
    )


@pytest.mark.parametrize("rho", [-0.3, -0.9, -0.999])
def test_strongly_opposed_blocks_are_solved_all_the_same(rho):
    # Two blocks against each other, where coordinate descent stalls without a word.
    side = np.r_[np.ones(4), -np.ones(8)]
    correlation = np.outer(side, side) * -rho
    np.fill_diagonal(correlation, 1.0)
    budgets = np.random.default_rng(0).dirichlet(np.ones(12), 20)
    found = risk_budgets.allocate(correlation, budgets)
    np.testing.assert_allclose(risk_shares(found.weights, correlation), budgets, atol=1e-10)
    # Other orthants have weights with these shares too, not those that are meant.
    assert (found.weights > 0).all()


def test_duplicate_assets_share_their_budget():
    covariance = np.array([[0.04, 0.04, 0.0], [0.04, 0.04, 0.0], [0.0, 0.0, 0.01]])
    found = risk_budgets.equal_risk(covariance, np.ones((1, 3), bool)).weights[0]
    assert found[0] == pytest.approx(found[1], rel=1e-12)


def test_a_perfect_hedge_has_no_risk_to_share():
    with pytest.raises(errors.NotConvergedError, match="row 1.*cancel"):
        risk_budgets.equal_risk([[1.0, -1.0], [-1.0, 1.0]], [[True, False], [True, True]])


def test_cash_has_no_risk_to_spend():
    covariance = np.zeros((3, 3))
    covariance[:2, :2] = random_covariance(2)
    with pytest.raises(errors.ZeroVolatilityError, match="column 2.*cash"):
        risk_budgets.equal_risk(covariance, [[True, True, True]])
    weights = risk_budgets.equal_risk(covariance, [[True, True, False]]).weights
    assert weights[0, 2] == 0


def test_an_empty_batch_is_an_empty_answer():
    assert risk_budgets.allocate(np.eye(2), np.ones((0, 2))).weights.shape == (0, 2)


@pytest.mark.parametrize(
    ("covariance", "budgets", "error", "message"),
    [
        (np.eye(2), [[0.5, np.nan]], errors.NotFiniteError, "budgets.*row 0, column 1"),
        (np.eye(2), [[0.5, 0.5], [0.5, 0.4]], errors.WeightsSumError, "row 1 sum to 0.9"),
        (np.eye(2), [[1.5, -0.5]], errors.NegativeWeightError, "row 0, column 1"),
        ([[1, 2], [2, 1]], [[0.5, 0.5]], errors.NotPositiveSemidefiniteError, "columns 0, 1"),
        ([[-1, 0], [0, 1]], [[0.5, 0.5]], errors.NotPositiveSemidefiniteError, "column 0"),
        ([[1, 0.5], [0, 1]], [[0.5, 0.5]], errors.NotSymmetricError, "row 0, column 1"),
        (np.eye(3), [[0.5, 0.5]], errors.ShapeError, r"covariance has shape \(3, 3\)"),
        ([[np.inf, 0], [0, 1]], [[0.5, 0.5]], errors.NotFiniteError, "covariance"),
    ],
)
def test_unusable_input_is_refused_by_name(covariance, budgets, error, message):
    with pytest.raises(error, match=message):
        risk_budgets.allocate(covariance, budgets)


def test_a_portfolio_of_nothing_is_refused():
    with pytest.raises(errors.WeightsSumError, match="no asset in row 1"):
        risk_budgets.equal_risk(np.eye(2), [[True, True], [False, False]])
    with pytest.raises(errors.ShapeError, match="expected booleans"):
        risk_budgets.equal_risk(np.eye(2), [[1.0, 1.0]])
