"""Weights brought within bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from analytics.core import bounded_weights, feasibility
from analytics.core.errors import InfeasibleBoundsError, NegativeWeightError
from analytics.core.feasibility import Bounds

SEEDS = st.integers(0, 2**32 - 1)


def bounds(seed: int, grid: int | None = None) -> tuple[np.ndarray, Bounds]:
    """Random weights, and bounds around other ones; on a grid of steps if asked."""
    generator = np.random.default_rng(seed)
    n, c = int(generator.integers(2, 9)), int(generator.integers(1, 4))
    categories = generator.integers(0, c, n)
    inside = generator.dirichlet(np.ones(n))
    lower, upper = inside * generator.uniform(0, 1, n), inside + generator.uniform(0, 0.3, n)
    sums = np.array([inside[categories == g].sum() for g in range(c)])
    least, most = sums * generator.uniform(0, 1, c), sums + generator.uniform(0, 0.3, c)
    if grid:
        lower, least = np.floor(lower * grid) / grid, np.floor(least * grid) / grid
        upper, most = np.ceil(upper * grid) / grid, np.ceil(most * grid) / grid
    limits = [np.clip(bound, 0, 1)[None] for bound in (lower, upper, least, most)]
    within = feasibility.bounds(limits[0], limits[1], categories, limits[2], limits[3])
    return generator.dirichlet(np.ones(n)), within


def entropy(weights: np.ndarray, wished: np.ndarray) -> float:
    held = np.maximum(weights, 1e-15)
    return float((held * np.log(held / wished)).sum())


@given(SEEDS)
def test_weights_keep_their_bounds_and_sum_to_one(seed):
    wished, within = bounds(seed)
    found = bounded_weights.nearest(wished, within)
    sums = found @ within.membership
    assert found.sum() == pytest.approx(1, abs=1e-12)
    assert (found >= within.lower[0] - 1e-12).all()
    assert (found <= within.upper[0] + 1e-12).all()
    held = within.membership.any(axis=0)
    assert (sums >= within.category_lower[0] - 1e-12)[held].all()
    assert (sums <= within.category_upper[0] + 1e-12)[held].all()


@given(SEEDS)
def test_what_keeps_its_bounds_already_stays(seed):
    wished, within = bounds(seed)
    found = bounded_weights.nearest(wished, within)
    assert bounded_weights.nearest(found, within) == pytest.approx(found, abs=1e-8)


@pytest.mark.parametrize("seed", range(6))
def test_no_other_weights_within_the_bounds_are_nearer(seed):
    wished, within = bounds(seed)
    found = bounded_weights.nearest(wished, within)
    members = within.membership.T[within.membership.any(axis=0)]
    least = within.category_lower[0][within.membership.any(axis=0)]
    most = within.category_upper[0][within.membership.any(axis=0)]
    best = minimize(
        entropy, found * 0.9 + wished * 0.1, args=(wished,), method="SLSQP",
        bounds=list(zip(within.lower[0], within.upper[0], strict=True)),
        constraints=[
            {"type": "eq", "fun": lambda w: w.sum() - 1},
            {"type": "ineq", "fun": lambda w: members @ w - least},
            {"type": "ineq", "fun": lambda w: most - members @ w},
        ],
        options={"ftol": 1e-12, "maxiter": 500},
    )  # fmt: skip
    assert best.success
    assert entropy(found, wished) <= best.fun + 1e-7


def test_everything_that_no_bound_holds_keeps_its_proportions():
    within = feasibility.bounds([[0, 0, 0]], [[0.3, 1, 1]], [0, 0, 0], [[0]], [[1]])
    found = bounded_weights.nearest([0.5, 0.3, 0.2], within)
    assert found == pytest.approx(np.array([0.3, 0.42, 0.28]))


def test_bounds_that_none_can_keep_are_refused_by_name():
    within = feasibility.bounds([[0, 0]], [[0.3, 0.3]], [0, 0], [[0]], [[1]])
    with pytest.raises(InfeasibleBoundsError, match="below 1"):
        bounded_weights.nearest([0.5, 0.5], within)


def test_a_negative_weight_is_refused():
    within = feasibility.bounds([[0, 0]], [[1, 1]], [0, 0], [[0]], [[1]])
    with pytest.raises(NegativeWeightError, match="negative"):
        bounded_weights.nearest([-0.5, 1.5], within)


@given(SEEDS)
def test_whole_steps_keep_their_bounds_exactly_and_stray_by_less_than_a_few(seed):
    steps = 1000
    wished, within = bounds(seed, grid=steps)
    exact = bounded_weights.nearest(wished, within)
    found = bounded_weights.in_steps(exact, within, steps)
    assert found.sum() == steps
    assert (found >= np.rint(within.lower[0] * steps)).all()
    assert (found <= np.rint(within.upper[0] * steps)).all()
    sums = found @ within.membership
    held = within.membership.any(axis=0)
    assert (sums >= np.rint(within.category_lower[0] * steps))[held].all()
    assert (sums <= np.rint(within.category_upper[0] * steps))[held].all()
    assert np.abs(found - exact * steps).max() <= 3


def test_steps_too_coarse_for_the_bounds_are_refused():
    within = feasibility.bounds([[0.333, 0]], [[0.334, 1]], [0, 0], [[0]], [[1]])
    with pytest.raises(InfeasibleBoundsError, match="whole steps"):
        bounded_weights.in_steps([0.3333, 0.6667], within, 100)
    assert bounded_weights.in_steps([0.3335, 0.6665], within, 1000).sum() == 1000
