import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analytics.core import errors, hysteresis
from analytics.core.hysteresis import Thresholds
from tests.core.notebook import notebook

BOTH = Thresholds(high=(0.9, 0.75), low=(0.1, 0.25))
NAN = np.nan

paths = arrays.arrays(
    np.float64,
    st.tuples(st.integers(1, 3), st.integers(0, 60)),
    elements=st.one_of(st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.8, 0.9, 1.0]), st.just(np.nan)),
)


def states(path, confirmation_days=1, **options):
    return hysteresis.states(path, BOTH, confirmation_days=confirmation_days, **options).tolist()


def test_high_begins_and_ends_on_the_day_that_completes_the_confirmation():
    path = [0.95, 0.95, 0.95, 0.8, 0.7, 0.7, 0.7]
    assert states(path, 1) == [1, 1, 1, 1, 0, 0, 0]
    assert states(path, 3) == [0, 0, 1, 1, 1, 1, 0]


def test_low_is_the_mirror_image_of_high():
    path = np.array([0.95, 0.95, 0.95, 0.8, 0.7, 0.7, 0.7, 0.05, 0.05, 0.05, 0.9, 0.9, 0.9])
    told = hysteresis.states(path, BOTH)
    np.testing.assert_array_equal(hysteresis.states(1 - path + 0.0, BOTH), -told)
    assert set(told.tolist()) == {-1, 0, 1}


def test_an_interrupted_confirmation_starts_again():
    assert states([0.95, 0.95, 0.5, 0.95, 0.95], 3) == [0] * 5
    assert states([0.95] * 3 + [0.7, 0.7, 0.8, 0.7, 0.7], 3) == [0] * 2 + [1] * 6


def test_between_the_thresholds_nothing_changes():
    assert states([0.85] * 5) == [0] * 5
    assert states([0.95] + [0.8] * 5) == [1] * 6
    assert states([0.95] + [0.75] * 5) == [1] * 6  # left below it, not at it
    assert states([0.9] * 2) == [1] * 2  # entered at it


def test_a_series_goes_straight_from_one_state_to_the_other():
    assert states([0.95, 0.95, 0.05, 0.05], 2) == [0, 1, 1, -1]


def test_a_day_without_an_observation_has_no_state_and_interrupts_a_confirmation():
    assert states([0.95, NAN, 0.8]) == [1, 0, 1]
    assert states([0.95, NAN, 0.95], 2) == [0, 0, 0]


def test_a_state_is_forgotten_after_too_many_days_without_an_observation():
    assert states([0.95, *[NAN] * 2, 0.8], memory_days=2) == [1, 0, 0, 1]
    assert states([0.95, *[NAN] * 3, 0.8], memory_days=2) == [1, 0, 0, 0, 0]


def test_the_days_in_a_state_are_counted_from_its_first():
    np.testing.assert_array_equal(hysteresis.days_in_state([3, 3, 0, 3, 3, 3]), [1, 2, 1, 1, 2, 3])
    assert hysteresis.days_in_state(np.zeros(0, int)).shape == (0,)


@given(paths, st.integers(1, 4), st.integers(0, 3), st.integers(0, 60))
def test_a_state_never_changes_with_later_data(path, confirmation_days, memory_days, length):
    options = {"confirmation_days": confirmation_days, "memory_days": memory_days}
    told = hysteresis.states(path, BOTH, **options)
    known_then = hysteresis.states(path[:, :length], BOTH, **options)
    np.testing.assert_array_equal(known_then, told[:, :length])


@given(paths, st.integers(1, 4), st.integers(0, 3))
def test_each_state_is_what_somebody_with_a_notebook_would_write_down(path, confirmation, memory):
    told = hysteresis.states(path, BOTH, confirmation_days=confirmation, memory_days=memory)
    for series, row in zip(path, told, strict=True):
        written = notebook(series, BOTH, confirmation_days=confirmation, memory_days=memory)
        assert written == row.tolist()


@given(paths)
def test_a_series_alone_is_in_the_states_it_has_in_a_batch(path):
    together = hysteresis.states(path, BOTH)
    for series, row in zip(path, together, strict=True):
        np.testing.assert_array_equal(hysteresis.states(series, BOTH), row)


def test_thresholds_that_contradict_each_other_are_refused():
    for pairs in ({"high": (0.5, 0.6)}, {"low": (0.5, 0.4)}, {"high": (0.9, 0.1), "low": (0.2, 1)}):
        with pytest.raises(errors.OutOfRangeError, match=list(pairs)[-1]):
            Thresholds(**pairs)


def test_what_is_not_a_number_of_days_or_a_figure_is_refused_by_name():
    with pytest.raises(errors.OutOfRangeError, match="confirmation_days"):
        hysteresis.states([1.0], BOTH, confirmation_days=0)
    with pytest.raises(errors.OutOfRangeError, match="memory_days"):
        hysteresis.states([1.0], BOTH, memory_days=-1)
    with pytest.raises(errors.NotFiniteError, match="row 1"):
        hysteresis.states([1.0, np.inf], BOTH)
