import empyrical
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analytics.core import drawdowns, errors

paths = arrays.arrays(
    np.float64,
    st.tuples(st.integers(1, 4), st.integers(1, 40)),
    elements=st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.0, 4.0]),
)


def day(text):
    return np.datetime64(text, "D")


def of_one(values, days=None):
    """The statistics of one portfolio, as plain figures."""
    days = np.arange(len(values)) if days is None else days
    found = drawdowns.statistics([values], days)
    return {name: figure[0] for name, figure in vars(found).items()}


def test_a_fall_and_its_recovery_by_hand():
    days = np.arange(day("2024-01-01"), day("2024-01-08"))
    found = of_one([100, 120, 90, 60, 110, 125, 100], days)
    assert found["max_drawdown"] == -0.5
    assert (found["peak"], found["trough"]) == (day("2024-01-02"), day("2024-01-04"))
    assert found["recovery"] == day("2024-01-06")
    assert (found["days_to_recover"], found["longest_under_water"]) == (2, 4)
    squares = [0.25**2, 0.5**2, (1 / 12) ** 2, 0.2**2]
    np.testing.assert_allclose(found["ulcer_index"], np.sqrt(sum(squares) / 7))
    np.testing.assert_allclose(
        drawdowns.series([[100, 120, 90, 60, 110, 125, 100]]),
        [[0, 0, -0.25, -0.5, -1 / 12, 0, -0.2]],
    )


def test_a_fall_that_has_not_ended_has_no_recovery():
    found = of_one([3, 2, 1, 2, 2.5], [10, 11, 15, 20, 40])
    assert np.isnat(found["recovery"])
    assert found["days_to_recover"] == -1
    assert found["longest_under_water"] == 30
    assert found["peak"] == np.datetime64(10, "D")


def test_a_portfolio_that_never_falls_has_no_drawdown():
    found = of_one([1, 2, 2, 3])
    assert found["max_drawdown"] == found["ulcer_index"] == found["longest_under_water"] == 0
    assert np.isnat([found["peak"], found["trough"], found["recovery"]]).all()
    assert found["days_to_recover"] == -1


def test_the_peak_is_the_last_day_at_it_and_reaching_it_again_is_recovery():
    found = of_one([2, 2, 1, 2, 1.5])
    assert found["peak"] == np.datetime64(1, "D")
    assert found["recovery"] == np.datetime64(3, "D")
    assert found["longest_under_water"] == 2


def brute_force(values):
    """The deepest fall between any two days, and the longest stay below an earlier value."""
    deepest = min(b / a - 1 for i, a in enumerate(values) for b in values[i:])
    longest = 0
    for start in range(len(values)):
        end = start
        while end + 1 < len(values) and values[end + 1] < values[start]:
            end += 1
        if end > start:
            longest = max(longest, min(end + 1, len(values) - 1) - start)
    return deepest, longest


@given(paths)
def test_the_deepest_and_the_longest_are_those_of_looking_at_all_pairs(values):
    found = drawdowns.statistics(values, np.arange(values.shape[1]))
    for row, path in enumerate(values):
        deepest, longest = brute_force(path)
        np.testing.assert_allclose(found.max_drawdown[row], deepest, atol=1e-12)
        assert found.longest_under_water[row] == longest


@given(paths, st.floats(0.01, 100))
def test_the_figures_fit_together_and_know_no_currency(values, rate):
    days = np.arange(values.shape[1])
    found, converted = (drawdowns.statistics(v, days) for v in (values, 4 * values))
    for name, figure in vars(found).items():
        np.testing.assert_array_equal(getattr(converted, name), figure, err_msg=name)
    drawdown = drawdowns.series(rate * values)
    assert ((drawdown >= -1) & (drawdown <= 0)).all()
    assert (found.ulcer_index <= -found.max_drawdown + 1e-12).all()
    fell = found.max_drawdown < 0
    assert (np.isnat(found.trough) == ~fell).all()
    assert (found.peak[fell] < found.trough[fell]).all()
    recovered = ~np.isnat(found.recovery)
    assert (found.trough[recovered] < found.recovery[recovered]).all()
    assert (found.days_to_recover[recovered] >= 1).all()
    assert (found.days_to_recover[recovered] <= found.longest_under_water[recovered]).all()


def test_the_deepest_is_that_of_empyrical():
    returns = np.random.default_rng(0).normal(0, 0.04, (5, 700))
    values = np.cumprod(np.c_[np.ones(5), 1 + returns], axis=1)
    found = drawdowns.statistics(values, np.arange(701))
    np.testing.assert_allclose(found.max_drawdown, empyrical.max_drawdown(returns.T), rtol=1e-12)


def test_alone_is_as_in_a_batch_across_the_chunks_inside():
    size = 2 * drawdowns.CHUNK_VALUES // 500 + 3
    values = np.exp(np.random.default_rng(1).normal(0, 0.05, (size, 500)).cumsum(axis=1))
    batch, alone = (drawdowns.statistics(v, np.arange(500)) for v in (values, values[-2:-1]))
    for name, figure in vars(alone).items():
        np.testing.assert_array_equal(figure, getattr(batch, name)[-2:-1], err_msg=name)


def test_the_real_peaks_and_troughs_of_bitcoin(bitcoin_closes):
    closes = bitcoin_closes["2017":"2024"]
    days = closes.index.to_numpy().astype("datetime64[D]")
    before = closes.index < "2020-12-31"
    first = of_one(closes[before].to_numpy(), days[before])
    assert first["peak"] == day("2017-12-16")
    assert first["trough"] == day("2018-12-15")
    whole = of_one(closes["2021":].to_numpy(), days[closes.index >= "2021"])
    assert (whole["peak"], whole["trough"]) == (day("2021-11-08"), day("2022-11-21"))
    assert whole["recovery"] == day("2024-03-04")
    assert -0.78 < whole["max_drawdown"] < -0.75


@pytest.mark.parametrize(
    ("values", "days", "error", "message"),
    [
        ([[1, 2, 3]], [0, 2, 2], errors.UnsortedDaysError, "from row 1 to row 2"),
        ([[1, 2]], ["2024-01-02", "2024-01-01"], errors.UnsortedDaysError, "row 0"),
        ([[1, 2]], ["2024-01-02", "NaT"], errors.NotFiniteError, "days is not a day at row 1"),
        ([[1, 2]], [0.0, 1.0], errors.ShapeError, "days has dtype float64"),
        ([[1, 2]], [0], errors.ShapeError, "days has shape"),
        ([[1, 2], [1, 0]], [0, 1], errors.NotPositivePriceError, "row 1, column 1"),
        ([[1, np.nan]], [0, 1], errors.NotFiniteError, "row 0, column 1"),
        ([[]], [], errors.ShapeError, "values has no day"),
    ],
)
def test_unusable_input_is_refused_by_name(values, days, error, message):
    if isinstance(days[0] if days else 0, str):
        days = np.array(days, dtype="datetime64[D]")
    with pytest.raises(error, match=message):
        drawdowns.statistics(values, days)
