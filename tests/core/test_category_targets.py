"""Targets of categories as a whole: what each position in them should have."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from analytics.core import category_targets
from analytics.core.errors import NegativeValueError, NegativeWeightError, ShapeError

CATEGORIES = 3
money = st.one_of(st.just(0.0), st.floats(0.01, 1e9))


@st.composite
def portfolios(draw):
    """Positions of three categories and of none; each category has a stand-in and a target."""
    b, n = draw(st.integers(1, 4)), draw(st.integers(CATEGORIES, 8))
    values = draw(hnp.arrays(float, (b, n), elements=money))
    categories = np.broadcast_to(
        draw(hnp.arrays(int, n, elements=st.integers(-1, 2))), (b, n)
    ).copy()
    categories[:, :CATEGORIES] = np.arange(CATEGORIES)  # the stand-ins
    parts = draw(hnp.arrays(float, (b, n + CATEGORIES), elements=st.floats(0, 1)))
    own, wanted = parts[:, :n] * (categories < 0), parts[:, n:]
    wanted[:, 0] += 0.1
    total = (own.sum(axis=1) + wanted.sum(axis=1))[:, None]
    return values, own / total, categories, wanted / total


def resolve(values, own, categories, wanted, stand_ins=(0, 1, 2)):
    return category_targets.resolve(
        values,
        values > 0,
        own,
        categories=categories,
        category_targets=wanted,
        stand_ins=np.array(stand_ins),
    )


def test_the_target_of_a_category_is_split_by_what_its_positions_are_worth():
    resolved = resolve(
        np.array([[30.0, 10.0, 60.0]]),
        np.array([[0.0, 0.0, 0.2]]),
        np.array([[0, 0, -1]]),
        np.array([[0.8]]),
        stand_ins=[0],
    )
    np.testing.assert_allclose(resolved.weights, [[0.6, 0.2, 0.2]])
    np.testing.assert_array_equal(resolved.from_category, [[True, True, False]])


def test_the_stand_in_takes_the_target_of_a_category_of_which_nothing_is_held():
    resolved = resolve(
        np.array([[0.0, 0.0, 60.0]]),
        np.array([[0.0, 0.0, 0.2]]),
        np.array([[0, 0, -1]]),
        np.array([[0.8]]),
        stand_ins=[1],
    )
    np.testing.assert_allclose(resolved.weights, [[0.0, 0.8, 0.2]])
    assert resolved.complete.all()


def test_without_a_stand_in_the_targets_are_not_complete():
    nothing = np.array([[0.0, 60.0], [5.0, 60.0]])
    resolved = resolve(
        nothing, np.zeros((2, 2)), np.array([[0, -1]] * 2), np.array([[1.0]] * 2), stand_ins=[-1]
    )
    assert resolved.complete.tolist() == [False, True]


def test_what_is_held_without_a_price_shares_equally():
    resolved = category_targets.resolve(
        [[0.0, 0.0]],
        [[True, True]],
        [[0.0, 0.0]],
        categories=[[0, 0]],
        category_targets=[[1.0]],
        stand_ins=[0],
    )
    np.testing.assert_allclose(resolved.weights, [[0.5, 0.5]])


def test_a_position_with_a_target_of_its_own_stays_out_of_its_category_s():
    resolved = resolve(
        np.array([[50.0, 50.0]]),
        np.array([[0.3, 0.0]]),
        np.array([[0, 0]]),
        np.array([[0.7]]),
        stand_ins=[0],
    )
    np.testing.assert_allclose(resolved.weights, [[0.3, 0.7]])
    assert resolved.from_category.tolist() == [[False, True]]


@given(portfolios())
def test_resolved_targets_sum_to_one(facts):
    resolved = resolve(*facts)
    assert resolved.complete.all()
    np.testing.assert_allclose(resolved.weights.sum(axis=1), 1, atol=1e-12)


@given(portfolios())
def test_each_category_gets_its_target_and_keeps_its_mix(facts):
    values, own, categories, wanted = facts
    resolved = resolve(*facts)
    got = category_targets.category_weights(
        resolved.weights, resolved.from_category, categories, CATEGORIES
    )
    np.testing.assert_allclose(got, wanted, atol=1e-12)
    # Inside a category: target / value is one number wherever something is held.
    for row in range(len(values)):
        for category in range(CATEGORIES):
            inside = (categories[row] == category) & (values[row] > 0) & (own[row] == 0)
            ratios = resolved.weights[row, inside] / values[row, inside]
            np.testing.assert_allclose(ratios, ratios[:1].repeat(len(ratios)), rtol=1e-9)


@given(portfolios())
def test_with_one_asset_a_category_it_is_a_target_of_that_asset(facts):
    values, own, _, wanted = facts
    alone = np.broadcast_to([0, 1, 2, *[-1] * (values.shape[1] - CATEGORIES)], values.shape)
    own = np.where(alone < 0, own, 0.0)
    expected = own.copy()
    expected[:, :CATEGORIES] = wanted
    np.testing.assert_allclose(resolve(values, own, alone, wanted).weights, expected, atol=1e-15)


@given(portfolios())
def test_alone_equals_batched(facts):
    batched = resolve(*facts)
    for row in range(len(facts[0])):
        alone = resolve(*(part[row : row + 1] for part in facts))
        np.testing.assert_array_equal(alone.weights[0], batched.weights[row])
        np.testing.assert_array_equal(alone.from_category[0], batched.from_category[row])


@given(portfolios(), st.randoms(use_true_random=False))
def test_the_order_of_positions_does_not_matter(facts, random):
    values, own, categories, wanted = facts
    order = list(range(values.shape[1]))
    random.shuffle(order)
    moved = resolve(
        values[:, order],
        own[:, order],
        categories[:, order],
        wanted,
        stand_ins=[order.index(category) for category in range(CATEGORIES)],
    )
    expected = resolve(*facts)
    np.testing.assert_allclose(moved.weights, expected.weights[:, order], atol=1e-15)
    np.testing.assert_array_equal(moved.from_category, expected.from_category[:, order])


def test_what_makes_no_sense_is_refused_by_name():
    row = np.array([[1.0, 2.0]])
    in_none = np.array([[-1, -1]])
    with pytest.raises(NegativeValueError, match="values"):
        resolve(-row, row, in_none, np.zeros((1, 0)), stand_ins=np.empty(0, int))
    with pytest.raises(NegativeWeightError, match="target_weights"):
        resolve(row, -row, in_none, np.zeros((1, 0)), stand_ins=np.empty(0, int))
    with pytest.raises(NegativeWeightError, match="category_targets"):
        resolve(row, row, in_none, np.array([[-0.1]]), stand_ins=[0])
    with pytest.raises(ShapeError, match="categories"):
        resolve(row, row, in_none[:, :1], np.array([[0.1]]), stand_ins=[0])
