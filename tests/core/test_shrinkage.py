import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import covariance as sklearn_covariance

from analytics.core import errors, shrinkage

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pypfopt.risk_models import CovarianceShrinkage


def correlated_returns(n_days=365, n_assets=12, seed=0):
    rng = np.random.default_rng(seed)
    market = rng.standard_t(5, (n_days, 1)) * np.linspace(0.3, 2, n_assets)
    scale = 0.02 * rng.uniform(0.5, 2, n_assets)
    return scale * (market + rng.standard_t(5, (n_days, n_assets)))


def peer(returns):
    return CovarianceShrinkage(pd.DataFrame(returns), returns_data=True, frequency=1)


@pytest.mark.parametrize("n_days", [60, 365])
@pytest.mark.parametrize("seed", range(3))
def test_constant_correlation_equals_pyportfolioopt(n_days, seed):
    returns = correlated_returns(n_days, seed=seed)
    oracle = peer(returns)
    # The paper divides all moments by n. The peer divides its sample covariance by n - 1.
    oracle.S = oracle.S * (n_days - 1) / n_days
    expected = oracle.ledoit_wolf("constant_correlation").to_numpy()
    found = shrinkage.constant_correlation(returns, min_overlap=2)
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-11)
    assert found.intensity == pytest.approx(oracle.delta, abs=1e-12)
    assert 0 < found.intensity < 1


def test_constant_correlation_is_near_pyportfolioopt_as_it_comes():
    returns = correlated_returns()
    oracle = peer(returns)
    expected = oracle.ledoit_wolf("constant_correlation").to_numpy()
    found = shrinkage.constant_correlation(returns)
    assert found.intensity == pytest.approx(oracle.delta, abs=2 / 365)
    np.testing.assert_allclose(found.covariance * 365 / 364, expected, rtol=0.01)


@pytest.mark.parametrize("shape", [(365, 12), (60, 40), (30, 50)])
def test_identity_equals_scikit_learn(shape):
    returns = correlated_returns(*shape)
    expected, intensity = sklearn_covariance.ledoit_wolf(returns)
    found = shrinkage.identity(returns, min_overlap=2)
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-10, atol=1e-18)
    assert found.intensity == pytest.approx(intensity, abs=1e-12)


def test_with_ever_more_days_the_sample_covariance_has_the_word():
    returns = correlated_returns(n_days=60_000, n_assets=5)
    for shrink in (shrinkage.constant_correlation, shrinkage.identity):
        found = shrink(returns)
        assert found.intensity < 0.01
        np.testing.assert_allclose(
            found.covariance, np.cov(returns.T, bias=True), rtol=0.01, atol=1e-6
        )


def test_a_shrunk_covariance_is_nearer_to_the_truth_than_the_sample():
    rng = np.random.default_rng(0)
    volatility = rng.uniform(0.02, 0.08, 20)
    truth = (0.6 + 0.4 * np.eye(20)) * np.outer(volatility, volatility)
    shrunk_error, sample_error = 0.0, 0.0
    for _ in range(30):
        returns = rng.multivariate_normal(np.zeros(20), truth, 60)
        found = shrinkage.constant_correlation(returns, min_overlap=60).covariance
        shrunk_error += ((found - truth) ** 2).sum()
        sample_error += ((np.cov(returns.T, bias=True) - truth) ** 2).sum()
    assert shrunk_error < 0.8 * sample_error


def test_every_asset_keeps_its_own_variance():
    returns = correlated_returns()
    found = shrinkage.constant_correlation(returns).covariance
    np.testing.assert_allclose(np.diag(found), returns.var(axis=0), rtol=1e-12)


def test_one_asset_has_nothing_to_shrink_to():
    returns = correlated_returns(n_assets=1)
    for shrink in (shrinkage.constant_correlation, shrinkage.identity):
        np.testing.assert_allclose(shrink(returns).covariance, [[returns.var()]], rtol=1e-12)


# Young assets


def test_a_missing_day_is_left_out_of_its_own_pairs_only():
    returns = correlated_returns(n_assets=4)
    young = returns.copy()
    young[:200, 3] = np.nan
    whole, gappy = (shrinkage.constant_correlation(r) for r in (returns, young))
    # The old assets' variances are those of all days; the young one's is that of its own.
    np.testing.assert_allclose(np.diag(gappy.covariance)[:3], np.diag(whole.covariance)[:3])
    np.testing.assert_allclose(gappy.covariance[3, 3], young[200:, 3].var())


def test_a_young_asset_makes_for_more_shrinking():
    returns = correlated_returns(n_assets=6)
    young = returns.copy()
    young[:-120, 3:] = np.nan
    whole, gappy = (shrinkage.constant_correlation(r) for r in (returns, young))
    assert gappy.intensity > whole.intensity


@given(
    arrays.arrays(
        np.float64,
        st.tuples(st.integers(8, 20), st.integers(1, 6)),
        elements=st.floats(-0.875, 5, width=32) | st.just(np.nan) | st.just(0.0),
    )
)
def test_any_estimate_is_finite_and_positive_semidefinite_or_refused(returns):
    for shrink in (shrinkage.constant_correlation, shrinkage.identity):
        try:
            found = shrink(returns, min_overlap=4)
        except (errors.TooLittleHistoryError, errors.ZeroVolatilityError):
            seen = (~np.isnan(returns)).astype(int)
            short = (seen.T @ seen < 4).any()
            still = any(np.unique(column[~np.isnan(column)]).size <= 1 for column in returns.T)
            assert short or still
            continue
        assert 0 <= found.intensity <= 1
        assert np.isfinite(found.covariance).all()
        eigenvalues = np.linalg.eigvalsh(found.covariance)
        assert eigenvalues[0] >= -1e-9 * eigenvalues[-1]


def test_the_order_of_assets_does_not_matter():
    returns, order = correlated_returns(n_assets=5), np.array([3, 0, 4, 2, 1])
    returns[:100, 2] = np.nan
    for shrink in (shrinkage.constant_correlation, shrinkage.identity):
        plain, permuted = shrink(returns), shrink(returns[:, order])
        np.testing.assert_allclose(
            permuted.covariance, plain.covariance[np.ix_(order, order)], rtol=1e-10
        )
        assert permuted.intensity == pytest.approx(plain.intensity, rel=1e-10)


def test_leverage_scales_the_estimate():
    returns = correlated_returns(n_assets=5)
    for shrink in (shrinkage.constant_correlation, shrinkage.identity):
        np.testing.assert_allclose(
            shrink(3 * returns).covariance, 9 * shrink(returns).covariance, rtol=1e-10
        )


# Refusals


def test_too_little_common_history_is_refused_by_pair():
    returns = correlated_returns(n_assets=4)
    returns[:-119, 2] = np.nan
    with pytest.raises(errors.TooLittleHistoryError, match="120 common days.*columns? .*2"):
        shrinkage.constant_correlation(returns)


def test_unusable_input_is_refused():
    returns = correlated_returns(n_assets=3)
    still = returns.copy()
    still[:, 1] = 0.001
    with pytest.raises(errors.ZeroVolatilityError, match="column 1"):
        shrinkage.constant_correlation(still)
    with pytest.raises(errors.NotFiniteError, match="variance of returns"):
        shrinkage.constant_correlation(returns * 1e200)
    with pytest.raises(errors.OutOfRangeError, match="min_overlap"):
        shrinkage.identity(returns, min_overlap=1)
    broken = returns.copy()
    broken[7, 2] = np.inf
    with pytest.raises(errors.NotFiniteError, match="row 7, column 2"):
        shrinkage.identity(broken)
    with pytest.raises(errors.ShapeError, match="returns"):
        shrinkage.identity(returns[0])
