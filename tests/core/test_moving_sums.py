import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.core.moving_sums import decayed_sum, moving_sum


@given(st.integers(1, 40), st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_a_moving_sum_is_that_of_its_own_days(window, n_days, seed):
    values = np.random.default_rng(seed).standard_normal((2, n_days))
    expected = [
        [np.nan if day < window else row[day - window : day].sum() for day in range(1, n_days + 1)]
        for row in values
    ]
    np.testing.assert_allclose(
        moving_sum(values, window), np.reshape(expected, (2, n_days)), atol=1e-13
    )


def test_a_wild_value_leaves_no_trace_behind_its_window():
    values = np.full(50, 0.1)
    wild = values.copy()
    wild[10] = 1e30
    missing = values.copy()
    missing[10] = np.nan
    for spoiled in (wild, missing):
        changed = moving_sum(spoiled, 7) != moving_sum(values, 7)
        assert np.flatnonzero(changed[6:]).tolist() == list(range(4, 11))


def test_what_comes_before_or_after_does_not_change_a_bit_of_a_sum():
    values = np.random.default_rng(0).standard_normal(200)
    sums = moving_sum(values, 30)
    np.testing.assert_array_equal(moving_sum(values[17:150], 30)[29:], sums[17 + 29 : 150])


@pytest.mark.parametrize("decay", [0.5, 0.97])
def test_a_decayed_sum_equals_the_unnormalised_mean_of_pandas(decay):
    values = np.random.default_rng(0).standard_normal((3, 100))
    oracle = pd.DataFrame(values.T).ewm(alpha=1 - decay).mean().to_numpy().T
    weights = decayed_sum(np.ones(100), decay)
    np.testing.assert_allclose(decayed_sum(values, decay), oracle * weights, atol=1e-13)


def test_no_days_have_no_sums():
    assert decayed_sum(np.empty((3, 0)), 0.5).shape == (3, 0)
    assert moving_sum(np.empty((3, 0)), 5).shape == (3, 0)
