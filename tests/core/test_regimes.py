import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analytics.core import errors, regimes

SMALL = {"window": 3, "lookback": 8, "enter": 0.8, "leave": 0.5, "confirmation_days": 2}

random_walks = arrays.arrays(
    np.float64, st.integers(0, 60), elements=st.floats(-0.5, 0.5, width=32)
).map(lambda changes: 100 * np.cumprod(1 + changes))


def closes_of_volatility(daily_volatility):
    """Return closes that rise and fall in turn, by just what each day's volatility says."""
    sizes = np.asarray(daily_volatility)
    return 100 * np.cumprod(1 + sizes * np.where(np.arange(len(sizes)) % 2, 1, -1))


def assert_same_axis(axis, other):
    for name in ("realised_volatility", "percentile", "high", "known"):
        np.testing.assert_array_equal(getattr(axis, name), getattr(other, name), err_msg=name)


# Realised volatility


def test_realised_volatility_by_hand():
    # Returns +10 % and -10 %: sample standard deviation sqrt(0.02), a year of 365 days.
    volatility = regimes.realised_volatility([100, 110, 99], window=2)
    assert np.isnan(volatility[:2]).all()
    np.testing.assert_allclose(volatility[2], np.sqrt(0.02 * 365))


def test_realised_volatility_equals_the_rolling_deviation_of_pandas():
    closes = pd.Series(np.random.default_rng(0).lognormal(0, 0.05, 200).cumprod())
    oracle = closes.pct_change().rolling(30).std() * np.sqrt(365)
    np.testing.assert_allclose(regimes.realised_volatility(closes), oracle, rtol=1e-10)


@pytest.mark.parametrize("n_days", [0, 1, 30])
def test_too_few_closes_have_no_volatility(n_days):
    volatility = regimes.realised_volatility(np.linspace(1, 2, n_days))
    assert volatility.shape == (n_days,)
    assert np.isnan(volatility).all()


# The axis


def test_the_axis_is_known_from_the_first_full_lookback_on():
    closes = np.random.default_rng(0).lognormal(0, 0.05, 400).cumprod()
    assert not regimes.volatility_axis(closes[:394]).known.any()
    axis = regimes.volatility_axis(closes[:396])
    assert axis.known.sum() == 2
    assert axis.known[394:].all()
    assert np.isnan(axis.percentile[:394]).all()


def test_the_percentile_is_the_share_of_the_lookback_that_is_lower():
    closes = np.random.default_rng(1).lognormal(0, 0.05, 60).cumprod()
    axis = regimes.volatility_axis(closes, window=5, lookback=20)
    trailing = axis.realised_volatility[-20:]
    assert axis.percentile[-1] == (trailing < trailing[-1]).sum() / 19


def test_a_steady_price_is_never_highly_volatile():
    axis = regimes.volatility_axis(np.full(500, 7.0))
    assert axis.known.any()
    assert (axis.percentile[axis.known] == 0).all()
    assert not axis.high.any()


def states(percentile, confirmation_days):
    """Tell the states of a given path of percentiles, entering above 0.9, leaving below 0.75."""
    path = np.array(percentile)
    return regimes._confirmed(path > 0.9, path < 0.75, confirmation_days).tolist()


def test_high_begins_and_ends_on_the_day_that_completes_the_confirmation():
    path = [0.95, 0.95, 0.95, 0.8, 0.7, 0.7, 0.7]
    assert states(path, 1) == [True, True, True, True, False, False, False]
    assert states(path, 3) == [False, False, True, True, True, True, False]


def test_an_interrupted_confirmation_starts_again():
    assert states([0.95, 0.95, 0.5, 0.95, 0.95], 3) == [False] * 5
    assert states([0.95] * 3 + [0.7, 0.7, 0.8, 0.7, 0.7], 3) == [False] * 2 + [True] * 6


def test_between_the_thresholds_nothing_changes():
    assert states([0.85] * 5, 1) == [False] * 5
    assert states([0.95] + [0.8] * 5, 1) == [True] * 6
    assert states([0.9] * 5, 1) == [False] * 5
    assert states([0.95] + [0.75] * 5, 1) == [True] * 6


def test_a_jump_in_volatility_is_high_after_the_confirmation():
    daily = np.full(500, 0.01) + np.linspace(0, 1e-4, 500)
    daily[450:] = 0.08
    axis = regimes.volatility_axis(closes_of_volatility(daily)[:470], leave=0.9, enter=0.95)
    quiet = regimes.volatility_axis(closes_of_volatility(daily)[:450], enter=1.0)
    assert axis.high[450 + regimes.CONFIRMATION_DAYS - 1 :].all()
    assert not quiet.high.any()


@settings(max_examples=60)
@given(random_walks, st.integers(0, 60))
def test_a_label_never_changes_with_later_data(closes, length):
    axis = regimes.volatility_axis(closes, **SMALL)
    prefix = regimes.volatility_axis(closes[:length], **SMALL)
    shortened = regimes.VolatilityAxis(*(values[:length] for values in vars(axis).values()))
    assert_same_axis(prefix, shortened)


@given(random_walks)
def test_an_unknown_day_is_never_high_and_only_it_has_no_percentile(closes):
    axis = regimes.volatility_axis(closes, **SMALL)
    assert not axis.high[~axis.known].any()
    np.testing.assert_array_equal(np.isnan(axis.percentile), ~axis.known)
    assert np.isfinite(axis.realised_volatility[SMALL["window"] :]).all()


@given(random_walks)
def test_the_currency_does_not_matter(closes):
    assert_same_axis(
        regimes.volatility_axis(closes, **SMALL), regimes.volatility_axis(4 * closes, **SMALL)
    )


# Bitcoin's history


def high_days(closes):
    axis = regimes.volatility_axis(closes.to_numpy())
    return pd.Series(axis.high, closes.index)[axis.known]


def test_the_crashes_of_2020_and_2022_are_highly_volatile(bitcoin_closes):
    high = high_days(bitcoin_closes)
    assert high["2020-03-12":"2020-03-31"].mean() >= 0.75
    assert high["2022-06-14":"2022-06-30"].mean() >= 0.60


def test_the_state_changes_a_few_times_a_year_and_no_episode_is_short(bitcoin_closes):
    high = high_days(bitcoin_closes)["2012":]
    changed = high.ne(high.shift())
    assert changed.iloc[1:].sum() / (len(high) / 365) < 4
    assert high.groupby(changed.cumsum()).agg(["first", "size"]).query("first")["size"].min() >= 14
    assert 0.05 < high.mean() < 0.25


@pytest.mark.parametrize("day", ["2013-04-10", "2020-03-14", "2022-06-18", "2024-01-01"])
def test_bitcoins_history_is_not_repainted(bitcoin_closes, day):
    whole = high_days(bitcoin_closes)
    known_then = high_days(bitcoin_closes[:day])
    pd.testing.assert_series_equal(known_then, whole[:day])


# Refusals


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window": 1}, "window"),
        ({"lookback": 1}, "lookback"),
        ({"enter": 1.1}, "enter"),
        ({"leave": 0.95}, "leave"),
        ({"confirmation_days": 0}, "confirmation_days"),
    ],
)
def test_parameters_out_of_range_are_refused_by_name(changes, message):
    with pytest.raises(errors.OutOfRangeError, match=message):
        regimes.volatility_axis(np.ones(10), **changes)


def test_a_gap_in_the_closes_is_refused_by_row():
    with pytest.raises(errors.NotFiniteError, match="closes.*row 1"):
        regimes.volatility_axis([1.0, np.nan, 2.0])
    with pytest.raises(errors.NotPositivePriceError, match="row 2"):
        regimes.volatility_axis([1.0, 1.0, 0.0])
