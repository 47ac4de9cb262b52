import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analytics.core import errors
from analytics.core.nearest_correlation import nearest_correlation


def is_correlation(matrix):
    return (
        (np.diag(matrix) == 1).all()
        and (matrix == matrix.T).all()
        and np.linalg.eigvalsh(matrix)[0] > -1e-10
    )


def test_highams_published_example():
    nearest = nearest_correlation([[1, 1, 0], [1, 1, 1], [0, 1, 1]])
    expected = [[1, 0.7607, 0.1573], [0.7607, 1, 0.7607], [0.1573, 0.7607, 1]]
    np.testing.assert_allclose(nearest, expected, atol=5e-5)


def test_a_correlation_matrix_is_its_own_nearest():
    matrix = np.corrcoef(np.random.default_rng(0).standard_normal((6, 300)))
    np.testing.assert_allclose(nearest_correlation(matrix), matrix, atol=1e-14)


def alternating_projections(matrix, iterations):
    """Higham 2002, algorithm 3.3, as printed."""
    correction, current = np.zeros_like(matrix), matrix
    for _ in range(iterations):
        corrected = current - correction
        values, vectors = np.linalg.eigh(corrected)
        projected = (vectors * np.maximum(values, 0)) @ vectors.T
        correction = projected - corrected
        current = projected.copy()
        np.fill_diagonal(current, 1)
    return current


@pytest.mark.parametrize("seed", range(5))
def test_the_nearest_matrix_is_that_of_highams_alternating_projections(seed):
    matrix = np.random.default_rng(seed).uniform(-1, 1, (12, 12))
    matrix = (matrix + matrix.T) / 2
    np.fill_diagonal(matrix, 1)
    nearest = nearest_correlation(matrix)
    np.testing.assert_allclose(nearest, alternating_projections(matrix, 3000), atol=1e-7)


@given(arrays.arrays(np.float64, (5, 5), elements=st.floats(-1, 1, width=32)))
def test_the_nearest_matrix_is_a_correlation_matrix_and_its_own_nearest(square):
    matrix = (square + square.T) / 2
    np.fill_diagonal(matrix, 1)
    nearest = nearest_correlation(matrix)
    assert is_correlation(nearest)
    np.testing.assert_allclose(nearest_correlation(nearest), nearest, atol=1e-9)


def test_a_limit_on_iterations_that_is_too_small_is_reported():
    with pytest.raises(errors.NotConvergedError, match="after 1 iterations"):
        nearest_correlation([[1, 1, 0], [1, 1, 1], [0, 1, 1]], max_iterations=1)


def test_an_asymmetric_matrix_has_no_nearest():
    with pytest.raises(errors.NotSymmetricError, match="row 0, column 1"):
        nearest_correlation([[1.0, 0.5], [0.4, 1.0]])
