import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import brentq

from analytics.core import errors, rates_of_return

YEAR = np.array([0, 365])


def log_rates(found, days):
    """Annual; from the total, since a rate next to -1 has lost its digits."""
    return np.log1p(found.total) * 365 / (days[-1] - days[0])


def present_value(log_rate, flows, end_value, days):
    years = (days[-1] - days) / 365
    return end_value - (flows * np.exp(log_rate * years)).sum()


def sign_changes(flows, end_value, days):
    """How many log rates from -400 to 400 explain the flows."""
    paid, years = np.append(flows, -end_value), (days[-1] - np.append(days, days[-1])) / 365
    log_rates = np.linspace(-400, 400, 40_001)[:, None]
    scale = np.maximum(log_rates, 0) * years[0]  # nothing overflows
    present = (paid * np.exp(log_rates * years - scale)).sum(axis=1)
    return (np.sign(present[1:]) != np.sign(present[:-1])).sum()


@st.composite
def savings(draw):
    """Deposits, now and then less than what has grown out of them taken out, and what is left."""
    n_days = draw(st.integers(2, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    days = np.cumsum(rng.integers(1, 60, n_days)) + rng.integers(0, 20_000)
    value, flows = 0.0, np.zeros(n_days)
    for day in range(n_days):
        value *= rng.lognormal(0, 0.2)
        flows[day] = rng.choice([0.0, rng.lognormal(5, 2), -value * rng.uniform(0, 0.9)])
        value += flows[day]
    assume(flows[:-1].max() > 0)
    return flows, value, days


# Time-weighted


def test_money_put_in_at_the_close_changes_no_return_by_hand():
    # 100 grow to 110; 90 more; 200 grow to 220; 20 taken out; 200 fall to 100.
    found = rates_of_return.time_weighted([[100.0, 200.0, 200.0, 100.0]], [[90.0, -20.0, 0.0]])
    np.testing.assert_allclose(found.returns, [[0.1, 0.1, -0.5]])
    np.testing.assert_allclose(found.total, [1.1 * 1.1 * 0.5 - 1])


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_deposits_at_closing_prices_change_nothing(seed, n_days):
    rng = np.random.default_rng(seed)
    closes = rng.lognormal(0, 1, n_days + 1)
    units = np.cumsum(rng.exponential(1, n_days + 1)) + 1e-3
    units[1:] *= rng.uniform(0.1, 1, n_days)  # now and then some is taken out
    flows = np.diff(units) * closes[1:]
    found = rates_of_return.time_weighted([units * closes], [flows])
    np.testing.assert_allclose(found.returns[0], closes[1:] / closes[:-1] - 1, rtol=1e-6, atol=1e-6)


def test_a_day_that_begins_with_nothing_counts_its_flow_from_the_start():
    # Bought for 1,000 at prices that fell 2 % by the close, sold out for 1,470, bought again.
    found = rates_of_return.time_weighted(
        [[0.0, 0.0, 980.0, 0.0, 0.0, 99.0]], [[0.0, 1000.0, -1470.0, 0.0, 100.0]]
    )
    np.testing.assert_allclose(found.returns, [[0.0, -0.02, 0.5, 0.0, -0.01]])


def test_a_deposit_that_lost_more_than_there_was_counts_from_the_start():
    # 10, and 1,000 that are worth 909 at the close with it: not a loss of more than everything.
    found = rates_of_return.time_weighted([[10.0, 909.0]], [[1000.0]])
    np.testing.assert_allclose(found.returns, [[909 / 1010 - 1]])


# Money-weighted


def test_one_deposit_earns_the_compound_annual_growth():
    found = rates_of_return.money_weighted([[100.0, 0.0]], [121.0], [0, 730])
    np.testing.assert_allclose(found.annual, [0.1], rtol=1e-14)
    np.testing.assert_allclose(found.total, [0.21], rtol=1e-14)


def test_the_published_example_of_the_spreadsheet_function():
    # Microsoft's documentation of XIRR: 0.373362535.
    days = np.array(["2008-01-01", "2008-03-01", "2008-10-30", "2009-02-15", "2009-04-01"], "M8[D]")
    flows = [[10_000.0, -2750.0, -4250.0, -3250.0, 0.0]]
    found = rates_of_return.money_weighted(flows, [2750.0], days)
    np.testing.assert_allclose(found.annual, [0.373362535], atol=2e-9)


@given(savings())
def test_the_rate_is_that_of_brentq_and_leaves_no_present_value(case):
    flows, end_value, days = case
    try:
        found = rates_of_return.money_weighted([flows], [end_value], days)
    except errors.SeveralRatesError:
        assert sign_changes(flows, end_value, days) > 1
        return
    assume(found.total[0] > -0.999)  # a rate next to -1 has lost its digits
    log_rate = log_rates(found, days)[0]
    scale = end_value + (np.abs(flows) * np.exp(log_rate * (days[-1] - days) / 365)).sum()
    assert abs(present_value(log_rate, flows, end_value, days)) <= 1e-11 * scale
    reach = 1e-3
    oracle = brentq(
        present_value, log_rate - reach, log_rate + reach, (flows, end_value, days), xtol=1e-15
    )
    assert log_rate == pytest.approx(oracle, abs=1e-9)


@given(savings(), st.floats(1e-3, 1e3))
def test_neither_the_currency_nor_the_company_matters(case, rate):
    flows, end_value, days = case
    assume(sign_changes(flows, end_value, days) == 1)
    other = np.zeros(len(days))
    other[0] = 1.0
    plain = rates_of_return.money_weighted([flows], [end_value], days)
    assume(plain.total[0] > -0.999)
    both = rates_of_return.money_weighted([other, flows * rate], [2.0, end_value * rate], days)
    np.testing.assert_allclose(
        log_rates(both, days)[1], log_rates(plain, days)[0], rtol=1e-9, atol=1e-10
    )


def test_money_that_is_all_lost_earned_minus_one():
    found = rates_of_return.money_weighted([[50.0, 50.0]], [0.0], YEAR)
    assert found.annual.tolist() == found.total.tolist() == [-1.0]


def test_a_portfolio_that_opens_late_counts_from_its_own_first_day():
    found = rates_of_return.money_weighted([[0.0, 100.0, 0.0]], [110.0], [0, 9000, 9365])
    np.testing.assert_allclose(found.annual, [0.1], rtol=1e-13)


def test_one_of_several_rates_is_not_chosen():
    # 10 % and 20 % both explain it.
    flows = [[100.0, 0.0, 0.0], [100.0, -230.0, 132.0]]
    with pytest.raises(errors.SeveralRatesError, match="row 1"):
        rates_of_return.money_weighted(flows, [121.0, 0.0], [0, 365, 730])
    # And 10, 20 and 30 %, which end with a value.
    flows = [[1000.0, -3600.0, 4310.0, 0.0]]
    with pytest.raises(errors.SeveralRatesError, match="row 0"):
        rates_of_return.money_weighted(flows, [1716.0], [0, 365, 730, 1095])


def test_several_rates_are_found_though_one_of_them_is_next_to_a_total_loss():
    # Three of them; at the lowest, e**-46 a year, early payments weigh next to nothing.
    days = [342, 362, 707, 1569, 1953, 2440, 2736, 2757]
    flows = [[15.774, -63.203, -0.959, 21.543, 19.101, -14.232, 84.11, -2.349]]
    with pytest.raises(errors.SeveralRatesError, match="row 0"):
        rates_of_return.money_weighted(flows, [0.15], days)


def test_a_rate_that_is_the_only_one_is_told_though_more_was_taken_out_than_there_was():
    flows, days = np.array([100.0, -300.0, 100.0]), np.array([0, 365, 730])
    found = rates_of_return.money_weighted([flows], [250.0], days)
    assert abs(present_value(np.log1p(found.annual[0]), flows, 250.0, days)) < 1e-9


# Refusals


@pytest.mark.parametrize(
    ("values", "flows", "error", "message"),
    [
        ([[1.0, -1.0]], [[0.0]], errors.NegativeValueError, "row 0, column 1"),
        ([[1.0, 1.0], [0.0, 1.0]], [[0.0], [0.0]], errors.UndefinedReturnError, "row 1, column 0"),
        ([[0.0, 0.0]], [[-1.0]], errors.UndefinedReturnError, "row 0, column 0"),
        ([[1.0, np.nan]], [[0.0]], errors.NotFiniteError, "row 0, column 1"),
        ([[1.0]], [[]], errors.TooLittleHistoryError, "1 days"),
        ([[1.0, 1.0]], [[0.0, 0.0]], errors.ShapeError, "flows"),
        ([[1e-300, 1e300, 1e300]], [[0.0, np.inf]], errors.NotFiniteError, "flows"),
        ([[5e-324, 1.0]], [[0.0]], errors.NotFiniteError, "growth of values"),
    ],
)
def test_values_that_do_not_follow_from_flows_are_refused(values, flows, error, message):
    with pytest.raises(error, match=message):
        rates_of_return.time_weighted(values, flows)


@pytest.mark.parametrize(
    ("flows", "end_values", "days", "error", "message"),
    [
        ([[1.0, 0.0]], [-1.0], YEAR, errors.NegativeValueError, "row 0"),
        ([[1.0, 0.0], [0.0, 1.0]], [1.0, 1.0], YEAR, errors.UndefinedReturnError, "row 1"),
        ([[-1.0, 2.0]], [2.0], YEAR, errors.UndefinedReturnError, "row 0"),
        ([[100.0, -300.0, 250.0]], [0.0], [0, 365, 730], errors.UndefinedReturnError, "row 0"),
        ([[1.0, 0.0]], [1.0], [5, 5], errors.UnsortedDaysError, "row 0"),
        ([[1.0]], [1.0], [5], errors.TooLittleHistoryError, "1 days"),
        ([[np.inf, 0.0]], [1.0], YEAR, errors.NotFiniteError, "row 0, column 0"),
        ([[1.0, 0.0]], [1.0, 1.0], YEAR, errors.ShapeError, "end_values"),
        ([[1.0, 0.0]], [10.0], [0, 1], errors.NotFiniteError, "annual rate"),
    ],
)
def test_flows_without_a_rate_are_refused(flows, end_values, days, error, message):
    with pytest.raises(error, match=message):
        rates_of_return.money_weighted(flows, end_values, days)
