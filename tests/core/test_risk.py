import numpy as np
import pytest
import skfolio
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


# Beside skfolio


def test_contributions_and_diversification_agree_with_skfolio():
    returns = np.random.default_rng(3).normal(0, 0.03, (400, 4)) @ np.linalg.cholesky(
        0.6 * np.ones((4, 4)) + 0.4 * np.eye(4)
    )
    weights, covariance = np.array([0.4, 0.3, 0.2, 0.1]), np.cov(returns.T)
    peer = skfolio.Portfolio(X=returns, weights=weights)
    split = risk.contributions(weights[None], covariance)
    slopes = peer.contribution(skfolio.RiskMeasure.STANDARD_DEVIATION, spacing=1e-6)
    np.testing.assert_allclose(split.contributions[0] / np.sqrt(365), slopes, rtol=1e-6)
    ratio = risk.diversification(weights[None], covariance).ratio
    np.testing.assert_allclose(ratio, [peer.diversification], rtol=1e-12)


# Diversification


@pytest.mark.parametrize(("size", "rho"), [(2, 0.0), (5, 0.3), (38, 0.7), (10, -0.1), (7, 1.0)])
def test_equal_weights_of_one_correlation_have_the_published_number_of_bets(size, rho):
    covariance = 0.05**2 * ((1 - rho) * np.eye(size) + rho)
    spread = risk.diversification(np.full((1, size), 1 / size), covariance)
    np.testing.assert_allclose(spread.effective_bets, [size / (1 + (size - 1) * rho)], rtol=1e-12)
    np.testing.assert_allclose(spread.ratio**2, spread.effective_bets)


@given(portfolios_and_covariance(), st.floats(0.1, 10))
def test_diversification_is_at_least_one_and_knows_no_scale(case, scale):
    weights, covariance = np.abs(case[0]), case[1] + 1e-6 * np.eye(len(case[1]))
    weights = weights + 1e-3
    spread = risk.diversification(weights, covariance)
    assert (spread.ratio >= 1 - 1e-9).all()
    assert np.isfinite(spread.effective_bets).all()
    scaled = risk.diversification(scale * weights, covariance)
    np.testing.assert_allclose(scaled.ratio, spread.ratio, rtol=1e-9)


def test_cash_changes_nothing_about_diversification():
    covariance = np.zeros((3, 3))
    covariance[:2, :2] = random_covariance(2)
    spread = risk.diversification([[0.5, 0.5, 0.0], [0.2, 0.2, 0.6]], covariance)
    np.testing.assert_allclose(spread.ratio[1], spread.ratio[0])


# Beside a benchmark


def test_beta_and_correlation_are_those_of_the_returns_themselves():
    returns = np.random.default_rng(4).normal(0, 0.03, (300, 3)).cumsum(axis=1)
    weights, benchmark = np.array([[0.2, 0.3, 0.5], [-0.5, 1.0, 0.5]]), np.array([1.0, 0.0, 0.0])
    relation = risk.relation_to_benchmark(weights, np.cov(returns.T), benchmark)
    for row, portfolio in enumerate(weights @ returns.T):
        slope = np.polyfit(returns @ benchmark, portfolio, 1)[0]
        np.testing.assert_allclose(relation.beta[row], slope, rtol=1e-10)
        correlation = np.corrcoef(returns @ benchmark, portfolio)[0, 1]
        np.testing.assert_allclose(relation.correlation[row], correlation, rtol=1e-10)


def test_a_benchmark_moves_with_itself_and_twice_it_twice_as_much():
    benchmark = np.array([0.6, 0.4])
    relation = risk.relation_to_benchmark(
        [benchmark, 2 * benchmark, -benchmark], random_covariance(2), benchmark
    )
    np.testing.assert_allclose(relation.beta, [1, 2, -1])
    np.testing.assert_allclose(relation.correlation, [1, 1, -1])


# Average correlation


def test_the_average_correlation_is_over_the_pairs_held():
    correlation = np.array([[1.0, 0.9, 0.3], [0.9, 1.0, 0.6], [0.3, 0.6, 1.0]])
    average = risk.average_correlation(correlation, [[1, 1, 1], [1, 0, 1], [True, True, False]])
    np.testing.assert_allclose(average, [0.6, 0.3, 0.9])


# Risk score


def test_the_risk_score_is_the_weighted_level():
    # Stablecoin 0, Bitcoin 1, Solana 2.5, a young coin 3.
    scores = risk.risk_score([[0.2, 0.5, 0.2, 0.1], [1, 0, 0, 0], [0, 0, 0, 1]], [0, 1, 2.5, 3])
    np.testing.assert_allclose(scores, [1.3, 0, 3])


# All of them


@given(portfolios_and_covariance(), st.randoms(use_true_random=False))
def test_no_figure_depends_on_the_order_of_assets(case, random):
    weights, covariance = np.abs(case[0]) + 0.01, case[1] + 1e-4 * np.eye(len(case[1]))
    order = random.sample(range(len(covariance)), len(covariance))
    shuffled = covariance[np.ix_(order, order)]
    benchmark = np.arange(1.0, len(order) + 1)
    spread, again = (
        risk.diversification(weights, covariance),
        risk.diversification(weights[:, order], shuffled),
    )
    np.testing.assert_allclose(again.ratio, spread.ratio, rtol=1e-9)
    relation, again_related = (
        risk.relation_to_benchmark(weights, covariance, benchmark),
        risk.relation_to_benchmark(weights[:, order], shuffled, benchmark[order]),
    )
    np.testing.assert_allclose(again_related.beta, relation.beta, rtol=1e-9)
    np.testing.assert_allclose(again_related.correlation, relation.correlation, rtol=1e-9)


def test_alone_is_as_in_a_batch_across_the_chunks_inside():
    covariance, size = random_covariance(5), 2 * risk.CHUNK_ROWS + 7
    rng = np.random.default_rng(5)
    weights, held = rng.dirichlet(np.ones(5), size), rng.random((size, 5)) < 0.4
    held[:, :2] = True
    batch = (
        risk.contributions(weights, covariance).contributions,
        risk.diversification(weights, covariance).ratio,
        risk.relation_to_benchmark(weights, covariance, np.eye(5)[0]).beta,
        risk.average_correlation(np.eye(5), held),
        risk.risk_score(weights, np.arange(5) / 2),
    )
    row = slice(risk.CHUNK_ROWS + 3, risk.CHUNK_ROWS + 4)
    alone = (
        risk.contributions(weights[row], covariance).contributions,
        risk.diversification(weights[row], covariance).ratio,
        risk.relation_to_benchmark(weights[row], covariance, np.eye(5)[0]).beta,
        risk.average_correlation(np.eye(5), held[row]),
        risk.risk_score(weights[row], np.arange(5) / 2),
    )
    for one, many in zip(alone, batch, strict=True):
        np.testing.assert_allclose(one, many[row], rtol=1e-12)


NAN = float("nan")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: risk.diversification([[1, 0], [0, 0]], np.eye(2)),
            errors.ZeroVolatilityError,
            "weights has no risk at row 1",
        ),
        (
            lambda: risk.diversification([[1, -0.5]], np.eye(2)),
            errors.NegativeWeightError,
            "row 0, column 1",
        ),
        (
            lambda: risk.diversification([[1, NAN]], np.eye(2)),
            errors.NotFiniteError,
            "row 0, column 1",
        ),
        (
            lambda: risk.relation_to_benchmark([[1, 0]], np.eye(2), [0, 0]),
            errors.ZeroVolatilityError,
            "benchmark has no risk",
        ),
        (
            lambda: risk.relation_to_benchmark([[0, 0]], np.eye(2), [1, 0]),
            errors.ZeroVolatilityError,
            "weights has no risk at row 0",
        ),
        (
            lambda: risk.relation_to_benchmark([[1, 0]], np.eye(2), [1, 0, 0]),
            errors.ShapeError,
            "benchmark has shape",
        ),
        (
            lambda: risk.average_correlation(np.eye(2), [[1, 1], [1, 0]]),
            errors.TooFewHoldingsError,
            "row 1",
        ),
        (
            lambda: risk.average_correlation([[1, 2], [2, 1]], [[1, 1]]),
            errors.OutOfRangeError,
            "the largest correlation is 2",
        ),
        (
            lambda: risk.risk_score([[0.5, 0.4]], [1, 2]),
            errors.WeightsSumError,
            "0.9 at row 0",
        ),
        (
            lambda: risk.risk_score([[0.5, 0.5]], [1, -2]),
            errors.OutOfRangeError,
            "lowest of levels is -2",
        ),
    ],
)
def test_figures_that_mean_nothing_are_refused_by_row(call, error, message):
    with pytest.raises(error, match=message):
        call()
