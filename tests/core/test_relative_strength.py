"""Relative strength: by hand, without the benchmark, with gaps, and what is refused."""

import numpy as np
import pytest

from analytics.core import relative_strength
from analytics.core.errors import NotPositivePriceError, OutOfRangeError

NAN = np.nan


def test_by_hand() -> None:
    # Over two days: ×2 (the benchmark), ×3, ×1.5 and ×4; the last three are a group.
    closes = [[10, 10, 10, 10], [11, 12, 9, 20], [20, 30, 15, 40]]
    found = relative_strength.over(closes, periods=[2], benchmark=0, groups=[1, 2, 2, 2])
    np.testing.assert_allclose(found.change, [[1, 2, 0.5, 3]])
    np.testing.assert_allclose(found.against_benchmark, [[0, 0.5, -0.25, 1]])
    np.testing.assert_allclose(
        found.against_group, [[NAN, 3 / 2.75 - 1, 1.5 / 3.5 - 1, 4 / 2.25 - 1]]
    )


def test_what_is_not_observed_is_not_known_and_not_counted() -> None:
    closes = [[10, NAN, 10, 10], [20, 30, 15, NAN]]
    found = relative_strength.over(closes, periods=[1, 5], benchmark=0, groups=[1, 1, 1, 1])
    np.testing.assert_allclose(found.change, [[1, NAN, 0.5, NAN], [NAN] * 4])
    np.testing.assert_allclose(found.against_group[0], [2 / 1.5 - 1, NAN, 1.5 / 2 - 1, NAN])


def test_without_a_benchmark_nothing_is_known_against_it() -> None:
    found = relative_strength.over([[1, 2], [2, 2]], periods=[1], benchmark=None, groups=[1, 2])
    assert np.isnan(found.against_benchmark).all()


def test_scale_does_not_matter() -> None:
    closes = np.random.default_rng(3).uniform(1, 2, (40, 5))
    scaled = closes * [1, 10, 0.001, 7, 1e6]
    groups = [0, 0, 1, 1, 1]
    one = relative_strength.over(closes, periods=[7, 30], benchmark=2, groups=groups)
    other = relative_strength.over(scaled, periods=[7, 30], benchmark=2, groups=groups)
    np.testing.assert_allclose(one.against_group, other.against_group)
    np.testing.assert_allclose(one.against_benchmark, other.against_benchmark)


def test_what_is_refused() -> None:
    with pytest.raises(NotPositivePriceError, match="row 1, column 0"):
        relative_strength.over([[1], [0]], periods=[1], benchmark=0, groups=[0])
    with pytest.raises(OutOfRangeError, match="period is 0"):
        relative_strength.over([[1], [1]], periods=[0], benchmark=0, groups=[0])
    with pytest.raises(OutOfRangeError, match="benchmark is 1"):
        relative_strength.over([[1], [1]], periods=[1], benchmark=1, groups=[0])
