"""Checked float64 arrays: what every kernel does to its input first, once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analytics.core.errors import (
    NotFiniteError,
    NotPositiveSemidefiniteError,
    NotSymmetricError,
    OutOfRangeError,
    ShapeError,
    UnsortedDaysError,
    ZeroVolatilityError,
)

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
DayArray = NDArray[np.datetime64]


def floats(
    name: str,
    values: ArrayLike,
    shape: tuple[int | None, ...],
    *,
    nan_is_unobserved: bool = False,
) -> FloatArray:
    """Return `values` as float64 of `shape` (None is any length), or refuse them by `name`."""
    array = shaped(name, values, shape)
    require_finite(name, array, nan_is_unobserved=nan_is_unobserved)
    return array


def shaped(name: str, values: ArrayLike, shape: tuple[int | None, ...]) -> FloatArray:
    """Return `values` as float64 of `shape`, for a kernel that meets NaN in what it computes."""
    array = np.asarray(values, dtype=np.float64)
    _require_shape(name, array.shape, shape)
    return array


def integers(name: str, values: ArrayLike, shape: tuple[int | None, ...]) -> IntArray:
    """Return `values` as int64 of `shape`, or refuse them by `name`."""
    array = np.asarray(values)
    _require_shape(name, array.shape, shape)
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise ShapeError(f"{name} has dtype {array.dtype}, expected integers")
    return array.astype(np.int64)


def days(name: str, values: ArrayLike, length: int | None = None) -> DayArray:
    """Return strictly ascending UTC days; integers count the days since 1970-01-01."""
    array = np.asarray(values)
    _require_shape(name, array.shape, (length,))
    if array.dtype != np.dtype("datetime64[D]"):
        array = integers(name, array, (length,)).astype("datetime64[D]")
    if np.isnat(array).any():
        raise NotFiniteError(f"{name} is not a day at {first(np.isnat(array))}")
    unsorted = np.diff(array) <= np.timedelta64(0, "D")
    if unsorted.any():
        row = int(np.argmax(unsorted))
        raise UnsortedDaysError(f"{name} does not ascend from row {row} to row {row + 1}")
    return array


def require_finite(name: str, array: FloatArray, *, nan_is_unobserved: bool = False) -> None:
    """Refuse infinity, and NaN unless it means "not observed"."""
    refused = np.isinf(array) if nan_is_unobserved else ~np.isfinite(array)
    if refused.any():
        raise NotFiniteError(f"{name} is not finite at {first(refused)}")


def symmetric(name: str, values: ArrayLike, size: int | None = None) -> FloatArray:
    """Return a square matrix that equals its transpose up to rounding."""
    matrix = floats(name, values, (size, size))
    if matrix.shape[0] != matrix.shape[1]:
        raise ShapeError(f"{name} has shape {matrix.shape}, expected a square")
    rounding = 1e-10 * np.abs(matrix).max(initial=0.0)
    lopsided = np.abs(matrix - matrix.T) > rounding
    if lopsided.any():
        raise NotSymmetricError(f"{name} differs from its transpose at {first(lopsided)}")
    return matrix


def covariance(name: str, values: ArrayLike, size: int | None = None) -> FloatArray:
    """Return a covariance matrix: symmetric, and positive semidefinite up to rounding."""
    matrix = symmetric(name, values, size)
    own_variance = np.diag(matrix)
    if (own_variance < 0).any():
        raise NotPositiveSemidefiniteError(
            f"{name} has a negative variance in {columns(own_variance < 0)}"
        )
    scale = np.sqrt(np.where(own_variance > 0, own_variance, 1.0))
    eigenvalues, eigenvectors = np.linalg.eigh(matrix / scale[:, None] / scale)
    if len(matrix) and eigenvalues[0] < -1e-10 * len(matrix):
        heaviest = np.argsort(np.abs(eigenvectors[:, 0]))[-2:]
        raise NotPositiveSemidefiniteError(
            f"{name} gives some mix of assets a negative variance, "
            f"most of all of {columns(np.isin(np.arange(len(matrix)), heaviest))}"
        )
    return matrix


def require_volatile(name: str, own_variance: FloatArray, included: BoolArray) -> None:
    """Refuse an asset that is included, in any portfolio, and never moves."""
    still = (own_variance <= 0) & included.any(axis=0)
    if still.any():
        raise ZeroVolatilityError(
            f"{name} has no volatility in {columns(still)}; cash and stablecoins are left out"
        )


def booleans(name: str, values: ArrayLike, shape: tuple[int | None, ...]) -> BoolArray:
    """Return `values` as booleans of `shape`, or refuse them by `name`."""
    array = np.asarray(values)
    _require_shape(name, array.shape, shape)
    if array.size and array.dtype != np.bool_:
        raise ShapeError(f"{name} has dtype {array.dtype}, expected booleans")
    return array.astype(np.bool_)


def require(holds: bool, name: str, value: float, bound: str) -> None:
    """Refuse a parameter outside its bound."""
    if not holds:
        raise OutOfRangeError(f"{name} is {value}, must be {bound}")


def first(mask: BoolArray) -> str:
    """Say where a mask is first true: "row 3, column 1", or "row 3" of a vector."""
    index = np.unravel_index(int(np.argmax(mask)), mask.shape)
    names = ("row", "column")
    return ", ".join(f"{name} {position}" for name, position in zip(names, index, strict=False))


def columns(mask: BoolArray) -> str:
    """Name every asset column where a mask is true: "column 2" or "columns 2, 5"."""
    positions = np.flatnonzero(mask)
    noun = "column" if len(positions) == 1 else "columns"
    return f"{noun} {', '.join(map(str, positions))}"


def _require_shape(name: str, actual: tuple[int, ...], expected: tuple[int | None, ...]) -> None:
    fits = len(actual) == len(expected) and all(
        wanted is None or wanted == length for wanted, length in zip(expected, actual, strict=True)
    )
    if not fits:
        wanted_shape = ", ".join("any" if length is None else str(length) for length in expected)
        raise ShapeError(f"{name} has shape {actual}, expected ({wanted_shape})")
