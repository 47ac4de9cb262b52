import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.core import covariance, errors, volatility

YEAR = np.sqrt(365)
BY_RANGE = [
    volatility.parkinson,
    volatility.garman_klass,
    volatility.rogers_satchell,
    volatility.yang_zhang,
]


def diffusion(*, n_days, daily_volatility=0.04, daily_drift=0.0, jump_volatility=0.0, seed=0):
    """Days of a geometric Brownian motion in continuous time: opens, highs, lows, closes.

    Each day has 64 steps. The extremes inside a step are drawn from the Brownian bridge between
    its ends, so none is missed; only a maximum and a minimum in the same step of 64 are drawn as
    if they were independent.
    """
    rng = np.random.default_rng(seed)
    steps = 64
    scale = daily_volatility / np.sqrt(steps)
    moves = daily_drift / steps + scale * rng.standard_normal((n_days, steps))
    ends = np.cumsum(moves, axis=1)
    starts = ends - moves
    top, bottom = (
        np.sqrt(moves**2 - 2 * scale**2 * np.log(rng.uniform(size=moves.shape))) for _ in range(2)
    )
    highs = ((starts + ends + top) / 2).max(axis=1)
    lows = ((starts + ends - bottom) / 2).min(axis=1)
    jumps = jump_volatility * rng.standard_normal(n_days)
    opens = np.cumsum(jumps + np.concatenate([[0.0], ends[:-1, -1]]))
    return [np.exp(opens + level)[:, None] for level in (0.0, highs, lows, ends[:, -1])]


def daily_variances(estimate, prices, *, window=20):
    """One estimate for each stretch of days, none sharing a day with another."""
    if estimate is volatility.close_to_close:
        prices = prices[-1:]
    values = estimate(*prices, window=window)
    return values[window::window, 0] ** 2 / 365


def standard_errors_away(variances, truth):
    return (variances.mean() - truth) / (variances.std(ddof=1) / np.sqrt(len(variances)))


# Simulated diffusions


@pytest.fixture(scope="module")
def without_drift():
    return diffusion(n_days=40_000, seed=1)


@pytest.fixture(scope="module")
def with_drift():
    return diffusion(n_days=40_000, daily_drift=0.015, seed=2)


@pytest.mark.parametrize("estimate", [volatility.close_to_close, *BY_RANGE])
def test_without_drift_each_estimator_is_unbiased(estimate, without_drift):
    assert abs(standard_errors_away(daily_variances(estimate, without_drift), 0.04**2)) < 3


@pytest.mark.parametrize(
    "estimate", [volatility.close_to_close, volatility.rogers_satchell, volatility.yang_zhang]
)
def test_with_drift_these_estimators_are_still_unbiased(estimate, with_drift):
    assert abs(standard_errors_away(daily_variances(estimate, with_drift), 0.04**2)) < 3


@pytest.mark.parametrize("estimate", [volatility.parkinson, volatility.garman_klass])
def test_with_drift_these_estimators_say_too_much(estimate, with_drift):
    assert standard_errors_away(daily_variances(estimate, with_drift), 0.04**2) > 5


@pytest.mark.parametrize(
    ("estimate", "efficiency"),
    # As published: Parkinson 1980; Garman & Klass 1980; Rogers & Satchell 1991.
    [
        (volatility.parkinson, 4.9),
        (volatility.garman_klass, 7.4),
        (volatility.rogers_satchell, 6.0),
    ],
)
def test_a_range_says_as_much_as_many_closes(estimate, efficiency, without_drift):
    of_closes = np.log(without_drift[3] / without_drift[0]) ** 2
    of_ranges = daily_variances(estimate, without_drift, window=1)
    assert of_closes.var() / of_ranges.var() == pytest.approx(efficiency, rel=0.08)


def test_only_closes_and_yang_zhang_count_jumps_between_days():
    prices = diffusion(n_days=40_000, jump_volatility=0.03, seed=3)
    whole = 0.04**2 + 0.03**2
    for estimate in (volatility.close_to_close, volatility.yang_zhang):
        assert abs(standard_errors_away(daily_variances(estimate, prices), whole)) < 3
    for estimate in (volatility.parkinson, volatility.garman_klass, volatility.rogers_satchell):
        assert abs(standard_errors_away(daily_variances(estimate, prices), 0.04**2)) < 3


# By hand


def test_estimators_by_hand():
    # One day: open 100, high 120, low 90, close 110.
    prices = [[100.0]], [[120.0]], [[90.0]], [[110.0]]
    high, low, close = np.log(1.2), np.log(0.9), np.log(1.1)
    expected = {
        volatility.parkinson: (high - low) ** 2 / (4 * np.log(2)),
        volatility.garman_klass: (high - low) ** 2 / 2 - (2 * np.log(2) - 1) * close**2,
        volatility.rogers_satchell: high * (high - close) + low * (low - close),
    }
    for estimate, variance in expected.items():
        np.testing.assert_allclose(
            estimate(*prices, window=1), [[np.sqrt(variance) * YEAR]], rtol=1e-13
        )


def test_yang_zhang_by_hand():
    opens, highs, lows, closes = np.log(
        [[100.0, 104.0, 101.0], [110.0, 108.0, 107.0], [95.0, 100.0, 99.0], [105.0, 102.0, 106.0]]
    )
    jumps, moves = (opens[1:] - closes[:-1]), (closes - opens)[1:]
    rogers_satchell = np.mean(
        ((highs - opens) * (highs - closes) + (lows - opens) * (lows - closes))[1:]
    )
    share = 0.34 / (1.34 + 3 / 1)
    variance = np.var(jumps, ddof=1) + share * np.var(moves, ddof=1) + (1 - share) * rogers_satchell
    estimate = volatility.yang_zhang(
        *(np.exp(level)[:, None] for level in (opens, highs, lows, closes)), window=2
    )
    np.testing.assert_allclose(estimate[:, 0], [np.nan, np.nan, np.sqrt(variance) * YEAR])


def test_close_to_close_equals_the_rolling_standard_deviation_of_pandas():
    closes = np.exp(np.cumsum(np.random.default_rng(0).standard_normal((300, 3)) * 0.04, axis=0))
    closes[100, 1] = np.nan
    frame = pd.DataFrame(closes)
    oracle = np.log(frame / frame.shift()).rolling(30).std() * YEAR
    np.testing.assert_allclose(volatility.close_to_close(closes), oracle, rtol=1e-10)


def test_ewma_equals_the_zero_mean_ewma_of_pandas_gaps_included():
    returns = np.random.default_rng(0).standard_normal((300, 3)) * 0.04
    returns[:50, 1] = np.nan
    returns[120:130, 2] = np.nan
    oracle = np.sqrt((pd.DataFrame(returns) ** 2).ewm(halflife=30, min_periods=2).mean()) * YEAR
    np.testing.assert_allclose(volatility.ewma(returns), oracle, rtol=1e-11)


def test_ewma_tells_what_the_night_would_have_told_on_each_day():
    returns = np.random.default_rng(0).standard_normal((40, 2)) * 0.04
    series = volatility.ewma(returns)
    for day in (5, 20, 40):
        night = covariance.ewma(returns[:day], groups=[0, 0])
        np.testing.assert_allclose(series[day - 1], night.daily_volatility * YEAR, rtol=1e-12)


def test_ewma_survives_a_silence_longer_than_float64():
    returns = np.full((3000, 1), np.nan)
    returns[:2] = 0.1
    returns[-2:] = 0.2
    series = volatility.ewma(returns, halflife=1)[:, 0]
    np.testing.assert_allclose(series[[1, 500, -1]], np.array([0.1, 0.1, 0.2]) * YEAR)
    assert np.isnan(series[[0, 2000]]).all()


def test_wilders_average_true_range_by_hand():
    highs, lows, closes = (
        np.array(prices)[:, None]
        for prices in ([12.0, 13, 15, 14, 20], [10.0, 11, 13, 12, 18], [11.0, 12, 14, 13, 19])
    )
    # True ranges: none, 2 (13 - 11), 3 (15 - 12), 2, 7 (20 - 13).
    average = volatility.average_true_range(highs, lows, closes, window=2)[:, 0]
    np.testing.assert_allclose(average, [np.nan, np.nan, 2.5, 2.25, 4.625])


def test_wilders_average_forgets_as_an_exponential_mean_does():
    prices = diffusion(n_days=300)[1:]
    average = volatility.average_true_range(*prices)[:, 0]
    before = np.r_[np.nan, prices[2][:-1, 0]]
    true_range = np.maximum(prices[0][:, 0], before) - np.minimum(prices[1][:, 0], before)
    oracle = pd.Series(np.r_[average[14], true_range[15:]]).ewm(alpha=1 / 14, adjust=False).mean()
    np.testing.assert_allclose(average[14:], oracle, rtol=1e-12)
    assert np.isnan(average[:14]).all()


def test_the_average_true_range_starts_anew_behind_a_gap():
    prices = np.concatenate(diffusion(n_days=60)[1:], axis=1)
    prices[20, 2] = np.nan
    average = volatility.average_true_range(*prices.T[:, :, None])[:, 0]
    alone = volatility.average_true_range(*prices[21:].T[:, :, None])[:, 0]
    assert np.isnan(average[21 : 21 + 14]).all()  # the day behind it has no close before
    np.testing.assert_array_equal(average[21:], alone)


# Properties


@given(st.integers(0, 2**32 - 1), st.integers(2, 12))
def test_each_asset_is_alone_what_it_is_among_others(seed, window):
    one, two = (diffusion(n_days=15, seed=seed + k) for k in range(2))
    both = [np.concatenate(pair, axis=1) for pair in zip(one, two, strict=True)]
    for estimate in BY_RANGE:
        np.testing.assert_array_equal(
            estimate(*both, window=window)[:, :1], estimate(*one, window=window)
        )
    np.testing.assert_array_equal(
        volatility.average_true_range(*both[1:], window=window)[:, 1:],
        volatility.average_true_range(*two[1:], window=window),
    )


@given(st.integers(0, 2**32 - 1))
def test_history_is_never_repainted(seed):
    prices = diffusion(n_days=40, seed=seed)
    for estimate in BY_RANGE:
        whole = estimate(*prices, window=5)
        np.testing.assert_array_equal(estimate(*(p[:25] for p in prices), window=5), whole[:25])


@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3))
def test_the_currency_does_not_change_a_volatility(seed, rate):
    prices = diffusion(n_days=10, seed=seed)
    for estimate in BY_RANGE:
        np.testing.assert_allclose(
            estimate(*(rate * p for p in prices), window=4), estimate(*prices, window=4), rtol=1e-9
        )
    np.testing.assert_allclose(
        volatility.average_true_range(*(rate * p for p in prices[1:]), window=4),
        rate * volatility.average_true_range(*prices[1:], window=4),
        rtol=1e-9,
    )


def test_a_day_not_observed_is_unknown_for_as_long_as_its_window():
    prices = diffusion(n_days=30)
    prices[1][10] = np.nan
    for estimate in BY_RANGE[:3]:
        unknown = np.isnan(estimate(*prices, window=5)[:, 0])
        assert np.flatnonzero(unknown).tolist() == [*range(4), *range(10, 15)]


def test_a_price_that_stands_still_has_no_volatility():
    still = [np.ones((10, 1))] * 4
    for estimate in BY_RANGE:
        assert (estimate(*still, window=5)[5:] == 0).all()
    assert (volatility.close_to_close(still[0], window=5)[5:] == 0).all()
    assert (volatility.ewma(np.zeros((5, 1)))[1:] == 0).all()


def test_too_few_days_are_all_unknown():
    prices = diffusion(n_days=5)
    assert np.isnan(volatility.yang_zhang(*prices)).all()
    assert np.isnan(volatility.close_to_close(prices[-1])).all()
    assert np.isnan(volatility.average_true_range(*prices[1:])).all()


# Refusals


def test_a_close_above_the_high_is_refused_by_row_and_column():
    prices = [np.concatenate([p, p], axis=1) for p in diffusion(n_days=5)]
    prices[3][2, 1] = prices[1][2, 1] * 1.01
    for estimate in BY_RANGE:
        with pytest.raises(errors.InconsistentPricesError, match="closes.*row 2, column 1"):
            estimate(*prices, window=2)
    with pytest.raises(errors.InconsistentPricesError, match="closes.*row 2, column 1"):
        volatility.average_true_range(*prices[1:])


def test_an_open_below_the_low_is_refused():
    prices = diffusion(n_days=5)
    prices[0][3] = prices[2][3] / 2
    with pytest.raises(errors.InconsistentPricesError, match="opens.*row 3, column 0"):
        volatility.parkinson(*prices)


def test_prices_that_are_none_are_refused():
    prices = diffusion(n_days=5)
    with pytest.raises(errors.NotPositivePriceError, match="lows.*row 1"):
        volatility.parkinson(prices[0], prices[1], np.array([[0.5, 0, 0.5, 0.5, 0.5]]).T, prices[3])
    with pytest.raises(errors.NotFiniteError, match="highs"):
        volatility.parkinson(prices[0], prices[1] * np.inf, prices[2], prices[3])
    with pytest.raises(errors.ShapeError, match="highs"):
        volatility.parkinson(prices[0], prices[1][1:], prices[2], prices[3])
    with pytest.raises(errors.NotFiniteError, match="highs over opens"):
        volatility.parkinson([[1e-300]], [[1e300]], [[1e-300]], [[1e-300]], window=1)
    with pytest.raises(errors.NotFiniteError, match="variance of returns"):
        volatility.ewma([[1e200], [0.1]])


def test_windows_too_short_are_refused():
    prices = diffusion(n_days=5)
    for estimate, least in ((volatility.parkinson, 1), (volatility.yang_zhang, 2)):
        with pytest.raises(errors.OutOfRangeError, match="window"):
            estimate(*prices, window=least - 1)
    with pytest.raises(errors.OutOfRangeError, match="window"):
        volatility.close_to_close(prices[3], window=1)
    with pytest.raises(errors.OutOfRangeError, match="window"):
        volatility.average_true_range(*prices[1:], window=0)
    with pytest.raises(errors.OutOfRangeError, match="halflife"):
        volatility.ewma([[0.1]], halflife=0)
