import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.core import errors, feasibility


def bounds(lower, upper, categories=None, category_lower=None, category_upper=None):
    categories = [0] * len(lower) if categories is None else categories
    count = max(categories) + 1
    return feasibility.bounds(
        [lower],
        [upper],
        categories,
        [[0.0] * count if category_lower is None else category_lower],
        [[1.0] * count if category_upper is None else category_upper],
    )


@pytest.mark.parametrize(
    ("within", "reason"),
    [
        (bounds([0.5, 0], [0.4, 1]), "column 0 needs at least 0.5 but may hold at most 0.4"),
        (
            bounds([0] * 3, [1, 0.1, 0.2], [0, 1, 1], [0, 0.4], [1, 1]),
            "category 1 needs at least 0.4 but its assets may hold at most 0.3",
        ),
        (
            bounds([0, 0.2, 0.2], [1] * 3, [0, 1, 1], [0, 0], [1, 0.3]),
            "category 1 may hold at most 0.3 but its assets need at least 0.4",
        ),
        (
            bounds([0, 0], [1, 1], [0, 1], [0.6, 0], [0.5, 1]),
            "category 0 needs at least 0.6 but may hold at most 0.5",
        ),
        (bounds([0, 0], [0.5, 0.4]), "upper bounds of columns 0, 1 sum to 0.9, below 1"),
        (
            bounds([0] * 3, [0.3, 1, 1], [0, 1, 1], [0, 0], [1, 0.5]),
            "upper bounds of column 0 and of category 1 sum to 0.8, below 1",
        ),
        (
            bounds([0.7, 0.6], [1, 1], [0, 1]),
            "lower bounds of columns 0, 1 sum to 1.3, above 1",
        ),
        (
            bounds([0] * 2, [1] * 2, [0, 1], [0.7, 0.5], [1, 1]),
            "lower bounds of categories 0, 1 sum to 1.2, above 1",
        ),
        (bounds([0, 0], [0, 0]), "upper bounds of no asset sum to 0, below 1"),
    ],
)
def test_the_bounds_in_the_way_are_named(within, reason):
    found = feasibility.check(within)
    assert not found.feasible[0]
    assert found.reasons == {0: reason}
    with pytest.raises(errors.InfeasibleBoundsError, match="row 0: "):
        found.require()


def test_bounds_that_add_up_to_one_but_for_rounding_are_met():
    found = feasibility.check(bounds([0.1, 0.2, 0.7], [0.1, 0.2, 0.7]))
    assert found.feasible[0]
    found.require()


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 3))
def test_a_linear_programme_agrees(seed, size, count):
    from scipy.optimize import linprog

    rng = np.random.default_rng(seed)
    lower, category_lower = rng.uniform(0, 0.4, size), rng.uniform(0, 0.5, count)
    upper, category_upper = rng.uniform(0, 0.8, size), rng.uniform(0, 1, count)
    within = feasibility.bounds(
        [lower], [upper], rng.integers(0, count, size), [category_lower], [category_upper]
    )
    found = feasibility.check(within)
    if (lower > upper).any():
        assert not found.feasible[0]
        return
    member = within.membership.T
    status = linprog(
        np.zeros(size),
        A_ub=np.vstack([member, -member]),
        b_ub=np.r_[category_upper, -category_lower],
        A_eq=np.ones((1, size)),
        b_eq=[1.0],
        bounds=np.column_stack([lower, upper]),
    ).status
    assert found.feasible[0] == (status == 0)
    assert set(found.reasons) == (set() if found.feasible[0] else {0})


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"lower": [[-0.1, 0]]}, errors.OutOfRangeError, "lower is not in .* row 0, column 0"),
        ({"upper": [[1, 1.5]]}, errors.OutOfRangeError, "upper is not in .* row 0, column 1"),
        ({"upper": [[1, np.nan]]}, errors.NotFiniteError, "upper.*row 0, column 1"),
        ({"upper": [[1, 1, 1]]}, errors.ShapeError, "upper has shape"),
        ({"categories": [0, 2]}, errors.OutOfRangeError, "column 1 are not from 0 to 1"),
        ({"categories": [0.0, 1.0]}, errors.ShapeError, "expected integers"),
        ({"category_lower": [[0, 2]]}, errors.OutOfRangeError, "category_lower"),
        ({"category_upper": [[1]]}, errors.ShapeError, "category_upper"),
    ],
)
def test_unusable_bounds_are_refused_by_name(change, error, message):
    usable = {
        "lower": [[0, 0]],
        "upper": [[1, 1]],
        "categories": [0, 1],
        "category_lower": [[0, 0]],
        "category_upper": [[1, 1]],
    }
    with pytest.raises(error, match=message):
        feasibility.bounds(**(usable | change))
