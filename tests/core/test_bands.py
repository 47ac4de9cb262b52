import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.core import bands, errors, rebalancing


def nights(drifts, half_width=0.05):
    """The states of one portfolio with one position, night after night."""
    is_open, calm_nights, states = np.array([False]), np.array([0]), []
    for drift in drifts:
        state = bands.next_episodes([[drift]], [[half_width]], is_open, calm_nights)
        is_open, calm_nights = state.is_open, state.calm_nights
        states.append(state)
    return states


def test_the_narrower_of_the_absolute_and_the_relative_leg_counts():
    widths = bands.half_widths([[0.6, 0.36, 0.04, 0.0]], [0.05], [0.25])
    np.testing.assert_allclose(widths, [[0.05, 0.05, 0.01, 0.05]])
    np.testing.assert_allclose(bands.half_widths([[0.6, 0.4]], [0.1]), [[0.1, 0.1]])


def test_the_effective_range_stays_between_nothing_and_everything():
    spread = bands.effective_range([[0.03, 0.97]], [[0.05, 0.05]])
    np.testing.assert_allclose(spread.low, [[0.0, 0.92]])
    np.testing.assert_allclose(spread.high, [[0.08, 1.0]])


def test_categories_drift_and_breach_as_positions_do():
    held = bands.category_weights([[0.5, 0.2, 0.3]], [0, 1, 0], 3)
    wanted = bands.category_weights([[0.4, 0.3, 0.3]], [0, 1, 0], 3)
    np.testing.assert_allclose(held, [[0.8, 0.2, 0.0]])
    widths = bands.half_widths(wanted, [0.05])
    breached = rebalancing.breached(rebalancing.drift(held, wanted), widths)
    assert breached.tolist() == [[True, True, False]]


def test_the_best_band_of_janecek_and_shreve():
    widths = bands.no_trade_half_width([0.1, 0.2, 0.5, 0.0, 1.0], 0.005)
    np.testing.assert_allclose(widths[:3], [0.027, 0.040, 0.054], atol=0.0005)
    assert widths[3:].tolist() == [0.0, 0.0]


def test_eight_times_the_cost_is_twice_the_band():
    once, eightfold = (bands.no_trade_half_width([0.3], cost) for cost in (0.001, 0.008))
    np.testing.assert_allclose(eightfold, 2 * once)


def test_an_episode_opens_at_a_breach_and_closes_after_two_nights_below_80_percent():
    states = nights([0.04, 0.06, 0.041, 0.039, 0.045, 0.039, 0.039, 0.0])
    assert [bool(s.is_open[0]) for s in states] == [False, *[True] * 5, False, False]
    assert [bool(s.opened[0]) for s in states] == [False, True, *[False] * 6]
    assert [bool(s.closed[0]) for s in states] == [*[False] * 6, True, False]
    assert [int(s.calm_nights[0]) for s in states] == [0, 0, 0, 1, 0, 1, 0, 0]


def test_the_edge_of_the_band_neither_opens_nor_counts_as_calm():
    assert not nights([0.65 - 0.6])[0].is_open[0]
    assert nights([0.06, 0.05, 0.05])[-1].is_open[0]


def test_a_band_without_width_closes_on_target():
    assert [bool(s.is_open[0]) for s in nights([0.01, 0.0, 0.0], 0.0)] == [True, True, False]


@given(st.lists(st.floats(-0.1, 0.1), min_size=1, max_size=40))
def test_an_episode_is_open_from_a_breach_until_two_calm_nights(drifts):
    is_open, calm = False, 0
    for state, drift in zip(nights(drifts), drifts, strict=True):
        calm = calm + 1 if abs(drift) < 0.04 and is_open else 0
        is_open = (is_open or abs(drift) > 0.05 + 1e-12) and calm < 2
        assert state.is_open[0] == is_open


def test_portfolios_in_a_batch_do_not_see_each_other():
    generator = np.random.default_rng(3)
    drift, widths = generator.normal(0, 0.04, (50, 4)), np.full((50, 4), 0.05)
    is_open, calm = generator.random(50) < 0.5, generator.integers(0, 2, 50)
    batch = bands.next_episodes(drift, widths, is_open, calm)
    for row in range(50):
        one = slice(row, row + 1)
        alone = bands.next_episodes(drift[one], widths[one], is_open[one], calm[one])
        assert alone.is_open == batch.is_open[one]
        assert alone.calm_nights == batch.calm_nights[one]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: bands.half_widths([[0.5, -0.5]], [0.1]), errors.NegativeWeightError, "column 1"),
        (lambda: bands.half_widths([[0.5, 0.5]], [-0.1]), errors.OutOfRangeError, "absolute"),
        (lambda: bands.half_widths([[0.5]], [0.1], [-1]), errors.OutOfRangeError, "relative"),
        (lambda: bands.half_widths([[np.nan]], [0.1]), errors.NotFiniteError, "row 0, column 0"),
        (lambda: bands.effective_range([[0.5]], [[0.1, 0.1]]), errors.ShapeError, "half_widths"),
        (lambda: bands.category_weights([[0.5, 0.5]], [0, 2], 2), errors.OutOfRangeError, "1"),
        (lambda: bands.no_trade_half_width([1.2], 0.01), errors.OutOfRangeError, "highest"),
        (lambda: bands.no_trade_half_width([0.2], -0.01), errors.OutOfRangeError, "cost_rate"),
        (
            lambda: bands.next_episodes([[0.1]], [[-0.1]], [False], [0]),
            errors.OutOfRangeError,
            "half_widths",
        ),
        (lambda: bands.next_episodes([[0.1]], [[0.1]], [0], [0]), errors.ShapeError, "is_open"),
        (
            lambda: bands.next_episodes([[0.1]], [[0.1]], [False], [-1]),
            errors.OutOfRangeError,
            "calm_nights",
        ),
    ],
)
def test_unusable_bands_are_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()
