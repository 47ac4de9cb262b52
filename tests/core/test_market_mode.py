import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.tools import add_constant

from analytics.core import correlation, errors, market_mode


def market_and_others(n_days=400, seed=0):
    """Column 1 is the market; 0 and 2 share a group of their own, 3 goes alone."""
    rng = np.random.default_rng(seed)
    market, group = 0.03 * rng.standard_normal((2, n_days, 1))
    own = 0.02 * rng.standard_normal((n_days, 4))
    moves = market * [1.2, 1.0, 0.8, 1.5] + group * [1.0, 0.0, 1.0, 0.0] + own
    moves[:, 1] = market[:, 0]
    return moves


# Without the market


def test_residuals_and_betas_equal_those_of_statsmodels():
    returns = market_and_others()
    returns[:50, 2] = np.nan
    returns[60, 1] = np.nan
    found = market_mode.remove(returns, market=1)
    for column, asset in enumerate((0, 2, 3)):
        oracle = OLS(returns[:, asset], add_constant(returns[:, 1]), missing="drop").fit()
        assert found.beta[column] == pytest.approx(oracle.params[1], rel=1e-11)
        left = found.returns[:, column]
        np.testing.assert_allclose(left[~np.isnan(left)], oracle.resid, atol=1e-15)
        np.testing.assert_array_equal(
            np.isnan(left), np.isnan(returns[:, asset]) | np.isnan(returns[:, 1])
        )


def test_what_is_left_does_not_move_with_the_market():
    returns = market_and_others()
    left = market_mode.remove(returns, market=1).returns
    np.testing.assert_allclose(left.T @ returns[:, 1], 0, atol=1e-13)
    np.testing.assert_allclose(left.mean(axis=0), 0, atol=1e-16)


def test_only_the_group_stays_together_without_the_market():
    returns = market_and_others(n_days=4000)
    raw = correlation.pairwise(returns).correlation
    left = correlation.pairwise(market_mode.remove(returns, market=1).returns).correlation
    assert raw[0, 3] > 0.5
    assert left[0, 1] == pytest.approx(0.03**2 / (0.03**2 + 0.02**2), abs=0.05)
    assert abs(left[0, 2]) < 0.05
    assert abs(left[1, 2]) < 0.05


def test_residual_correlation_is_the_partial_correlation():
    returns = np.clip(market_and_others(), -0.06, 0.06)  # nothing left to winsorise
    left = market_mode.remove(returns, market=1).returns
    rho = np.corrcoef(returns.T)
    partial = (rho[0, 3] - rho[0, 1] * rho[3, 1]) / np.sqrt(
        (1 - rho[0, 1] ** 2) * (1 - rho[3, 1] ** 2)
    )
    assert np.corrcoef(left.T)[0, 2] == pytest.approx(partial, abs=1e-12)


def test_of_the_markets_double_nothing_is_left():
    returns = market_and_others()
    returns[:, 3] = 2 * returns[:, 1] + 0.001
    found = market_mode.remove(returns, market=1)
    assert found.beta[2] == pytest.approx(2)
    assert (found.returns[:, 2] == 0).all()
    assert np.isnan(correlation.pairwise(found.returns).correlation[2]).all()


def test_the_place_of_the_market_and_the_order_of_the_others_do_not_matter():
    returns, order = market_and_others(), np.array([3, 0, 2, 1])
    plain, permuted = (
        market_mode.remove(returns, market=1),
        market_mode.remove(returns[:, order], market=3),
    )
    np.testing.assert_allclose(permuted.beta, plain.beta[[2, 0, 1]], rtol=1e-12)
    np.testing.assert_allclose(permuted.returns, plain.returns[:, [2, 0, 1]], atol=1e-16)


def test_no_regression_without_days_or_moves():
    returns = market_and_others()
    young = returns.copy()
    young[:-2, 2] = np.nan
    with pytest.raises(errors.TooLittleHistoryError, match="column 2"):
        market_mode.remove(young, market=1)
    still = returns.copy()
    still[300:, 1] = 0.001
    still[:300, 3] = np.nan
    with pytest.raises(errors.ZeroVolatilityError, match="column 3"):
        market_mode.remove(still, market=1)


# Calm and stressed


def test_stressed_days_are_the_wildest_tenth_of_the_market_either_way():
    returns = market_and_others()
    found = market_mode.calm_and_stressed(returns, market=1)
    wildest = np.argsort(-np.abs(returns[:, 1]))[:40]
    assert set(np.flatnonzero(found.stressed_days)) == set(wildest)
    assert found.threshold == np.abs(returns[wildest, 1]).min()
    assert (returns[found.stressed_days, 1] < 0).any()
    assert (returns[found.stressed_days, 1] > 0).any()


def test_each_matrix_is_that_of_its_days():
    returns = market_and_others()
    found = market_mode.calm_and_stressed(returns, market=1)
    stressed = correlation.pairwise(returns[found.stressed_days], min_overlap=18)
    calm = correlation.pairwise(returns[~found.stressed_days], min_overlap=18)
    np.testing.assert_array_equal(found.stressed.correlation, stressed.correlation)
    np.testing.assert_array_equal(found.calm.correlation, calm.correlation)
    assert found.calm.overlap[0, 1] + found.stressed.overlap[0, 1] == 400


def test_a_day_without_the_market_is_neither():
    returns = market_and_others()
    returns[::2, 1] = np.nan
    found = market_mode.calm_and_stressed(returns, market=1)
    assert found.stressed_days.sum() == 20
    assert not found.stressed_days[::2].any()
    assert found.calm.overlap[0, 0] == 180


def test_a_market_that_links_more_when_wild_is_seen_to():
    rng = np.random.default_rng(0)
    shared, own = 0.03 * rng.standard_normal((2000, 1)), 0.03 * rng.standard_normal((2000, 3))
    own *= np.where(np.abs(shared) > 0.05, 0.1, 1.0)
    found = market_mode.calm_and_stressed(np.hstack([shared, shared + own]), market=0)
    assert found.stressed.correlation[1:, 1:].min() > 0.95
    assert found.calm.correlation[1, 2] < 0.5


def test_picking_wild_days_raises_correlations_even_of_a_market_that_never_changes():
    # Boyer, Gibson & Loretan 1999: ρ / sqrt(ρ² + (1 - ρ²) var(x) / var(x on those days)).
    rng, rho = np.random.default_rng(0), 0.6
    market = rng.standard_normal((200_000, 1))
    other = rho * market + 0.8 * rng.standard_normal((200_000, 1))
    found = market_mode.calm_and_stressed(np.hstack([market, other]), market=0)
    edge = stats.norm.ppf(0.95)
    wild_variance = 1 + edge * stats.norm.pdf(edge) / 0.05
    expected = rho / np.sqrt(rho**2 + (1 - rho**2) / wild_variance)
    assert found.stressed.correlation[0, 1] == pytest.approx(expected, abs=0.01)
    assert found.calm.correlation[0, 1] < rho


def test_too_few_stressed_days_leave_a_pair_unknown():
    found = market_mode.calm_and_stressed(market_and_others(n_days=100), market=1)
    assert np.isnan(found.stressed.correlation[0, 1])
    assert np.isfinite(found.calm.correlation).all()


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.95), st.permutations(range(4)))
def test_the_order_of_assets_does_not_matter(seed, share, order):
    returns = market_and_others(60, seed)
    plain = market_mode.calm_and_stressed(returns, market=1, share=share, min_overlap=3)
    permuted = market_mode.calm_and_stressed(
        returns[:, order], market=order.index(1), share=share, min_overlap=3
    )
    np.testing.assert_array_equal(permuted.stressed_days, plain.stressed_days)
    for one, other in ((permuted.calm, plain.calm), (permuted.stressed, plain.stressed)):
        np.testing.assert_allclose(
            one.correlation, other.correlation[np.ix_(order, order)], atol=1e-9
        )


def test_unusable_input_is_refused():
    returns = market_and_others()
    with pytest.raises(errors.OutOfRangeError, match="market is 4"):
        market_mode.remove(returns, market=4)
    with pytest.raises(errors.OutOfRangeError, match="share"):
        market_mode.calm_and_stressed(returns, market=1, share=1.0)
    returns[:, 1] = np.nan
    with pytest.raises(errors.TooLittleHistoryError, match="column 1"):
        market_mode.calm_and_stressed(returns, market=1)
    returns[3, 2] = np.inf
    with pytest.raises(errors.NotFiniteError, match="row 3, column 2"):
        market_mode.remove(returns, market=0)
