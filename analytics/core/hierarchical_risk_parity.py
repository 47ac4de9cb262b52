"""Hierarchical risk parity: weights from a tree of correlations, without inverting a matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays
from analytics.core.arrays import FloatArray, IntArray
from analytics.core.errors import WeightsSumError

# Numbers in one array of a chunk.
CHUNK_SIZE = 1 << 19


def allocate(covariance: ArrayLike, included: ArrayLike) -> FloatArray:
    """Return the weights of hierarchical risk parity (López de Prado 2016, JPM 42).

    The variant is pinned, since variants differ by several percentage points: single linkage on
    the distance ``√((1 - ρ) / 2)`` itself (not on the distance between its columns), leaves in the
    order of the tree with the older cluster to the left, not reordered, and bisection of that
    order in halves, the smaller first. It is what PyPortfolioOpt computes from returns.

    Which of two assets stands first in a pair that is merged, and so which side of a bisection it
    falls on, follows the order of columns: that belongs to the method, which therefore depends on
    the order of assets. Keep it fixed.

    Parameters
    ----------
    covariance : array_like, shape (n, n)
        Of returns, any horizon. Positive semidefinite.
    included : array_like of bool, shape (b, n)
        Which assets each portfolio holds: one or more.

    Returns
    -------
    ndarray, shape (b, n)
        Positive where included, each row summing to one. A portfolio alone equals the same one in
        a batch bit for bit.

    Raises
    ------
    WeightsSumError
        A portfolio includes no asset.
    ZeroVolatilityError
        One includes an asset that never moves: all the weight would fall on it.
    NotPositiveSemidefiniteError, NotSymmetricError, NotFiniteError, ShapeError
    """
    held = arrays.booleans("included", included, (None, None))
    matrix = arrays.covariance("covariance", covariance, held.shape[1])
    own_variance = np.diag(matrix)
    arrays.require_volatile("covariance", own_variance, held)
    count = held.sum(axis=1)
    if (count == 0).any():
        raise WeightsSumError(f"included holds no asset in {arrays.first(count == 0)}")
    precision = 1 / np.where(own_variance > 0, own_variance, 1.0)
    volatility_scale = np.sqrt(precision)
    correlation = matrix * volatility_scale[:, None] * volatility_scale
    distance = np.sqrt(np.clip((1 - correlation) / 2, 0, 1))
    weighted = matrix * precision[:, None] * precision

    weights = np.zeros(held.shape)
    for width in np.unique(count):
        of_width = np.flatnonzero(count == width)
        rows = max(1, CHUNK_SIZE // int(width) ** 2)
        for some in np.split(of_width, np.arange(rows, len(of_width), rows)):
            columns = np.nonzero(held[some])[1].reshape(len(some), width)
            columns = np.take_along_axis(columns, _leaf_order(distance, columns), axis=1)
            weights[some[:, None], columns] = _bisect(weighted, precision, columns)
    return weights


def _leaf_order(distance: FloatArray, columns: IntArray) -> IntArray:
    """Return the leaves of each portfolio's single-linkage tree, from left to right."""
    first, second = _merges(distance, columns)
    (b, width), rows = columns.shape, np.arange(len(columns))
    cluster = np.broadcast_to(np.arange(width), (b, width)).copy()
    position = np.zeros((b, width), dtype=np.int64)
    for merge in range(width - 1):
        one, other = cluster[rows, first[:, merge]], cluster[rows, second[:, merge]]
        on_left = cluster == np.minimum(one, other)[:, None]
        on_right = cluster == np.maximum(one, other)[:, None]
        position += on_right * on_left.sum(axis=1)[:, None]
        cluster[on_left | on_right] = width + merge
    order = np.empty_like(position)
    np.put_along_axis(order, position, np.arange(width)[None], axis=1)
    return order


def _merges(distance: FloatArray, columns: IntArray) -> tuple[IntArray, IntArray]:
    """Return a leaf of each of the two clusters merged, nearest first: (b, k - 1) twice.

    Prim's algorithm visits the leaves so that each visit's distance is the height at which its
    leaf joins the one visited before (Rohlf 1973).
    """
    (b, width), rows = columns.shape, np.arange(len(columns))
    visited = np.zeros((b, width), dtype=np.int64)
    height = np.zeros((b, max(width - 1, 0)))
    nearest = np.full((b, width), np.inf)
    inside = np.zeros((b, width), dtype=np.bool_)
    for visit in range(width - 1):
        current = visited[:, visit]
        inside[rows, current] = True
        to_current = distance[columns[rows, current][:, None], columns]
        np.minimum(nearest, to_current, out=nearest)
        reach = np.where(inside, np.inf, nearest)
        visited[:, visit + 1] = reach.argmin(axis=1)
        height[:, visit] = reach[rows, visited[:, visit + 1]]
    order = np.argsort(height, axis=1, kind="stable")
    return tuple(  # type: ignore[return-value]
        np.take_along_axis(leaves, order, axis=1) for leaves in (visited[:, :-1], visited[:, 1:])
    )


def _bisect(weighted: FloatArray, precision: FloatArray, columns: IntArray) -> FloatArray:
    """Split each portfolio's weight between halves of its order, by their inverse variance."""
    width = columns.shape[1]
    covariance = weighted[columns[:, :, None], columns[:, None, :]]
    inverse_variance = precision[columns]

    def variance(start: int, stop: int) -> FloatArray:
        total = inverse_variance[:, start:stop].sum(axis=1)
        return np.asarray(covariance[:, start:stop, start:stop].sum(axis=(1, 2)) / total**2)

    weights = np.ones(columns.shape)
    clusters = [(0, width)]
    while clusters:
        start, stop = clusters.pop()
        if stop - start < 2:
            continue
        middle = start + (stop - start) // 2
        left, right = variance(start, middle), variance(middle, stop)
        to_left = np.where(
            left + right > 0, right / np.where(left + right > 0, left + right, 1), 0.5
        )
        weights[:, start:middle] *= to_left[:, None]
        weights[:, middle:stop] *= 1 - to_left[:, None]
        clusters += [(start, middle), (middle, stop)]
    return weights
