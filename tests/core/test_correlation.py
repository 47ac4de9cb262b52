import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analytics.core import correlation, covariance, errors


def correlated_returns(n_days=300, n_assets=5, seed=0):
    """Factor returns bounded so that nothing is winsorised away."""
    rng = np.random.default_rng(seed)
    market = rng.uniform(-1, 1, (n_days, 1))
    return 0.03 * (market + rng.uniform(-1, 1, (n_days, n_assets)))


def with_gaps(returns, share=0.15, seed=1):
    holes = np.random.default_rng(seed).random(returns.shape) < share
    return np.where(holes, np.nan, returns)


def pair(rng, n_days, rho):
    moves = 0.04 * rng.standard_normal((n_days, 2))
    moves[:, 1] = rho * moves[:, 0] + np.sqrt(1 - rho**2) * moves[:, 1]
    return moves


def gaussian(rng, n_days, rho):
    return pair(rng, n_days, rho)


def fat_tailed(rng, n_days, rho):
    """Student's t with five degrees of freedom, the same shock for both."""
    return pair(rng, n_days, rho) * np.sqrt(5 / rng.chisquare(5, (n_days, 1)))


def clustered(rng, n_days, rho):
    """Log volatility that walks slowly, so that quiet and wild weeks alternate."""
    shocks, level = 0.25 * rng.standard_normal(n_days), np.zeros(n_days)
    for day in range(1, n_days):
        level[day] = 0.95 * level[day - 1] + shocks[day]
    return pair(rng, n_days, rho) * np.exp(level)[:, None]


# Pairwise correlation


def test_pairwise_equals_the_pearson_correlation_of_pandas_gaps_included():
    returns = with_gaps(correlated_returns())
    returns[:200, 3] = np.nan
    oracle = pd.DataFrame(returns).corr(min_periods=60)
    found = correlation.pairwise(returns)
    np.testing.assert_allclose(found.correlation, oracle, atol=1e-12)
    common = ~np.isnan(returns[:, 0]) & ~np.isnan(returns[:, 3])
    assert found.overlap[0, 3] == common.sum()


def test_a_planted_outlier_hardly_moves_the_correlation():
    clean = correlated_returns(n_assets=2)
    spoiled = clean.copy()
    spoiled[17, 0] = 8.0
    before, after = (correlation.pairwise(r).correlation[0, 1] for r in (clean, spoiled))
    assert abs(after - before) < 0.02
    assert abs(pd.DataFrame(spoiled).corr().iloc[0, 1] - before) > 0.3


@pytest.mark.parametrize(("days", "told"), [(59, False), (60, True)])
def test_a_pair_with_too_few_common_days_is_not_told(days, told):
    returns = correlated_returns(n_assets=2)
    returns[:-days, 1] = np.nan
    found = correlation.pairwise(returns)
    assert np.isfinite(found.correlation[0, 1]) == told
    assert np.isfinite(found.effective_days[0, 1]) == told
    assert found.correlation[0, 0] == 1


def test_an_asset_that_stood_still_has_no_correlation_not_even_with_itself():
    returns = correlated_returns(n_assets=3)
    returns[:, 1] = 0.001  # to the eye of rounding a constant still has a variance
    found = correlation.pairwise(returns).correlation
    assert np.isnan(found[1]).all()
    assert np.isnan(found[:, 1]).all()
    assert np.isfinite(found[[0, 2, 0], [0, 2, 2]]).all()


@given(
    arrays.arrays(
        np.float64,
        st.tuples(st.integers(0, 25), st.integers(1, 5)),
        elements=st.floats(-0.875, 5, width=32) | st.just(np.nan) | st.just(0.0),
    )
)
def test_any_correlation_is_in_bounds_symmetric_and_known_exactly_where_told(returns):
    found = correlation.pairwise(returns, min_overlap=5)
    told = np.isfinite(found.correlation)
    assert (np.abs(found.correlation[told]) <= 1).all()
    np.testing.assert_array_equal(found.correlation, found.correlation.T)
    np.testing.assert_array_equal(told, np.isfinite(found.effective_days))
    assert (found.overlap[told] >= 5).all()
    assert (found.effective_days[told] > 0).all()
    assert (found.effective_days[told] <= found.overlap[told] * (1 + 1e-12)).all()


def test_neither_order_nor_size_of_the_assets_matters():
    returns, order = with_gaps(correlated_returns()), np.array([3, 0, 4, 2, 1])
    plain = correlation.pairwise(returns)
    changed = correlation.pairwise(returns[:, order] * np.array([1, 1e-9, 50, 1e150, 3]))
    block = np.ix_(order, order)
    np.testing.assert_allclose(changed.correlation, plain.correlation[block], atol=1e-12)
    np.testing.assert_allclose(changed.effective_days, plain.effective_days[block], rtol=1e-9)


# Effective days


def test_gaussian_days_count_in_full():
    found = correlation.pairwise(gaussian(np.random.default_rng(0), 20_000, 0.6))
    assert found.effective_days[0, 1] == pytest.approx(20_000, rel=0.03)


def test_fat_tails_count_as_their_kurtosis_says():
    # For an elliptical distribution the variance of ρ grows by 1 + κ/3, κ the excess kurtosis;
    # a t with 12 degrees of freedom has κ = 6 / 8 (Muirhead 1982), and few days to winsorise.
    rng = np.random.default_rng(0)
    returns = pair(rng, 400_000, 0.6) * np.sqrt(12 / rng.chisquare(12, (400_000, 1)))
    moves = returns / returns.std(axis=0)
    rho = np.corrcoef(moves.T)
    days = correlation.effective_days(
        moves, np.isfinite(moves), np.ones(len(moves)), rho, np.full((2, 2), np.sqrt(len(moves)))
    )
    assert days[0, 1] / len(moves) == pytest.approx(1 / 1.25, rel=0.03)


def test_a_double_knows_its_correlation_on_as_many_days_as_its_weights_count():
    returns = correlated_returns(n_assets=1)[:, [0, 0]]
    assert correlation.pairwise(returns).effective_days[0, 1] == len(returns)
    weights = 0.5 ** (np.arange(300) / 90)
    night = covariance.ewma(returns, groups=[0, 0]).effective_days
    np.testing.assert_allclose(night, weights.sum() ** 2 / (weights**2).sum(), rtol=1e-12)


def test_the_nights_estimate_is_known_as_well_as_its_fading_days_allow():
    returns = correlated_returns(n_days=600)
    weights = 0.5 ** (np.arange(600) / 90)
    kish = weights.sum() ** 2 / (weights**2).sum()
    days = covariance.ewma(returns, groups=np.zeros(5, dtype=int)).effective_days
    off_diagonal = days[~np.eye(5, dtype=bool)]
    assert (off_diagonal > kish / 2).all()
    assert (off_diagonal <= kish * (1 + 1e-12)).all()


# Intervals


def test_fishers_interval_by_hand():
    # z = artanh 0.5 = 0.549306, standard error 1 / sqrt(100) at 103 days.
    interval = correlation.fisher_interval(0.5, 103)
    np.testing.assert_allclose(
        [interval.low, interval.high],
        np.tanh([0.5493061443 - 0.1959963985, 0.5493061443 + 0.1959963985]),
        rtol=1e-9,
    )


@pytest.mark.parametrize("simulate", [gaussian, fat_tailed, clustered])
@pytest.mark.parametrize(("rho", "n_days"), [(0.0, 90), (0.7, 365), (0.85, 90)])
def test_a_95_percent_interval_covers_the_truth_about_as_often(simulate, rho, n_days):
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(400):
        found = correlation.pairwise(simulate(rng, n_days, rho))
        interval = correlation.fisher_interval(found.correlation, found.effective_days)
        covered += interval.low[0, 1] <= rho <= interval.high[0, 1]
    # 400 draws know the coverage to ± 2 points; what is missing is mostly winsorising's bias.
    assert 0.89 <= covered / 400 <= 0.98


def test_counting_wild_days_in_full_would_cover_far_too_seldom():
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(400):
        returns = clustered(rng, 365, 0.7)
        told = np.corrcoef(returns.T)[0, 1]
        interval = correlation.fisher_interval(told, 365)
        covered += interval.low <= 0.7 <= interval.high
    assert covered / 400 < 0.8


def test_the_nights_interval_covers_the_truth_too():
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(200):
        night = covariance.ewma(fat_tailed(rng, 365, 0.7), groups=[0, 0])
        interval = correlation.fisher_interval(night.correlation, night.effective_days)
        covered += interval.low[0, 1] <= 0.7 <= interval.high[0, 1]
    assert 0.9 <= covered / 200 <= 0.99


@given(st.floats(-1, 1), st.floats(0, 1000), st.floats(0.01, 0.99))
def test_an_interval_encloses_its_correlation_within_bounds(rho, days, confidence):
    interval = correlation.fisher_interval(rho, days, confidence=confidence)
    assert -1 <= interval.low <= rho + 1e-12
    assert rho - 1e-12 <= interval.high <= 1


def test_three_days_know_nothing_and_the_unknown_stays_unknown():
    interval = correlation.fisher_interval([0.9, 1.0, 1.0, np.nan], [3.0, 3.0, 50.0, np.nan])
    np.testing.assert_array_equal(interval.low, [-1.0, -1.0, 1.0, np.nan])
    np.testing.assert_array_equal(interval.high, [1.0, 1.0, 1.0, np.nan])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.5, 1.5], 100), "correlation at row 1"),
        (([0.5], 100, 1.0), "confidence"),
    ],
)
def test_impossible_correlations_and_confidences_are_refused(arguments, message):
    rho, days, *confidence = arguments
    with pytest.raises(errors.OutOfRangeError, match=message):
        correlation.fisher_interval(rho, days, **({"confidence": 1.0} if confidence else {}))


# What chance does


def test_the_chance_level_of_one_pair_is_the_one_sided_bound_of_fisher():
    level = correlation.chance_level(103.0, pairs=1, chance=0.025)
    # No more than the interval of a correlation just as large, which then reaches down to zero.
    assert correlation.fisher_interval(level, 103.0).low == pytest.approx(0, abs=1e-15)


@given(st.integers(1, 10_000), st.floats(3.1, 5000), st.floats(1e-4, 0.9))
def test_chance_does_more_among_more_pairs_and_less_in_more_days(pairs, days, chance):
    level = correlation.chance_level([days, 2 * days], pairs=pairs, chance=chance)
    more = correlation.chance_level([days, 2 * days], pairs=2 * pairs, chance=chance)
    assert ((level >= 0) & (level <= 1)).all()
    assert level[1] <= level[0]
    assert (more >= level).all()


def test_chance_knows_no_level_where_nothing_is_known():
    np.testing.assert_array_equal(
        correlation.chance_level([3.0, 1.0, np.nan], pairs=3), [1.0, 1.0, np.nan]
    )
    with pytest.raises(errors.OutOfRangeError, match="pairs"):
        correlation.chance_level(100.0, pairs=0)
    with pytest.raises(errors.OutOfRangeError, match="chance"):
        correlation.chance_level(100.0, pairs=1, chance=1.0)


# Correlation of a covariance


def test_the_correlation_of_a_covariance_by_hand():
    found = correlation.of_covariance([[4.0, 3.0], [3.0, 9.0]])
    np.testing.assert_array_equal(found, [[1.0, 0.5], [0.5, 1.0]])


def test_a_batch_of_covariances_gives_each_its_own_correlation():
    batch = np.stack([np.cov(correlated_returns(seed=seed).T) for seed in range(4)])
    batch[2, 1] = batch[2, :, 1] = np.nan
    found = correlation.of_covariance(batch)
    for one, alone in zip(found, batch, strict=True):
        np.testing.assert_array_equal(one, correlation.of_covariance(alone))
    np.testing.assert_allclose(found[0], np.corrcoef(correlated_returns(seed=0).T), rtol=1e-12)
    assert np.isnan(found[2, 1]).all()
    assert np.isfinite(found[2, 0, 2:]).all()


def test_covariances_that_are_none_are_refused_by_column():
    with pytest.raises(errors.ZeroVolatilityError, match="column 1"):
        correlation.of_covariance([[1.0, 0.0], [0.0, 0.0]])
    with pytest.raises(errors.NotPositiveSemidefiniteError, match="column 0"):
        correlation.of_covariance([[[-1.0, 0.0], [0.0, 1.0]]])
    with pytest.raises(errors.ShapeError, match="covariance"):
        correlation.of_covariance([[1.0, 0.0]])
    with pytest.raises(errors.NotFiniteError, match="covariance"):
        correlation.of_covariance([[np.inf, 0.0], [0.0, 1.0]])


# Refusals


def test_unusable_input_is_refused():
    with pytest.raises(errors.NotFiniteError, match="row 1, column 0"):
        correlation.pairwise([[0.1], [np.inf]])
    with pytest.raises(errors.OutOfRangeError, match="min_overlap"):
        correlation.pairwise([[0.1]], min_overlap=1)
    with pytest.raises(errors.ShapeError, match="returns"):
        correlation.pairwise([0.1])
