import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.core import correlation, covariance, covariance_series, errors


def correlated_returns(n_days=300, n_assets=5, seed=0):
    rng = np.random.default_rng(seed)
    return 0.03 * (rng.standard_normal((n_days, 1)) + rng.standard_normal((n_days, n_assets)))


def with_gaps(returns):
    gappy = returns.copy()
    gappy[:80, 1] = np.nan
    gappy[150, 2] = np.nan
    gappy[200:, 4] = np.nan
    return gappy


def matrices(frame, n_assets=5):
    return frame.to_numpy().reshape(-1, n_assets, n_assets)


# Rolling


@pytest.mark.parametrize("window", [2, 30, 90, 299, 300])
@pytest.mark.parametrize("gaps", [False, True])
def test_rolling_equals_pandas(window, gaps):
    returns = with_gaps(correlated_returns()) if gaps else correlated_returns()
    oracle = matrices(pd.DataFrame(returns).rolling(window).cov())
    series = covariance_series.rolling(returns, window=window)
    np.testing.assert_allclose(series, oracle, rtol=1e-9, atol=1e-15)


def test_rolling_by_hand():
    series = covariance_series.rolling([[0.1, 0.0], [0.3, 0.1], [0.1, 0.2]], window=2)
    np.testing.assert_array_equal(series[0], np.full((2, 2), np.nan))
    np.testing.assert_allclose(
        series[1:], [[[0.02, 0.01], [0.01, 0.005]], [[0.02, -0.01], [-0.01, 0.005]]]
    )


def test_the_last_rolling_matrix_is_the_sample_covariance_of_its_window():
    returns = correlated_returns()
    series = covariance_series.rolling(returns, window=90)
    np.testing.assert_allclose(series[-1], np.cov(returns[-90:].T), rtol=1e-11)
    np.testing.assert_allclose(series[200], np.cov(returns[111:201].T), rtol=1e-11)


def test_rolling_correlations_equal_those_of_pandas():
    returns = correlated_returns()
    oracle = matrices(pd.DataFrame(returns).rolling(60).corr())
    series = correlation.of_covariance(covariance_series.rolling(returns, window=60))
    np.testing.assert_allclose(series, oracle, atol=1e-11)


def test_a_wild_day_leaves_no_trace_behind_its_window():
    returns = correlated_returns()
    wild = returns.copy()
    wild[100] = 1e6
    clean, spoiled = (covariance_series.rolling(r, window=30) for r in (returns, wild))
    np.testing.assert_array_equal(spoiled[130:], clean[130:])
    assert (spoiled[129] > 1e3).all()


@given(st.integers(2, 20), st.integers(0, 2**32 - 1))
def test_a_rolling_matrix_comes_from_its_window_alone_to_the_last_bit(window, seed):
    returns = correlated_returns(40, 3, seed)
    series = covariance_series.rolling(returns, window=window)
    np.testing.assert_array_equal(
        covariance_series.rolling(returns[:30], window=window), series[:30]
    )
    later = covariance_series.rolling(returns[7:], window=window)
    np.testing.assert_array_equal(later[window - 1 :], series[7 + window - 1 :])


# Exponential weights


@pytest.mark.parametrize("halflife", [1, 30, 90])
@pytest.mark.parametrize("gaps", [False, True])
def test_centred_ewma_equals_pandas(halflife, gaps):
    returns = with_gaps(correlated_returns()) if gaps else correlated_returns()
    oracle = matrices(pd.DataFrame(returns).ewm(halflife=halflife).cov(bias=True))
    series = covariance_series.ewma(returns, halflife=halflife, centred=True)
    # The peer shows nothing before an asset's first day, nor after its last; here the last holds.
    known = np.isfinite(oracle)
    np.testing.assert_allclose(series[known], oracle[known], rtol=1e-8, atol=1e-16)
    assert known.sum() > 0.5 * known.size


@pytest.mark.parametrize("gaps", [False, True])
def test_zero_mean_ewma_equals_the_weighted_mean_of_products(gaps):
    returns = with_gaps(correlated_returns()) if gaps else correlated_returns()
    series = covariance_series.ewma(returns, halflife=30)
    for one, other in ((0, 0), (0, 1), (1, 2), (3, 4)):
        products = pd.Series(returns[:, one] * returns[:, other])
        np.testing.assert_allclose(
            series[:, one, other], products.ewm(halflife=30).mean(), rtol=1e-10, atol=1e-18
        )


def test_the_series_tells_what_the_night_would_have_told():
    returns = np.clip(correlated_returns(), -0.05, 0.05)  # nothing left to winsorise
    series = covariance_series.ewma(returns, halflife=90)
    for day in (100, 299):
        night = covariance.ewma(
            returns[: day + 1], volatility_halflife=90, groups=np.zeros(5, dtype=int)
        )
        np.testing.assert_allclose(series[day], night.covariance, rtol=1e-6)


def test_without_fading_ewma_is_the_sample_covariance():
    returns = correlated_returns()
    series = covariance_series.ewma(returns, halflife=1e12, centred=True)
    np.testing.assert_allclose(series[-1], np.cov(returns.T, bias=True), rtol=1e-8)
    night = covariance.ewma(
        np.clip(returns, -0.05, 0.05),
        volatility_halflife=1e12,
        correlation_halflife=1e12,
        groups=np.zeros(5, dtype=int),
    )
    clipped = np.clip(returns, -0.05, 0.05)
    np.testing.assert_allclose(night.covariance, clipped.T @ clipped / 300, rtol=1e-6)


@given(st.integers(0, 2**32 - 1))
def test_history_is_never_repainted(seed):
    returns = with_gaps(correlated_returns(210, 5, seed))
    whole = covariance_series.ewma(returns, halflife=10)
    np.testing.assert_allclose(
        covariance_series.ewma(returns[:180], halflife=10), whole[:180], rtol=1e-13
    )


def test_a_pair_without_common_days_is_unknown():
    returns = correlated_returns(100, 2)
    returns[:50, 0] = np.nan
    returns[50:, 1] = np.nan
    series = covariance_series.ewma(returns, halflife=10)
    assert np.isnan(series[:, 0, 1]).all()
    assert np.isnan(series[:50, 0, 0]).all()
    assert np.isfinite(series[50:, 0, 0]).all()
    assert np.isfinite(series[:, 1, 1]).all()


# Both


SERIES = [
    lambda returns: covariance_series.rolling(returns, window=30),
    lambda returns: covariance_series.ewma(returns, halflife=30),
    lambda returns: covariance_series.ewma(returns, halflife=30, centred=True),
]


@pytest.mark.parametrize("series", SERIES)
@pytest.mark.parametrize("gaps", [False, True])
def test_neither_order_nor_company_of_the_assets_matters(series, gaps):
    returns, order = correlated_returns(), np.array([3, 0, 4, 2, 1])
    returns = with_gaps(returns) if gaps else returns
    whole = series(returns)
    np.testing.assert_array_equal(series(returns[:, order]), whole[:, order][:, :, order])
    np.testing.assert_array_equal(whole, whole.transpose(0, 2, 1))
    if not gaps:
        np.testing.assert_array_equal(series(returns[:, :2]), whole[:, :2, :2])


@pytest.mark.parametrize("series", SERIES)
def test_every_known_matrix_is_positive_semidefinite(series):
    found = series(correlated_returns(200, 5))
    known = found[np.isfinite(found).all(axis=(1, 2))]
    assert len(known) > 150
    assert (np.linalg.eigvalsh(known)[:, 0] > -1e-15).all()


@pytest.mark.parametrize("series", SERIES)
def test_too_few_days_have_no_matrix_and_no_days_no_series(series):
    assert series(np.empty((0, 3))).shape == (0, 3, 3)
    assert covariance_series.rolling(np.ones((5, 2)), window=6).shape == (5, 2, 2)
    assert np.isnan(covariance_series.rolling(np.ones((5, 2)), window=6)).all()


@pytest.mark.parametrize("series", SERIES)
def test_returns_too_large_to_be_squared_are_refused_by_column(series):
    returns = correlated_returns(50, 3)
    returns[5, 1] = 1e160
    with pytest.raises(errors.NotFiniteError, match="overflows in column 1"):
        series(returns)
    returns[5, 1] = np.inf
    with pytest.raises(errors.NotFiniteError, match="row 5, column 1"):
        series(returns)


def test_unusable_parameters_are_refused():
    with pytest.raises(errors.OutOfRangeError, match="window"):
        covariance_series.rolling(np.ones((5, 2)), window=1)
    with pytest.raises(errors.OutOfRangeError, match="halflife"):
        covariance_series.ewma(np.ones((5, 2)), halflife=0)
    with pytest.raises(errors.ShapeError, match="returns"):
        covariance_series.ewma(np.ones(5), halflife=3)
