import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.core import active_sets, errors, feasibility, mean_variance


def market_covariance(size, seed=0):
    rng = np.random.default_rng(seed)
    loadings = rng.normal(1, 0.4, (size, 1)) @ np.ones((1, 3)) + rng.normal(0, 0.7, (size, 3))
    return (loadings @ loadings.T + np.diag(rng.uniform(0.2, 2, size))) * 4e-4


def only_caps(portfolios, size, cap=1.0):
    return feasibility.bounds(
        np.zeros((portfolios, size)),
        np.full((portfolios, size), cap),
        np.zeros(size, int),
        np.zeros((portfolios, 1)),
        np.ones((portfolios, 1)),
    )


ANY_RANK = st.integers(1, 12)
FULL_RANK = st.integers(10, 14)


@st.composite
def programmes(draw, ranks=ANY_RANK):
    """A covariance, perhaps singular or with copies, and bounds around a portfolio that exists."""
    size, portfolios = draw(st.integers(1, 9)), draw(st.integers(1, 5))
    count = draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    loadings = rng.normal(draw(st.floats(-1, 2)), 1, (size, draw(ranks)))
    if draw(st.booleans()):
        loadings[-1] = loadings[0]
    covariance = loadings @ loadings.T * draw(st.sampled_from([1e-4, 1.0, 1e3]))
    middle = rng.dirichlet(np.ones(size), portfolios) * (rng.random((portfolios, size)) < 0.7)
    middle[:, 0] += 0.01
    middle /= middle.sum(axis=1, keepdims=True)
    of_asset = rng.integers(0, count, size)
    inside = middle @ (of_asset[:, None] == np.arange(count))
    near = draw(st.sampled_from([0.0, 0.02, 0.3]))
    lower, category_lower = (
        np.clip(at - rng.uniform(0, near, at.shape), 0, 1) for at in (middle, inside)
    )
    upper, category_upper = (
        np.clip(at + rng.uniform(0, near, at.shape), 0, 1) for at in (middle, inside)
    )
    if draw(st.booleans()):
        lower[:], category_lower[:] = 0, 0
    within = feasibility.bounds(lower, upper, of_asset, category_lower, category_upper)
    return covariance, within, rng


def best_move(gradient, weights, within):
    """What a linear programme still gains from these weights, by a solver that is not ours."""
    from scipy.optimize import linprog

    found = linprog(
        gradient,
        A_ub=np.vstack([within.membership.T, -within.membership.T]),
        b_ub=np.r_[within.category_upper[0] + 1e-12, -within.category_lower[0] + 1e-12],
        A_eq=np.ones((1, len(weights))),
        b_eq=[1.0],
        bounds=np.column_stack([within.lower[0], np.maximum(within.upper[0], within.lower[0])]),
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    return gradient @ weights - found.fun


def assert_within(weights, within):
    assert np.isfinite(weights).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-9)
    assert (weights >= within.lower).all()
    assert (weights <= np.maximum(within.upper, within.lower)).all()
    sums = weights @ within.membership
    assert (sums <= within.category_upper + 1e-9).all()
    assert (sums >= within.category_lower - 1e-9).all()


def test_two_uncorrelated_assets_by_hand():
    found = mean_variance.min_volatility(np.diag([0.01, 0.03]), only_caps(1, 2))
    np.testing.assert_allclose(found.weights, [[0.75, 0.25]], rtol=1e-9)
    capped = mean_variance.min_volatility(np.diag([0.01, 0.03]), only_caps(1, 2, cap=0.6))
    np.testing.assert_allclose(capped.weights, [[0.6, 0.4]], rtol=1e-12)


def test_the_largest_sharpe_ratio_of_uncorrelated_assets_by_hand():
    # Without binding bounds the weights are in proportion to return over variance.
    found = mean_variance.max_sharpe(np.diag([0.01, 0.04]), [0.02, 0.02], only_caps(1, 2))
    np.testing.assert_allclose(found.weights, [[0.8, 0.2]], rtol=1e-9)


def test_a_category_cap_binds_by_hand():
    # Free, the first two would hold 0.8; at most half, they halve it among themselves.
    within = feasibility.bounds([[0] * 3], [[1] * 3], [0, 0, 1], [[0, 0]], [[0.5, 1]])
    found = mean_variance.min_volatility(np.diag([1.0, 1.0, 2.0]), within)
    np.testing.assert_allclose(found.weights, [[0.25, 0.25, 0.5]], rtol=1e-9)


@given(programmes())
@settings(max_examples=150)
def test_least_volatility_leaves_nothing_to_gain(case):
    covariance, within, _ = case
    found = mean_variance.min_volatility(covariance, within)
    assert (found.residual <= 1e-8).all()
    assert_within(found.weights, within)
    alone = within.of(np.array([0]))
    gain = best_move(covariance @ found.weights[0], found.weights[0], alone)
    assert gain <= 1e-6 * (found.weights[0] @ np.diag(covariance))


@given(programmes(FULL_RANK))
@settings(max_examples=150)
def test_the_largest_sharpe_ratio_leaves_nothing_to_gain(case):
    covariance, within, rng = case
    expected = rng.normal(0.5, 1, within.lower.shape)
    try:
        found = mean_variance.max_sharpe(covariance, expected, within)
    except errors.NoPositiveReturnError:
        return
    assert (found.residual <= 1e-8).all()
    assert_within(found.weights, within)
    weights, mu = found.weights[0], expected[0]
    marginal = covariance @ weights
    gradient = marginal - mu * (weights @ marginal) / (weights @ mu)
    gain = best_move(gradient, weights, within.of(np.array([0])))
    assert gain <= 1e-6 * (weights @ np.diag(covariance))


@given(programmes(FULL_RANK), st.randoms(use_true_random=False))
def test_the_order_of_assets_does_not_matter(case, random):
    covariance, within, _ = case
    order = random.sample(range(len(covariance)), len(covariance))
    permuted = feasibility.Bounds(
        within.lower[:, order],
        within.upper[:, order],
        within.categories[order],
        within.category_lower,
        within.category_upper,
    )
    found = mean_variance.min_volatility(covariance, within).weights
    again = mean_variance.min_volatility(covariance[np.ix_(order, order)], permuted).weights
    variance = [
        np.einsum("bi,ij,bj->b", w, covariance, w) for w in (found, again[:, np.argsort(order)])
    ]
    np.testing.assert_allclose(variance[0], variance[1], rtol=1e-7)


def test_a_portfolio_alone_equals_the_same_one_in_a_batch():
    rng = np.random.default_rng(1)
    covariance, portfolios = market_covariance(12), 2500
    within = feasibility.bounds(
        np.zeros((portfolios, 12)),
        rng.uniform(0.2, 0.5, (portfolios, 12)),
        np.arange(12) % 4,
        np.zeros((portfolios, 4)),
        rng.uniform(0.3, 0.6, (portfolios, 4)),
    )
    mu = rng.uniform(0.1, 1, (portfolios, 12))
    for solve in (
        lambda some, _: mean_variance.min_volatility(covariance, some),
        lambda some, rows: mean_variance.max_sharpe(covariance, mu[rows], some),
    ):
        batch = solve(within, slice(None)).weights
        for row in (0, 1111, 2499):
            alone = solve(within.of(np.array([row])), [row]).weights[0]
            np.testing.assert_allclose(alone, batch[row], atol=1e-11)


def test_copies_of_an_asset_share_evenly():
    covariance = np.array([[1.0, 1.0, 0.2], [1.0, 1.0, 0.2], [0.2, 0.2, 2.0]])
    weights = mean_variance.min_volatility(covariance, only_caps(1, 3)).weights[0]
    assert weights[0] == pytest.approx(weights[1], abs=1e-5)


@pytest.mark.parametrize("scale", [1e-8, 1e6])
def test_the_unit_of_covariance_and_returns_does_not_matter(scale):
    covariance, within = market_covariance(8), only_caps(1, 8, cap=0.3)
    mu = np.linspace(-0.2, 1, 8)
    np.testing.assert_allclose(
        mean_variance.max_sharpe(scale * covariance, mu / scale, within).weights,
        mean_variance.max_sharpe(covariance, mu, within).weights,
        atol=1e-9,
    )


def test_the_interior_point_solver_leads_to_the_same_optimum(monkeypatch):
    rng = np.random.default_rng(3)
    covariance, within = market_covariance(12), only_caps(20, 12, cap=0.25)
    mu = rng.uniform(0, 1, (20, 12))
    quick = [
        mean_variance.min_volatility(covariance, within).weights,
        mean_variance.max_sharpe(covariance, mu, within).weights,
    ]
    polish, calls = active_sets.polish, []

    def reject_batches(programme, active):
        weights, found = polish(programme, active)
        calls.append(len(found))
        return weights, found & (len(found) == 1)

    monkeypatch.setattr(active_sets, "polish", reject_batches)
    exact = [
        mean_variance.min_volatility(covariance, within),
        mean_variance.max_sharpe(covariance, mu, within),
    ]
    assert calls.count(1) == 40
    for found, weights in zip(exact, quick, strict=True):
        assert (found.residual <= 1e-8).all()
        np.testing.assert_allclose(found.weights, weights, atol=1e-9)


def test_peers_find_nothing_better():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pypfopt import EfficientFrontier
        from skfolio.optimization import MeanRisk, ObjectiveFunction
    covariance, size = market_covariance(8, seed=5), 8
    categories = np.arange(size) % 2
    within = feasibility.bounds(
        np.zeros((1, size)), np.full((1, size), 0.4), categories, [[0.0, 0.0]], [[0.5, 0.5]]
    )
    frontier = EfficientFrontier(None, covariance, weight_bounds=(0, 0.4))
    frontier.add_sector_constraints(dict(enumerate(categories)), {}, {0: 0.5, 1: 0.5})
    theirs = np.array(list(frontier.min_volatility().values()))
    ours = mean_variance.min_volatility(covariance, within).weights[0]
    assert ours @ covariance @ ours <= theirs @ covariance @ theirs * (1 + 1e-6)
    np.testing.assert_allclose(ours, theirs, atol=5e-3)

    rng = np.random.default_rng(0)
    returns = rng.multivariate_normal(np.full(size, 0.002), covariance, 300)
    model = MeanRisk(objective_function=ObjectiveFunction.MAXIMIZE_RATIO, max_weights=0.4)
    theirs = model.fit(returns).weights_
    sample, mean = np.cov(returns.T), returns.mean(axis=0)
    ours = mean_variance.max_sharpe(sample, mean, only_caps(1, size, cap=0.4)).weights[0]
    ratio = [(w @ mean) / np.sqrt(w @ sample @ w) for w in (ours, theirs)]
    assert ratio[0] >= ratio[1] * (1 - 1e-6)


def test_an_infeasible_portfolio_is_answered_with_its_bounds_and_the_others_are_solved():
    within = feasibility.bounds(
        np.zeros((2, 3)),
        [[0.3, 0.3, 0.3], [0.5, 0.5, 0.5]],
        [0, 0, 0],
        np.zeros((2, 1)),
        np.ones((2, 1)),
    )
    found = mean_variance.min_volatility(np.eye(3), within)
    assert found.feasibility.reasons == {0: "upper bounds of columns 0, 1, 2 sum to 0.9, below 1"}
    assert found.residual[0] == np.inf
    assert (found.weights[0] == 0).all()
    np.testing.assert_allclose(found.weights[1], 1 / 3)
    with pytest.raises(errors.InfeasibleBoundsError, match="row 0: upper bounds"):
        found.feasibility.require()


def test_an_asset_outside_the_portfolio_may_be_cash():
    covariance = np.diag([0.01, 0.0, 0.03])
    within = feasibility.bounds([[0] * 3], [[1, 0, 1]], [0] * 3, [[0]], [[1]])
    weights = mean_variance.min_volatility(covariance, within).weights
    np.testing.assert_allclose(weights, [[0.75, 0, 0.25]], atol=1e-9)
    with pytest.raises(errors.ZeroVolatilityError, match="column 1"):
        mean_variance.min_volatility(covariance, only_caps(1, 3))


def test_a_sharpe_ratio_wants_a_positive_return_within_reach():
    mu = [[0.1, -0.3], [-0.1, -0.2]]
    with pytest.raises(errors.NoPositiveReturnError, match="row 1.*at most -0.1 "):
        mean_variance.max_sharpe(np.eye(2), mu, only_caps(2, 2))
    # The first asset earns, but half of the other is more than that.
    with pytest.raises(errors.NoPositiveReturnError, match="row 0.*at most -0.1 "):
        mean_variance.max_sharpe(np.eye(2), [0.1, -0.3], only_caps(1, 2, cap=0.5))


@pytest.mark.parametrize(
    ("covariance", "expected", "error", "message"),
    [
        ([[1.0, np.nan], [np.nan, 1.0]], [1, 1], errors.NotFiniteError, "covariance"),
        (np.eye(3), [1, 1], errors.ShapeError, "covariance"),
        ([[1.0, 2.0], [2.0, 1.0]], [1, 1], errors.NotPositiveSemidefiniteError, "columns 0, 1"),
        ([[1.0, 0.5], [0.0, 1.0]], [1, 1], errors.NotSymmetricError, "row 0, column 1"),
        (np.eye(2), [1, np.inf], errors.NotFiniteError, "excess_returns.*row 1"),
        (np.eye(2), [1, 1, 1], errors.ShapeError, "excess_returns"),
    ],
)
def test_unusable_input_is_refused_by_name(covariance, expected, error, message):
    with pytest.raises(error, match=message):
        mean_variance.max_sharpe(covariance, expected, only_caps(1, 2))


def test_an_empty_batch_is_an_empty_answer():
    assert mean_variance.min_volatility(np.eye(2), only_caps(0, 2)).weights.shape == (0, 2)
