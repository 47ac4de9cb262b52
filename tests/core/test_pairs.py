import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analytics.core import correlation, errors, pairs

FIELDS = ("correlation", "low", "high", "beta")


def two_assets(n_days=200, seed=0):
    """Bounded, so that nothing is winsorised away."""
    rng = np.random.default_rng(seed)
    market = rng.uniform(-1, 1, n_days)
    return 0.03 * (market + rng.uniform(-1, 1, n_days)), 0.04 * (
        market + rng.uniform(-1, 1, n_days)
    )


def with_gaps(first, second):
    first, second = first.copy(), second.copy()
    first[:30] = second[100:110] = first[150] = np.nan
    return first, second


@pytest.mark.parametrize("window", [60, 90])
@pytest.mark.parametrize("gaps", [False, True])
def test_correlation_and_beta_equal_those_of_pandas(window, gaps):
    first, second = with_gaps(*two_assets()) if gaps else two_assets()
    one, other = pd.Series(first), pd.Series(second)
    found = pairs.rolling(first, second, window=window, min_overlap=40)
    common = one.where(other.notna()), other.where(one.notna())
    rolled = common[0].rolling(window, min_periods=40)
    expected = rolled.corr(common[1])
    expected[: window - 1] = np.nan
    np.testing.assert_allclose(found.correlation, expected, atol=1e-9)
    beta = rolled.cov(common[1]) / common[1].rolling(window, min_periods=40).var()
    beta[: window - 1] = np.nan
    np.testing.assert_allclose(found.beta, beta, rtol=1e-8)
    assert np.isfinite(found.correlation).sum() > 50


def test_each_day_is_what_the_matrix_of_its_window_says():
    rng = np.random.default_rng(1)
    first, second = 0.03 * rng.standard_t(3, (2, 200))
    second += first
    found = pairs.rolling(first, second, window=90)
    for day in (89, 120, 199):
        window = np.column_stack([first, second])[day - 89 : day + 1]
        matrix = correlation.pairwise(window)
        interval = correlation.fisher_interval(matrix.correlation, matrix.effective_days)
        assert found.correlation[day] == pytest.approx(matrix.correlation[0, 1], abs=1e-12)
        assert found.low[day] == pytest.approx(interval.low[0, 1], abs=1e-9)
        assert found.high[day] == pytest.approx(interval.high[0, 1], abs=1e-9)


def test_the_beta_of_a_levered_position_is_its_leverage():
    _, second = two_assets()
    found = pairs.rolling(2.5 * second + 0.01, second, window=60)
    np.testing.assert_allclose(found.beta[59:], 2.5, rtol=1e-10)
    np.testing.assert_allclose(found.correlation[59:], 1, atol=1e-12)


def test_beta_sees_a_wild_day_that_correlation_does_not():
    first, second = two_assets()
    wild = first.copy()
    wild[140 + np.argmax(second[140:])] = 3.0
    before, after = (pairs.rolling(r, second, window=60) for r in (first, wild))
    assert abs(after.correlation[-1] - before.correlation[-1]) < 0.1
    assert abs(after.beta[-1] - before.beta[-1]) > 0.2


def test_a_pair_is_known_from_its_sixtieth_common_day():
    first, second = two_assets()
    second[:100] = np.nan
    found = pairs.rolling(first, second, window=90)
    assert np.flatnonzero(~np.isnan(found.correlation))[0] == 159
    assert np.flatnonzero(~np.isnan(found.beta))[0] == 159
    short = pairs.rolling(first, second, window=30)
    assert np.flatnonzero(~np.isnan(short.correlation))[0] == 129


def test_standing_still_leaves_unknown_what_it_makes_so():
    first, second = two_assets()
    second[80:] = 0.001
    found = pairs.rolling(first, second, window=60)
    assert np.isnan(found.beta[139:]).all()
    still_first = pairs.rolling(second, first, window=60)
    assert np.isnan(still_first.correlation[139:]).all()
    np.testing.assert_allclose(still_first.beta[139:], 0, atol=1e-15)


@settings(max_examples=60)
@given(
    arrays.arrays(
        np.float64,
        st.tuples(st.just(2), st.integers(0, 30)),
        elements=st.floats(-0.875, 5, width=32) | st.just(np.nan) | st.just(0.0),
    ),
    st.integers(2, 12),
)
def test_any_history_is_in_bounds_and_never_repainted(returns, window):
    found = pairs.rolling(*returns, window=window, min_overlap=4)
    known = np.isfinite(found.correlation)
    assert (found.low[known] <= found.correlation[known] + 1e-12).all()
    assert (found.correlation[known] <= found.high[known] + 1e-12).all()
    assert (np.abs([found.low[known], found.high[known]]) <= 1).all()
    for name in FIELDS[:3]:
        np.testing.assert_array_equal(np.isfinite(getattr(found, name)), known)
    earlier = pairs.rolling(*returns[:, :-3], window=window, min_overlap=4)
    for name in FIELDS:
        whole = getattr(found, name)[: len(earlier.beta)]
        np.testing.assert_allclose(getattr(earlier, name), whole, atol=1e-12)


def test_the_order_of_the_two_matters_to_beta_only():
    first, second = with_gaps(*two_assets())
    plain, swapped = (
        pairs.rolling(*both, window=90) for both in ((first, second), (second, first))
    )
    for name in FIELDS[:3]:
        np.testing.assert_allclose(getattr(plain, name), getattr(swapped, name), atol=1e-12)
    assert not np.allclose(plain.beta, swapped.beta, equal_nan=True)


def test_unusable_input_is_refused():
    first, second = two_assets()
    with pytest.raises(errors.ShapeError, match="second"):
        pairs.rolling(first, second[1:], window=60)
    with pytest.raises(errors.OutOfRangeError, match="window"):
        pairs.rolling(first, second, window=1)
    with pytest.raises(errors.OutOfRangeError, match="min_overlap"):
        pairs.rolling(first, second, window=60, min_overlap=1)
    second[7] = np.inf
    with pytest.raises(errors.NotFiniteError, match="second.*row 7"):
        pairs.rolling(first, second, window=60)
