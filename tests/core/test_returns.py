import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analytics.core import errors, returns
from analytics.core.returns import log_returns, simple_returns

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


# Logarithms


def test_log_returns_by_hand():
    np.testing.assert_allclose(
        log_returns([[100.0], [110.0], [99.0]]), [[np.log(1.1)], [np.log(0.9)]], rtol=1e-13
    )


@given(price_panels)
def test_log_returns_add_up_to_the_growth_of_the_whole(closes):
    closes = np.nan_to_num(closes, nan=1.0)
    np.testing.assert_allclose(
        log_returns(closes).sum(axis=0), np.log(closes[-1] / closes[0]), atol=1e-12
    )


@given(price_panels)
def test_a_log_return_is_that_of_one_plus_the_simple_return(closes):
    closes = np.clip(closes, 0.01, 100)
    np.testing.assert_allclose(log_returns(closes), np.log1p(simple_returns(closes)), atol=1e-11)


def test_prices_too_far_apart_for_a_logarithm_are_refused():
    with pytest.raises(errors.NotFiniteError, match="return of closes.*row 0, column 1"):
        log_returns([[1.0, 1e300], [1.0, 1e-300]])


# Panels


def days(*names):
    return np.array(names, dtype="datetime64[D]")


def test_a_missing_row_becomes_a_day_that_was_not_observed():
    sparse = returns.panel(days("2024-02-27", "2024-02-28", "2024-03-01"), [[1.0], [2.0], [8.0]])
    np.testing.assert_array_equal(
        sparse.days, days("2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01")
    )
    np.testing.assert_array_equal(sparse.closes[:, 0], [1.0, 2.0, np.nan, 8.0])
    np.testing.assert_array_equal(simple_returns(sparse.closes)[:, 0], [1.0, np.nan, np.nan])


def test_a_panel_without_gaps_stays_as_it_is():
    closes = np.arange(1.0, 9.0).reshape(4, 2)
    whole = returns.panel(np.datetime64("2024-01-01") + np.arange(4), closes)
    np.testing.assert_array_equal(whole.closes, closes)
    np.testing.assert_array_equal(returns.panel(whole.days, whole.closes).closes, closes)


@given(st.sets(st.integers(0, 60), min_size=1), st.integers(0, 2**32 - 1))
def test_laying_out_neither_loses_nor_invents_a_close(offsets, seed):
    rows = np.datetime64("2024-01-01") + np.sort(np.array(list(offsets)))
    closes = np.random.default_rng(seed).uniform(1, 2, (len(rows), 2))
    laid_out = returns.panel(rows, closes)
    assert (np.diff(laid_out.days) == np.timedelta64(1, "D")).all()
    np.testing.assert_array_equal(laid_out.closes[np.isin(laid_out.days, rows)], closes)
    assert np.isnan(laid_out.closes[~np.isin(laid_out.days, rows)]).all()


@pytest.mark.parametrize(
    "unsorted",
    [
        ["2024-01-01", "2024-01-03", "2024-01-02"],
        ["2024-01-01", "2024-01-02", "2024-01-02"],
        ["2024-01-01", "2024-01-02", "NaT"],
    ],
)
def test_days_that_do_not_ascend_are_refused_by_row(unsorted):
    with pytest.raises(errors.UnsortedDaysError, match="row 2"):
        returns.panel(days(*unsorted), np.ones((3, 1)))


def test_days_and_closes_of_different_lengths_are_refused():
    with pytest.raises(errors.ShapeError, match="days"):
        returns.panel(days("2024-01-01"), np.ones((2, 1)))


# Eligibility


def moves(n_days=200, n_assets=1):
    return np.random.default_rng(0).standard_normal((n_days, n_assets)) * 0.04


@pytest.mark.parametrize(
    ("observed", "displayable", "optimisable"),
    [(59, False, False), (60, True, False), (119, True, False), (120, True, True)],
)
def test_sixty_returns_are_shown_and_120_may_decide_weights(observed, displayable, optimisable):
    young = moves()
    young[:-observed] = np.nan
    found = returns.eligibility(young)
    assert found.observed.tolist() == [observed]
    assert found.displayable.tolist() == [displayable]
    assert found.optimisable.tolist() == [optimisable]


def test_an_asset_that_fell_silent_or_stands_still_is_good_for_nothing():
    panel = moves(n_assets=4)
    panel[-7:, 0] = np.nan  # a week without a return
    panel[-6:, 1] = np.nan
    panel[-60:, 2] = 0.0  # two months without a move
    panel[-59:, 3] = 0.0
    found = returns.eligibility(panel)
    assert found.recent.tolist() == [False, True, True, True]
    assert found.moving.tolist() == [True, True, False, True]
    assert found.displayable.tolist() == [False, True, False, True]
    assert found.optimisable.tolist() == [False, True, False, True]


def test_an_asset_never_observed_is_not_eligible():
    found = returns.eligibility(np.full((200, 1), np.nan))
    assert not (found.recent | found.moving | found.displayable | found.optimisable).any()
    assert not returns.eligibility(np.empty((0, 2))).displayable.any()


@given(price_panels, st.randoms())
def test_eligibility_does_not_depend_on_the_order_of_assets(closes, random):
    order = list(range(closes.shape[1]))
    random.shuffle(order)
    panel = np.tile(simple_returns(closes), (40, 1))
    plain, permuted = returns.eligibility(panel), returns.eligibility(panel[:, order])
    np.testing.assert_array_equal(permuted.displayable, plain.displayable[order])
    np.testing.assert_array_equal(permuted.optimisable, plain.optimisable[order])


def test_an_infinite_return_is_a_broken_price_and_no_missing_day():
    broken = moves(n_assets=2)
    broken[5, 1] = np.inf
    with pytest.raises(errors.NotFiniteError, match="row 5, column 1"):
        returns.eligibility(broken)
