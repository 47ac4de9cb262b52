import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from analytics.core import errors, performance, sharpe_ratios

daily_returns = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 3), st.integers(2, 40)), elements=st.floats(-0.9, 1.0)
)


def following_returns(rho, *, series=1, days=2000, seed=0):
    """Returns of which each keeps a share `rho` of the one before."""
    shocks = np.random.default_rng(seed).normal(0, 0.03, (series, days + 200))
    moves = np.zeros_like(shocks)
    for day in range(1, shocks.shape[1]):
        moves[:, day] = rho * moves[:, day - 1] + shocks[:, day]
    return 0.001 + moves[:, 200:]


# The estimate


def test_the_ratio_is_that_of_the_performance_statistics():
    returns = following_returns(0.2, series=3, days=100)
    found = sharpe_ratios.estimate(returns)
    np.testing.assert_allclose(found.annual, performance.statistics(returns).sharpe, rtol=1e-10)
    np.testing.assert_allclose(found.annual, found.daily * np.sqrt(365))


def test_without_lags_the_error_is_that_of_mertens_with_the_moments_of_scipy():
    returns = np.random.default_rng(1).standard_t(5, (4, 300)) * 0.03 + 0.004
    found = sharpe_ratios.estimate(returns, lags=0)
    skewness, kurtosis = stats.skew(returns, axis=1), stats.kurtosis(returns, axis=1, fisher=False)
    np.testing.assert_allclose(found.skewness, skewness, rtol=1e-10)
    np.testing.assert_allclose(found.kurtosis, kurtosis, rtol=1e-10)
    ratio = returns.mean(axis=1) / returns.std(axis=1)
    mertens = (1 + ratio**2 / 2 - ratio * skewness + ratio**2 * (kurtosis - 3) / 4) / 300
    np.testing.assert_allclose(found.standard_error, np.sqrt(365 * mertens), rtol=1e-10)


def test_for_normal_returns_the_error_is_that_of_lo():
    returns = np.random.default_rng(2).normal(0.002, 0.03, (1, 20_000))
    found, plain = sharpe_ratios.estimate(returns), performance.statistics(returns)
    np.testing.assert_allclose(found.standard_error, plain.sharpe_standard_error, rtol=0.05)


@pytest.mark.parametrize("lags", [0, 1, 6])
def test_the_error_has_the_long_run_variance_of_statsmodels(lags):
    returns = following_returns(0.3, days=400)
    standardised = (returns[0] - returns.mean()) / returns.std()
    influence = standardised - returns.mean() / returns.std() / 2 * (standardised**2 - 1)
    peer = sm.OLS(influence, np.ones(400)).fit(cov_type="HAC", cov_kwds={"maxlags": lags})
    found = sharpe_ratios.estimate(returns, lags=lags)
    np.testing.assert_allclose(found.standard_error, peer.bse * np.sqrt(365), rtol=1e-8)


def test_the_error_covers_the_scatter_of_returns_that_follow_themselves():
    returns = following_returns(0.3, series=1500, days=500)
    found = sharpe_ratios.estimate(returns, lags=12)
    scatter = found.annual.std(ddof=1)
    plain = performance.statistics(returns).sharpe_standard_error
    assert abs(found.standard_error.mean() / scatter - 1) < 0.1
    assert plain.mean() < 0.8 * scatter


def test_lags_are_chosen_by_the_rule_of_newey_and_west():
    assert sharpe_ratios.estimate(following_returns(0, days=100)).lags == 4
    assert sharpe_ratios.estimate(following_returns(0, days=365)).lags == 5
    assert sharpe_ratios.estimate(following_returns(0, days=2)).lags == 1


@given(daily_returns)
def test_no_estimate_is_nan(returns):
    try:
        found = sharpe_ratios.estimate(returns)
    except (errors.ZeroVolatilityError, errors.OutOfRangeError):
        return
    for name, figures in vars(found).items():
        assert np.isfinite(figures).all(), name
    assert (found.kurtosis >= found.skewness**2 + 1 - 1e-6).all()


def test_alone_is_as_in_a_batch():
    returns = following_returns(0.1, series=5, days=100)
    batch, alone = sharpe_ratios.estimate(returns), sharpe_ratios.estimate(returns[2:3])
    for name in ("daily", "annual_autocorrelated", "standard_error", "skewness", "kurtosis"):
        figures = getattr(batch, name)[2:3]
        np.testing.assert_allclose(getattr(alone, name), figures, rtol=1e-12, err_msg=name)


# From a day to a year


@pytest.mark.parametrize("rho", [-0.3, 0.0, 0.2, 0.9])
@pytest.mark.parametrize("periods", [1, 2, 12, 365])
def test_the_factor_is_lo_s_closed_form_where_each_return_keeps_a_share(rho, periods):
    factor = sharpe_ratios.annualisation(
        rho ** np.arange(1, 400, dtype=float)[None], periods=periods
    )
    excess = 1 + 2 * rho / (1 - rho) * (1 - (1 - rho**periods) / (periods * (1 - rho)))
    np.testing.assert_allclose(factor, np.sqrt(periods / excess), rtol=1e-12)


def test_the_factor_falls_as_returns_follow_themselves():
    factors = sharpe_ratios.annualisation([[-0.2], [0.0], [0.2]])
    assert factors[0] > factors[1] > factors[2]
    np.testing.assert_allclose(factors[1], np.sqrt(365))
    trending = sharpe_ratios.estimate(following_returns(0.4))
    assert (np.abs(trending.annual_autocorrelated) < 0.8 * np.abs(trending.annual)).all()


# The probability, and the tries behind it


def test_the_numerical_example_of_the_deflated_sharpe_ratio_paper():
    # Bailey & López de Prado 2014: 2.5 a year of 250 days, five years, 100 trials whose annual
    # ratios have variance 1/2, skewness -3, kurtosis 10; then fewer trials, or normal returns.
    chosen = {"days": 1250, "variance_of_trials": 0.5 / 250}
    wild = {"skewness": -3, "kurtosis": 10}
    ratio = [2.5 / np.sqrt(250)]
    found = sharpe_ratios.deflated(ratio, **chosen, **wild, trials=100)
    assert np.round(found.threshold, 4) == 0.1132
    assert np.round(found.probability, 4) == 0.9004
    fewer = sharpe_ratios.deflated(ratio, **chosen, **wild, trials=46)
    assert np.round(fewer.probability, 4) == 0.9505
    normal = sharpe_ratios.deflated(ratio, **chosen, trials=88)
    assert np.round(normal.probability, 4) == 0.9505


def test_one_trial_deflates_nothing():
    found = sharpe_ratios.deflated([0.1, 0.0], days=365, trials=1, variance_of_trials=0.01)
    assert (found.threshold == 0).all()
    np.testing.assert_array_equal(
        found.probability, sharpe_ratios.probabilistic([0.1, 0.0], days=365)
    )
    assert found.probability[1] == 0.5


def test_the_threshold_is_what_the_best_of_many_lucky_policies_reaches():
    luck = np.random.default_rng(3).normal(0, 0.05, (4000, 100)).max(axis=1).mean()
    found = sharpe_ratios.deflated([0.1], days=365, trials=100, variance_of_trials=0.05**2)
    np.testing.assert_allclose(found.threshold, luck, rtol=0.01)


@given(st.floats(-0.5, 0.5), st.floats(-2, 2), st.floats(0, 20), st.integers(1, 500))
def test_more_trials_never_make_a_policy_more_probable(sharpe, skewness, surplus, trials):
    known = {"days": 500, "skewness": skewness, "kurtosis": skewness**2 + 1.5 + surplus}
    few, many = (
        sharpe_ratios.deflated([sharpe], **known, trials=n, variance_of_trials=0.001)
        for n in (trials, 2 * trials)
    )
    assert 0 <= many.probability <= few.probability <= 1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: sharpe_ratios.estimate([[0.1, 0.2], [0.1, 0.1]]),
            errors.ZeroVolatilityError,
            "row 1",
        ),
        (lambda: sharpe_ratios.estimate([[0.1]]), errors.TooLittleHistoryError, "1 days"),
        (lambda: sharpe_ratios.estimate([[0.1, np.nan]]), errors.NotFiniteError, "column 1"),
        (lambda: sharpe_ratios.estimate([[0.1, 1e200]]), errors.NotFiniteError, "variance"),
        (
            lambda: sharpe_ratios.estimate([[0.1, 0.2]], lags=2),
            errors.OutOfRangeError,
            "lags is 2",
        ),
        (
            lambda: sharpe_ratios.annualisation([[0.1], [-0.9]]),
            errors.OutOfRangeError,
            "row 1",
        ),
        (
            lambda: sharpe_ratios.annualisation([[0.1]], periods=0),
            errors.OutOfRangeError,
            "periods",
        ),
        (
            lambda: sharpe_ratios.probabilistic([0.1, 0.2], days=[100, 1]),
            errors.OutOfRangeError,
            "days is 1 at row 1",
        ),
        (
            lambda: sharpe_ratios.probabilistic([0.1], days=100, skewness=2),
            errors.OutOfRangeError,
            "kurtosis is 3 at row 0",
        ),
        (
            lambda: sharpe_ratios.probabilistic([1.0], days=100, skewness=2, kurtosis=5),
            errors.OutOfRangeError,
            "the variance of sharpe is 0",
        ),
        (
            lambda: sharpe_ratios.probabilistic([0.1], days=[100, 100]),
            errors.ShapeError,
            "days has shape",
        ),
        (
            lambda: sharpe_ratios.deflated([0.1], days=9, trials=0, variance_of_trials=0.1),
            errors.OutOfRangeError,
            "trials",
        ),
        (
            lambda: sharpe_ratios.deflated([0.1], days=9, trials=2, variance_of_trials=-1),
            errors.OutOfRangeError,
            "variance_of_trials",
        ),
    ],
)
def test_figures_that_cannot_be_are_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()
