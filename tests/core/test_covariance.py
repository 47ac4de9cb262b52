import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analytics.core import covariance, errors


def correlated_returns(n_days=300, n_assets=6, seed=0):
    generator = np.random.default_rng(seed)
    market = generator.standard_t(5, (n_days, 1)) * 0.02
    return market + generator.standard_t(5, (n_days, n_assets)) * 0.02


def with_gaps(returns, seed=1, share=0.1):
    holes = np.random.default_rng(seed).random(returns.shape) < share
    return np.where(holes, np.nan, returns)


def one_group(returns):
    return np.zeros(np.shape(returns)[1], dtype=int)


def is_correlation(matrix):
    return (
        (np.diag(matrix) == 1).all()
        and (matrix == matrix.T).all()
        and np.linalg.eigvalsh(matrix)[0] > -1e-10
    )


# Volatility


def test_volatility_by_hand():
    # Halflife one day: weights 1/4, 1/2, 1 over their sum, 7/4.
    returns = [[0.04], [0.02], [0.01]]
    estimate = covariance.ewma(returns, volatility_halflife=1, groups=[0])
    expected = np.sqrt((0.04**2 / 4 + 0.02**2 / 2 + 0.01**2) / 1.75)
    np.testing.assert_allclose(estimate.daily_volatility, [expected], rtol=1e-14)


def test_volatility_equals_the_zero_mean_ewma_of_pandas_gaps_included():
    returns = with_gaps(correlated_returns())
    returns[-3:, 2] = np.nan
    oracle = (pd.DataFrame(returns) ** 2).ewm(halflife=30, adjust=True, ignore_na=False).mean()
    estimate = covariance.ewma(returns, groups=one_group(returns))
    np.testing.assert_allclose(estimate.daily_volatility, np.sqrt(oracle.iloc[-1]), rtol=1e-12)


def test_a_missing_day_is_not_a_return_of_zero():
    returns = correlated_returns(100, 2)
    gaps = returns.copy()
    gaps[40:, 1] = np.nan
    recent_zeros = np.nan_to_num(gaps)
    groups = one_group(returns)
    estimate, filled = (covariance.ewma(r, groups=groups) for r in (gaps, recent_zeros))
    assert estimate.daily_volatility[1] > 1.5 * filled.daily_volatility[1]


# Correlation


def test_correlation_without_gaps_equals_the_weighted_second_moments():
    returns = correlated_returns()
    returns = np.clip(returns, -0.03, 0.03)  # nothing left to winsorise
    weights = 0.5 ** (np.arange(len(returns))[::-1] / 90)
    moments = (returns * weights[:, None]).T @ returns
    volatility = np.sqrt(np.diag(moments))
    estimate = covariance.ewma(returns, groups=one_group(returns))
    np.testing.assert_allclose(
        estimate.correlation, moments / np.outer(volatility, volatility), atol=1e-12
    )
    assert not estimate.shrunk.any()


def test_each_pair_uses_its_common_days_only():
    returns = np.clip(with_gaps(correlated_returns(n_assets=3)), -0.03, 0.03)
    estimate = covariance.ewma(returns, groups=one_group(returns))
    common = ~np.isnan(returns[:, :2]).any(axis=1)
    weights = 0.5 ** (np.arange(len(returns))[::-1] / 90)[common]
    first, second = returns[common, 0], returns[common, 1]
    expected = weights @ (first * second)
    expected /= np.sqrt((weights @ first**2) * (weights @ second**2))
    np.testing.assert_allclose(estimate.correlation[0, 1], expected, rtol=1e-12)
    assert estimate.overlap[0, 1] == common.sum()
    assert estimate.overlap[2, 2] == (~np.isnan(returns[:, 2])).sum()


def test_covariance_is_correlation_times_both_volatilities():
    returns = with_gaps(correlated_returns())
    estimate = covariance.ewma(returns, groups=one_group(returns))
    volatility = estimate.daily_volatility
    np.testing.assert_allclose(
        estimate.covariance, estimate.correlation * np.outer(volatility, volatility), rtol=1e-14
    )
    np.testing.assert_allclose(np.diag(estimate.covariance), volatility**2)


def test_one_bad_tick_moves_volatility_but_hardly_correlation():
    clean = correlated_returns(n_assets=2)
    spoiled = clean.copy()
    spoiled[-5, 0] = 3.0
    groups = one_group(clean)
    before, after = (covariance.ewma(r, groups=groups) for r in (clean, spoiled))
    assert after.daily_volatility[0] > 5 * before.daily_volatility[0]
    assert abs(after.correlation[0, 1] - before.correlation[0, 1]) < 0.05
    # Unwinsorised it would have drowned everything else in that asset.
    naive = pd.DataFrame(spoiled).corr().iloc[0, 1]
    assert abs(naive - before.correlation[0, 1]) > 0.2


def test_an_asset_that_mostly_stands_still_is_not_winsorised_away():
    returns = correlated_returns(n_assets=2)
    returns[::3, 1] = 0.0
    returns[1::3, 1] = 0.0
    estimate = covariance.ewma(returns, groups=one_group(returns))
    assert 0.1 < estimate.correlation[0, 1] < 1


# Young tokens


def test_a_young_pair_is_shrunk_to_the_mean_of_its_categories_in_proportion_to_its_days():
    returns = np.clip(correlated_returns(n_assets=5), -0.03, 0.03)
    returns[:-15, 4] = np.nan  # 15 of 60 days: a quarter of its own correlation
    groups = np.array([7, 7, 7, 3, 7])
    estimate = covariance.ewma(returns, groups=groups)
    own = covariance.ewma(returns, groups=groups, min_overlap=1).correlation
    within = np.mean([own[0, 1], own[0, 2], own[1, 2]])
    np.testing.assert_allclose(estimate.correlation[0, 4], own[0, 4] / 4 + within * 3 / 4)
    between = np.mean([own[0, 3], own[1, 3], own[2, 3]])
    np.testing.assert_allclose(estimate.correlation[3, 4], own[3, 4] / 4 + between * 3 / 4)
    assert estimate.shrunk.tolist() == [[False] * 4 + [True]] * 4 + [[True] * 4 + [False]]


@pytest.mark.parametrize(("days", "shrunk"), [(59, True), (60, False)])
def test_a_pair_stands_on_its_own_from_sixty_common_days(days, shrunk):
    returns = correlated_returns(n_assets=2)
    returns[:-days, 1] = np.nan
    assert covariance.ewma(returns, groups=[0, 0]).shrunk[0, 1] == shrunk


def test_a_young_pair_without_known_relatives_is_shrunk_to_the_mean_of_all():
    returns = np.clip(correlated_returns(n_assets=4), -0.03, 0.03)
    returns[:-15, 3] = np.nan
    groups = np.array([0, 0, 0, 9])
    estimate = covariance.ewma(returns, groups=groups)
    own = covariance.ewma(returns, groups=groups, min_overlap=1).correlation
    overall = np.mean([own[0, 1], own[0, 2], own[1, 2]])
    np.testing.assert_allclose(estimate.correlation[0, 3], own[0, 3] / 4 + overall * 3 / 4)


def test_assets_that_never_met_are_uncorrelated_when_nothing_better_is_known():
    returns = correlated_returns(100, 2)
    returns[:50, 0] = np.nan
    returns[50:, 1] = np.nan
    estimate = covariance.ewma(returns, groups=[0, 0])
    np.testing.assert_array_equal(estimate.correlation, np.eye(2))
    assert estimate.overlap[0, 1] == 0
    assert estimate.shrunk[0, 1]


def test_an_asset_silent_on_all_common_days_is_treated_as_unobserved():
    returns = correlated_returns(200, 3)
    returns[100:, 2] = 0.0  # moved once, then stood still
    returns[:100, :2] = np.nan
    estimate = covariance.ewma(returns, groups=one_group(returns))
    assert estimate.overlap[0, 2] == 100
    assert estimate.shrunk[0, 2]
    assert not estimate.shrunk[0, 1]
    np.testing.assert_allclose(estimate.correlation[0, 2], estimate.correlation[0, 1], atol=1e-4)


# Invariances and properties


def test_the_order_of_assets_does_not_matter():
    returns = with_gaps(correlated_returns())
    returns[:-20, 1] = np.nan
    groups, order = np.array([0, 0, 1, 1, 2, 2]), np.array([5, 2, 0, 4, 1, 3])
    estimate = covariance.ewma(returns, groups=groups)
    permuted = covariance.ewma(returns[:, order], groups=groups[order])
    block = np.ix_(order, order)
    np.testing.assert_allclose(permuted.covariance, estimate.covariance[block], rtol=1e-9)
    np.testing.assert_array_equal(permuted.overlap, estimate.overlap[block])
    np.testing.assert_array_equal(permuted.shrunk, estimate.shrunk[block])


def test_a_levered_asset_has_the_same_correlations():
    returns = with_gaps(correlated_returns())
    leverage = np.array([1, 2, 0.001, 5, 1000, 1])
    groups = one_group(returns)
    plain, levered = (covariance.ewma(r, groups=groups) for r in (returns, leverage * returns))
    np.testing.assert_allclose(levered.daily_volatility, leverage * plain.daily_volatility)
    np.testing.assert_allclose(levered.correlation, plain.correlation, atol=1e-12)


@settings(max_examples=60)
@given(
    returns=arrays.arrays(
        np.float64,
        st.tuples(st.integers(2, 30), st.integers(1, 6)),
        elements=st.floats(-0.875, 5, width=32) | st.just(np.nan) | st.just(0.0),
    ),
    min_overlap=st.integers(1, 20),
)
def test_any_estimate_is_finite_and_positive_semidefinite_or_refused(returns, min_overlap):
    groups = np.arange(returns.shape[1]) % 2
    young = np.isfinite(returns).sum(axis=0) < 2
    still = np.nansum(returns**2, axis=0) == 0
    if young.any() or still.any():
        refusal = errors.TooLittleHistoryError if young.any() else errors.ZeroVolatilityError
        culprit = np.flatnonzero(young if young.any() else still)[0]
        with pytest.raises(refusal, match=rf"columns? {culprit}\b"):
            covariance.ewma(returns, groups=groups, min_overlap=min_overlap)
        return
    estimate = covariance.ewma(returns, groups=groups, min_overlap=min_overlap)
    assert is_correlation(estimate.correlation)
    assert np.isfinite(estimate.covariance).all()
    assert (estimate.daily_volatility > 0).all()


# Refusals


def test_an_asset_with_one_return_is_refused_by_column():
    returns = correlated_returns(100, 4)
    returns[1:, 1] = np.nan
    returns[:, 3] = np.nan
    with pytest.raises(errors.TooLittleHistoryError, match="columns 1, 3"):
        covariance.ewma(returns, groups=one_group(returns))


def test_an_asset_that_never_moves_is_refused_by_column():
    returns = correlated_returns(100, 3)
    returns[:, 2] = 0.0
    with pytest.raises(errors.ZeroVolatilityError, match="column 2"):
        covariance.ewma(returns, groups=one_group(returns))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"volatility_halflife": 0}, errors.OutOfRangeError, "volatility_halflife"),
        ({"correlation_halflife": -1}, errors.OutOfRangeError, "correlation_halflife"),
        ({"min_overlap": 0}, errors.OutOfRangeError, "min_overlap"),
        ({"groups": [0]}, errors.ShapeError, "groups"),
        ({"groups": [0.5, 1.0]}, errors.ShapeError, "groups"),
    ],
)
def test_unusable_parameters_are_refused_by_name(changes, error, message):
    with pytest.raises(error, match=message):
        covariance.ewma(correlated_returns(100, 2), **({"groups": [0, 0]} | changes))


def test_an_infinite_return_is_refused_by_row_and_column():
    returns = correlated_returns(100, 2)
    returns[3, 1] = np.inf
    with pytest.raises(errors.NotFiniteError, match="row 3, column 1"):
        covariance.ewma(returns, groups=[0, 0])
