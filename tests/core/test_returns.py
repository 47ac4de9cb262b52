import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analytics.core import errors
from analytics.core.returns import simple_returns

price_panels = arrays.arrays(
    np.float64,
    arrays.array_shapes(min_dims=2, max_dims=2, max_side=8),
    elements=st.floats(1e-8, 1e6) | st.just(np.nan),
)


def test_a_return_is_the_change_over_the_day_before():
    closes = [[100.0, 8.0], [110.0, 6.0], [99.0, 6.0]]
    np.testing.assert_allclose(simple_returns(closes), [[0.1, -0.25], [-0.1, 0.0]], rtol=1e-14)


def test_a_missing_close_costs_the_returns_on_both_sides_and_is_not_bridged():
    returns = simple_returns([[1.0], [2.0], [np.nan], [8.0], [4.0]])
    np.testing.assert_array_equal(returns[:, 0], [1.0, np.nan, np.nan, -0.5])


def test_a_single_day_has_no_returns():
    assert simple_returns([[1.0, 2.0]]).shape == (0, 2)


@given(price_panels)
def test_a_return_is_missing_exactly_where_a_close_is(closes):
    missing = np.isnan(closes)
    np.testing.assert_array_equal(np.isnan(simple_returns(closes)), missing[1:] | missing[:-1])


@given(price_panels)
def test_compounded_returns_give_the_last_close_back(closes):
    # A return near -1 keeps few digits of what is left, so crashes are bounded here.
    closes = np.clip(np.nan_to_num(closes, nan=1.0), 0.01, 1000)
    grown = closes[0] * np.prod(1 + simple_returns(closes), axis=0)
    np.testing.assert_allclose(grown, closes[-1], rtol=1e-8)


@given(price_panels)
def test_the_currency_does_not_change_a_return(closes):
    np.testing.assert_allclose(simple_returns(4.0 * closes), simple_returns(closes))


@pytest.mark.parametrize("price", [0.0, -1.0])
def test_a_price_of_zero_or_less_is_refused_by_row_and_column(price):
    with pytest.raises(errors.NotPositivePriceError, match="row 1, column 2"):
        simple_returns([[1.0, 1.0, 1.0], [1.0, 1.0, price]])


def test_an_infinite_price_is_refused_by_row_and_column():
    with pytest.raises(errors.NotFiniteError, match="row 0, column 1"):
        simple_returns([[1.0, np.inf], [1.0, 1.0]])


def test_prices_too_far_apart_for_a_return_are_refused():
    with pytest.raises(errors.NotFiniteError, match="return of closes.*row 0, column 0"):
        simple_returns([[1e-300], [1e300]])


@pytest.mark.parametrize("closes", [[1.0, 2.0], np.ones((0, 3))])
def test_anything_but_days_by_assets_is_refused(closes):
    with pytest.raises(errors.ShapeError, match="closes"):
        simple_returns(closes)
