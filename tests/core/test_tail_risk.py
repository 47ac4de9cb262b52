import empyrical
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analytics.core import errors, tail_risk

KERNELS = [tail_risk.historical, tail_risk.filtered]

daily_returns = arrays.arrays(
    np.float64, st.tuples(st.integers(60, 90), st.integers(1, 4)), elements=st.floats(-0.9, 2.0)
)


def random_returns(days=400, assets=5, seed=0):
    return np.random.default_rng(seed).standard_t(4, (days, assets)) * 0.03


def test_the_tail_of_twenty_one_days_by_hand():
    # Losses of 1 % to 21 %: position 1 of 0..20 is the second worst, so nothing is interpolated.
    returns = -np.arange(1.0, 22.0)[:, None] / 100
    tail = tail_risk.historical([[1.0], [0.5]], returns)
    np.testing.assert_allclose(tail.value_at_risk, [0.20, 0.10])
    np.testing.assert_allclose(tail.conditional_value_at_risk, [0.205, 0.1025])


def test_a_quantile_between_two_days_is_interpolated():
    returns = np.array([-0.4, -0.2, 0.0, 0.1])[:, None]
    tail = tail_risk.historical([[1.0]], returns, level=0.5)
    np.testing.assert_allclose(tail.value_at_risk, [0.1])
    np.testing.assert_allclose(tail.conditional_value_at_risk, [0.3])


@pytest.mark.parametrize("days", [20, 100, 101, 365, 1500])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_the_tail_is_that_of_empyrical(days, level):
    returns = random_returns(days)
    weights = np.random.default_rng(1).dirichlet(np.ones(5), 3)
    tail = tail_risk.historical(weights, returns, level=level)
    for row, series in enumerate(weights @ returns.T):
        cutoff = 1 - level
        quantile = empyrical.value_at_risk(series, cutoff)
        np.testing.assert_allclose(tail.value_at_risk[row], -quantile, rtol=1e-12)
        # Its own whole-number cut of the tail falls a day short where 1 - level is rounded down.
        mean = empyrical.conditional_value_at_risk(series, cutoff + 1e-12)
        np.testing.assert_allclose(tail.conditional_value_at_risk[row], -mean, rtol=1e-12)


def test_the_filtered_tail_follows_a_loop_over_the_days():
    series, decay = random_returns(200, 1, seed=2)[:, 0], 0.5 ** (1 / 20)
    variance = [np.mean(series[:40] ** 2)]
    for move in series[40:]:
        variance.append(decay * variance[-1] + (1 - decay) * move**2)
    scaled = series[40:] * np.sqrt(variance[-1] / np.array(variance[:-1]))
    tail = tail_risk.filtered([[1.0]], series[:, None], halflife=20, warm_up=40)
    np.testing.assert_allclose(tail.value_at_risk, -np.percentile(scaled, 5), rtol=1e-10)


def test_days_of_one_size_need_no_scaling():
    returns = 0.02 * np.where(np.arange(100) % 3, 1.0, -1.0)[:, None]
    plain, scaled = (kernel([[1.0]], returns) for kernel in KERNELS)
    np.testing.assert_allclose(scaled.value_at_risk, plain.value_at_risk)
    np.testing.assert_allclose(scaled.conditional_value_at_risk, 0.02)


def test_the_filtered_tail_knows_that_the_market_has_become_wild():
    returns = random_returns(500, 1, seed=3)
    returns[-30:] *= 3
    plain, scaled = (kernel([[1.0]], returns) for kernel in KERNELS)
    assert scaled.value_at_risk > 1.3 * plain.value_at_risk


@pytest.mark.parametrize("kernel", KERNELS)
@given(returns=daily_returns, scale=st.floats(0.1, 4))
def test_the_tail_is_finite_scales_and_its_mean_is_worse_than_its_edge(kernel, returns, scale):
    returns[:2] += 0.001  # something moves in the warm-up
    returns = np.where(np.abs(returns) < 1e-6, 0.0, returns)
    weights = np.full((1, returns.shape[1]), 1 / returns.shape[1])
    try:
        tail, scaled = (kernel(w, returns) for w in (weights, scale * weights))
    except errors.ZeroVolatilityError:
        return
    assert np.isfinite(tail.conditional_value_at_risk).all()
    assert (tail.conditional_value_at_risk >= tail.value_at_risk - 1e-12).all()
    np.testing.assert_allclose(
        scaled.value_at_risk, scale * tail.value_at_risk, rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("kernel", KERNELS)
def test_neither_the_order_of_assets_nor_the_batch_matters(kernel):
    returns, size = random_returns(days=100), 2 * tail_risk.CHUNK_RETURNS // 100 + 5
    weights, order = np.random.default_rng(4).dirichlet(np.ones(5), size), [3, 1, 4, 0, 2]
    tail, shuffled = kernel(weights, returns), kernel(weights[:, order], returns[:, order])
    alone = kernel(weights[-2:-1], returns)
    for name in ("value_at_risk", "conditional_value_at_risk"):
        expected = getattr(tail, name)
        np.testing.assert_allclose(getattr(shuffled, name), expected, rtol=1e-10)
        np.testing.assert_allclose(getattr(alone, name), expected[-2:-1], rtol=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
def test_cash_loses_nothing(kernel):
    tail = kernel([[0.0, 0.0], [0.0, 1.0]], random_returns(assets=2) * [1.0, 0.0])
    assert (tail.value_at_risk == 0).all()
    assert (tail.conditional_value_at_risk == 0).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: tail_risk.historical([[1.0]], np.zeros((19, 1))),
            errors.TooLittleHistoryError,
            "19 days, a tail of 0.05 needs 20",
        ),
        (
            lambda: tail_risk.filtered([[1.0]], np.zeros((49, 1))),
            errors.TooLittleHistoryError,
            "needs 50",
        ),
        (
            lambda: tail_risk.filtered(
                [[1, 0], [0, 1]], np.c_[np.ones(60), np.arange(60) > 40] / 10
            ),
            errors.ZeroVolatilityError,
            "row 1",
        ),
        (
            lambda: tail_risk.historical([[np.nan]], np.zeros((20, 1))),
            errors.NotFiniteError,
            "weights.*row 0",
        ),
        (
            lambda: tail_risk.historical([[1.0]], np.full((20, 1), np.inf)),
            errors.NotFiniteError,
            "returns.*row 0",
        ),
        (
            lambda: tail_risk.historical([[1e308, 1e308]], np.ones((20, 2))),
            errors.NotFiniteError,
            "the return of weights",
        ),
        (
            lambda: tail_risk.historical([[1.0]], np.zeros((20, 2))),
            errors.ShapeError,
            "returns has shape",
        ),
        (
            lambda: tail_risk.historical([[1.0]], np.zeros((20, 1)), level=1.0),
            errors.OutOfRangeError,
            "level",
        ),
        (
            lambda: tail_risk.filtered([[1.0]], np.zeros((60, 1)), halflife=0),
            errors.OutOfRangeError,
            "halflife",
        ),
        (
            lambda: tail_risk.filtered([[1.0]], np.zeros((60, 1)), warm_up=1),
            errors.OutOfRangeError,
            "warm_up",
        ),
    ],
)
def test_unusable_input_is_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()
