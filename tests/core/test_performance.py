import empyrical
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analytics.core import drawdowns, errors, performance

daily_returns = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 3), st.integers(2, 45)), elements=st.floats(-0.9, 1.0)
)


def random_returns(series, days, seed=0):
    return np.random.default_rng(seed).normal(0.001, 0.04, (series, days))


def assert_same(found, expected, **tolerance):
    for name, figure in vars(found).items():
        np.testing.assert_allclose(figure, getattr(expected, name), err_msg=name, **tolerance)


def test_four_days_by_hand():
    # 1 → 1.1 → 0.88 → 1.056 → 1.0032; mean 0.0125.
    found = performance.statistics([[0.1, -0.2, 0.2, -0.05]])
    variance = np.sum((np.array([0.1, -0.2, 0.2, -0.05]) - 0.0125) ** 2) / 3
    np.testing.assert_allclose(found.cagr, 1.0032 ** (365 / 4) - 1)
    np.testing.assert_allclose(found.volatility, np.sqrt(365 * variance))
    np.testing.assert_allclose(found.sharpe, 0.0125 / np.sqrt(variance) * np.sqrt(365))
    np.testing.assert_allclose(found.sortino, 0.0125 / np.sqrt(0.0425 / 4) * np.sqrt(365))
    np.testing.assert_allclose(found.max_drawdown, -0.2)
    np.testing.assert_allclose(found.calmar, found.cagr / 0.2)


@pytest.mark.parametrize("days", [2, 9, 10, 11, 100, 365, 1504])
def test_the_five_statistics_are_those_of_empyrical(days):
    returns = random_returns(7, days)
    found, year = performance.statistics(returns), {"annualization": 365}
    oracle = {
        "cagr": empyrical.annual_return(returns.T, **year),
        "volatility": empyrical.annual_volatility(returns.T, **year),
        "sharpe": empyrical.sharpe_ratio(returns.T, **year),
        "sortino": empyrical.sortino_ratio(returns.T, **year),
        "max_drawdown": empyrical.max_drawdown(returns.T),
    }
    for name, figures in oracle.items():
        lossless = ~np.isfinite(figures)
        np.testing.assert_allclose(
            np.where(lossless, 0, getattr(found, name)),
            np.where(lossless, 0, figures),
            rtol=1e-9,
            err_msg=name,
        )
    for row, series in enumerate(returns):
        calmar = empyrical.calmar_ratio(series, **year)
        if np.isfinite(calmar):
            np.testing.assert_allclose(found.calmar[row], calmar, rtol=1e-9)


def test_a_year_that_doubles_grows_by_one_hundred_percent():
    returns = np.full((1, 365), 2 ** (1 / 365) - 1)
    returns[:, ::2] *= 1.001
    returns[:, 1::2] = 2 ** (2 / 365) / (1 + returns[:, [0]]) - 1
    returns[:, -1] = 2 / np.prod(1 + returns[:, :-1]) - 1
    np.testing.assert_allclose(performance.statistics(returns).cagr, 1.0)


@pytest.mark.parametrize(("sharpe", "days", "error"), [(0.5, 12, 0.306), (1.0, 60, 0.158)])
def test_the_standard_error_of_the_sharpe_ratio_is_that_of_lo(sharpe, days, error):
    # Lo 2002, table 1: the standard error of a ratio of one period.
    spread = np.where(np.arange(days) % 2, 1.0, -1.0) * 0.01
    deviation = np.std(spread, ddof=1)
    found = performance.statistics([spread + sharpe * deviation])
    np.testing.assert_allclose(found.sharpe / np.sqrt(365), sharpe)
    np.testing.assert_allclose(found.sharpe_standard_error / np.sqrt(365), error, atol=6e-4)


def test_the_standard_error_covers_what_a_thousand_simulated_years_scatter():
    returns = random_returns(1000, 365, seed=1)
    found = performance.statistics(returns)
    scatter = found.sharpe.std(ddof=1)
    np.testing.assert_allclose(found.sharpe_standard_error.mean(), scatter, rtol=0.08)


def test_without_a_loss_the_ratios_over_losses_are_infinite():
    found = performance.statistics([[0.1, 0.0, 0.2], [0.1, -0.1, 0.2]])
    assert found.sortino[0] == found.calmar[0] == np.inf
    assert found.max_drawdown[0] == 0
    assert np.isfinite([found.sortino[1], found.calmar[1]]).all()


@given(daily_returns)
def test_no_figure_is_nan_and_the_drawdown_is_that_of_the_values(returns):
    try:
        found = performance.statistics(returns)
    except errors.ZeroVolatilityError:
        assert (np.ptp(returns, axis=1) < 1e-9).any()
        return
    for name, figures in vars(found).items():
        assert not np.isnan(figures).any(), name
    assert ((found.max_drawdown >= -1) & (found.max_drawdown <= 0)).all()
    values = np.cumprod(np.insert(1 + returns, 0, 1, axis=1), axis=1)
    deepest = drawdowns.series(values).min(axis=1)
    np.testing.assert_allclose(found.max_drawdown, deepest, atol=1e-12)


@given(daily_returns, st.floats(0.1, 0.9))
def test_a_leaner_portfolio_has_the_same_ratios_and_less_risk(returns, invested):
    assume((returns.std(axis=1) > 1e-3).all() and returns.shape[1] > 10)
    whole, part = (performance.statistics(r) for r in (returns, invested * returns))
    np.testing.assert_allclose(part.sharpe, whole.sharpe, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(part.volatility, invested * whole.volatility, rtol=1e-9)
    assert (part.max_drawdown >= whole.max_drawdown - 1e-12).all()


def test_alone_is_as_in_a_batch_across_the_chunks_inside():
    size = 2 * performance.CHUNK_RETURNS // 100 + 5
    returns = random_returns(size, 100, seed=2)
    batch, order = performance.statistics(returns), np.random.default_rng(3).permutation(size)
    shuffled = performance.statistics(returns[order])
    for name, figures in vars(batch).items():
        np.testing.assert_array_equal(getattr(shuffled, name), figures[order], err_msg=name)
    assert_same(
        performance.statistics(returns[-3:-2]),
        performance.PerformanceStatistics(
            **{name: figures[-3:-2] for name, figures in vars(batch).items()}
        ),
        rtol=1e-12,
    )


@pytest.mark.parametrize(
    ("returns", "error", "message"),
    [
        ([[0.1]], errors.TooLittleHistoryError, "1 days, 2 are needed"),
        ([[0.1, 0.2], [0.1, 0.1]], errors.ZeroVolatilityError, "never change at row 1"),
        ([[0.1] * 7], errors.ZeroVolatilityError, "row 0"),
        ([[0.0, 0.0]], errors.ZeroVolatilityError, "row 0"),
        ([[0.1, 0.2], [0.1, np.nan]], errors.NotFiniteError, "returns.*row 1, column 1"),
        ([[0.1, np.inf]], errors.NotFiniteError, "returns.*row 0, column 1"),
        ([[0.1, -1.0]], errors.UndefinedReturnError, "row 0, column 1"),
        ([[-3.0, -2.0]], errors.UndefinedReturnError, "row 0, column 0"),
        ([[0.1, 1e200]], errors.NotFiniteError, "variance of returns.*row 0"),
        ([[1e150, 1e140] * 2], errors.NotFiniteError, "growth of returns.*row 0"),
        ([[9.0, 99.0]], errors.NotFiniteError, "annual growth of returns.*row 0"),
        ([0.1, 0.2], errors.ShapeError, "returns has shape"),
    ],
)
def test_unusable_input_is_refused_by_row(returns, error, message):
    with pytest.raises(error, match=message):
        performance.statistics(returns)
