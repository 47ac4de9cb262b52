import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analytics.core import errors
from analytics.core import regime_signals as signals
from tests.regime_oracle import in_pandas

NAN = np.nan
COLUMNS = {"close": "closes", "high": "highs", "low": "lows", "volume": "volumes"}
OBSERVED = signals.Observations.__dataclass_fields__


def observe(market: pd.DataFrame, **more) -> signals.Observations:
    columns = {COLUMNS.get(name, name): series.to_numpy() for name, series in market.items()}
    return signals.observations(**(columns | more))


def figure(name, observed):
    return signals.values(observed)[signals.NAMES.index(name)]


# Hand cases


def test_realised_volatility_by_hand():
    # Returns +10 % and -10 %: sample standard deviation sqrt(0.02), a year of 365 days.
    volatility = signals.realised_volatility(np.array([100.0, 110, 99]), window=2)
    assert np.isnan(volatility[:2]).all()
    np.testing.assert_allclose(volatility[2], np.sqrt(0.02 * 365))


def test_a_percentile_is_the_share_of_the_other_days_that_are_lower():
    told = signals.trailing_percentile([5.0, 1, 2, 3, 9, 4], lookback=4, fewest=3)
    np.testing.assert_array_equal(told, [NAN, NAN, 1 / 2, 2 / 3, 1, 2 / 3])


def test_a_day_that_was_not_observed_has_no_percentile_and_ranks_nowhere():
    told = signals.trailing_percentile([NAN, 5.0, NAN, 7.0, 6.0], lookback=4, fewest=2)
    np.testing.assert_array_equal(told, [NAN, NAN, NAN, 1, 1 / 2])
    assert np.isnan(signals.trailing_percentile([NAN] * 5, lookback=3, fewest=2)).all()


def test_the_trend_of_a_steady_price_is_zero_and_of_a_jump_is_its_share():
    closes = np.full(201, 10.0)
    closes[-1] = 20.0
    trend = figure("trend", signals.observations(closes))
    assert np.isnan(trend[:199]).all()
    assert trend[199] == 0
    np.testing.assert_allclose(trend[200], 20 / (10 * 199 / 200 + 20 / 200) - 1)


def test_the_drawdown_is_measured_from_the_peak_so_far():
    drawdown = figure("drawdown", signals.observations([10.0, 20, 15, NAN, 18, 30]))
    np.testing.assert_allclose(drawdown, [0, 0, -0.25, NAN, -0.1, 0])


def test_funding_is_a_week_s_mean_a_year():
    funding = figure("funding", signals.observations(np.ones(8), funding=[9.0, *[1e-4] * 7]))
    np.testing.assert_allclose(funding[-1], 0.1095)


def test_net_inflow_is_a_share_of_all_that_moved():
    flow = {"exchange_inflow": np.full(30, 3.0), "exchange_outflow": np.full(30, 1.0)}
    assert figure("exchange_flow", signals.observations(np.ones(30), **flow))[-1] == 0.5


def test_nothing_that_moved_is_no_flow_and_no_volume_is_no_trend():
    nothing = np.zeros(250)
    flow = {"exchange_inflow": nothing, "exchange_outflow": nothing, "volumes": nothing}
    observed = signals.observations(np.ones(250), **flow)
    assert np.isnan(figure("exchange_flow", observed)).all()
    assert np.isnan(figure("volume_trend", observed)).all()


# An independent computation, on real days


def test_every_signal_equals_pandas_on_every_real_day(real_market):
    told = pd.DataFrame(
        signals.values(observe(real_market)).T, real_market.index, list(signals.NAMES)
    )
    oracle = in_pandas(real_market)
    np.testing.assert_allclose(told[oracle.columns], oracle, rtol=1e-7, atol=1e-10)
    assert oracle.notna().sum().min() > 500
    absent = told.drop(columns=list(oracle.columns))
    assert absent.isna().all().all()  # never zero: there is no source for these


def test_every_percentile_equals_a_count_on_random_real_days(real_market):
    figures = signals.values(observe(real_market))
    ranks = signals.percentiles(figures)
    generator, compared = np.random.default_rng(7), 0
    for _ in range(1500):
        row, day = generator.integers(len(signals.SIGNALS)), generator.integers(figures.shape[1])
        signal, value = signals.SIGNALS[row], figures[row, day]
        year = pd.Series(figures[row, max(0, day - 364) : day + 1])
        if np.isnan(value) or year.count() < signal.fewest_ranked:
            assert np.isnan(ranks[row, day])
            continue
        others = year.iloc[:-1].dropna()
        np.testing.assert_allclose(ranks[row, day], (others < value).mean(), rtol=1e-12)
        compared += 1
    assert compared > 300


# Nothing looks ahead


@settings(max_examples=50)
@given(
    arrays.arrays(
        np.float64, st.integers(2, 60), elements=st.one_of(st.floats(-1, 1), st.just(NAN))
    ),
    st.integers(2, 12),
    st.integers(1, 60),
)
def test_a_percentile_never_changes_with_later_data(series, lookback, length):
    told = signals.trailing_percentile(series, lookback=lookback, fewest=2)
    then = signals.trailing_percentile(series[:length], lookback=lookback, fewest=2)
    np.testing.assert_array_equal(told[:length], then)
    assert ((told >= 0) & (told <= 1) | np.isnan(told)).all()
    assert np.isnan(told[np.isnan(series)]).all()


def test_no_signal_of_a_prefix_differs_from_that_of_the_whole_history(real_market):
    whole = signals.values(observe(real_market))
    for length in [1, 2, 30, 199, 200, 201, *range(250, len(real_market), 61)]:
        then = signals.values(observe(real_market[:length]))
        np.testing.assert_array_equal(then[:, -3:], whole[:, :length][:, -3:], err_msg=str(length))


# Refusals


@pytest.mark.parametrize("name", [name for name in OBSERVED if name not in ("closes",)])
def test_what_is_no_observation_is_refused_by_name_and_row(name):
    with pytest.raises(errors.NotFiniteError, match=f"{name}.*row 1"):
        signals.observations([1.0, 1.0], **{name: [1.0, np.inf]})
    with pytest.raises(errors.ShapeError, match=name):
        signals.observations([1.0, 1.0], **{name: [1.0]})
    if name not in ("funding", "term_structure"):
        expected = (errors.OutOfRangeError, errors.NotPositivePriceError)
        with pytest.raises(expected, match=f"{name}.*row 1"):
            signals.observations([1.0, 1.0], **{name: [1.0, -1.0]})


def test_a_close_of_zero_and_an_unknown_series_are_refused():
    with pytest.raises(errors.NotPositivePriceError, match="closes.*row 1"):
        signals.observations([1.0, 0.0])
    with pytest.raises(TypeError, match="moonphase"):
        signals.observations([1.0], moonphase=[1.0])
    with pytest.raises(errors.OutOfRangeError, match="window"):
        signals.realised_volatility(np.ones(3), window=1)
    for options in ({"lookback": 1}, {"lookback": 4, "fewest": 5}, {"fewest": 1}):
        with pytest.raises(errors.OutOfRangeError):
            signals.trailing_percentile([1.0], **options)
