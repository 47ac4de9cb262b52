"""Assets that are about one bet, and how surely so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.cluster import hierarchy

from analytics.core import arrays, batches, correlation
from analytics.core.arrays import BoolArray, FloatArray, IntArray
from analytics.core.correlation import PairwiseCorrelation, fading_weights
from analytics.core.errors import (
    OutOfRangeError,
    ShapeError,
    TooLittleHistoryError,
    ZeroVolatilityError,
)
from analytics.core.returns import DISPLAY_RETURNS

# Average linkage joins two clusters when the mean distance of their pairs is that of this ρ.
THRESHOLD = 0.70
# Half of what the market leaves of two assets is shared. With the median link to Bitcoin of the
# years to 2024, r = 0.66, such a pair has r² + (1 - r²) / 2 = 0.72 in all; see `hidden`.
RESIDUAL_THRESHOLD = 0.50
# Hennig 2007 (Computational Statistics & Data Analysis 52): from 0.75 on a cluster is valid.
SIMILARITY = 0.75
STABLE_SHARE = 0.80
DRAWS = 500
# Mean distances are sums of roots: one at the threshold is so only up to rounding.
HEIGHT_ROUNDING = 1e-9
# So many elements of a batch of draws stay in the second-level cache with what is made of them.
ELEMENTS = 2**15
# Volatility clusters for weeks; shorter blocks would break what makes wild days come together.
BLOCK_DAYS = 20


@dataclass(frozen=True)
class Clusters:
    """Which of n assets belong together.

    Attributes
    ----------
    labels : (n,) int
        The cluster of each asset: 0, 1, …, in the order in which clusters first appear.
    leaf_order : (n,) int
        The assets in the order of the tree's leaves, clusters side by side. For display only.
    merges : (n - 1, 4)
        The tree as `scipy.cluster.hierarchy.linkage` writes it.
    """

    labels: IntArray
    leaf_order: IntArray
    merges: FloatArray


@dataclass(frozen=True)
class Stability:
    """How often each of k clusters came back; `share` (k,), and `stable` (k,) from 80 % on."""

    share: FloatArray
    stable: BoolArray


def find(correlations: ArrayLike, *, threshold: float = THRESHOLD) -> Clusters:
    """Join assets by average linkage on the distance √(2 (1 - ρ)), cut at that of `threshold`.

    The distance is Mantegna's (1999, European Physical Journal B 11). For n > 1 the tree's order
    of leaves is the one that puts neighbours next to each other (Bar-Joseph et al. 2001).

    Parameters
    ----------
    correlations : array_like, shape (n, n)
        Symmetric, ones on the diagonal. A pair not known must have been given a value, as
        `covariance.ewma` does; assets of which nothing is known are to be left out.
    threshold : float
        In [-1, 1]; a mean distance of exactly that joins.

    Returns
    -------
    Clusters
        An asset alone is a cluster of one. Equal assets merge at distance 0.

    Raises
    ------
    OutOfRangeError
        An element outside [-1, 1], or a diagonal that is not one.
    NotSymmetricError, NotFiniteError, ShapeError
    """
    matrix = arrays.symmetric("correlations", correlations)
    arrays.require(-1 <= threshold <= 1, "threshold", threshold, "in [-1, 1]")
    outside = np.abs(matrix) > 1 + 1e-12
    if outside.any():
        raise OutOfRangeError(f"correlations at {arrays.first(outside)} is not in [-1, 1]")
    off = np.abs(np.diag(matrix) - 1) > 1e-12
    if off.any():
        raise OutOfRangeError(f"correlations is not 1 on the diagonal in {arrays.columns(off)}")
    if len(matrix) < 2:
        alone = np.arange(len(matrix))
        return Clusters(alone, alone.copy(), np.empty((0, 4)))
    distances = _distances(matrix[_above_diagonal(len(matrix))])
    merges = hierarchy.optimal_leaf_ordering(hierarchy.linkage(distances, "average"), distances)
    leaves = hierarchy.leaves_list(merges).astype(np.int64)
    return Clusters(_cut(merges, threshold), leaves, merges)


def hidden(
    residual: PairwiseCorrelation,
    *,
    threshold: float = RESIDUAL_THRESHOLD,
    chance: float = correlation.CHANCE,
) -> Clusters:
    """Join assets that move together beyond the market's own move.

    What is left of two assets without the market (`market_mode.remove`) correlates far less than
    the assets do, so the cut of `find` would part them all. In a model of one market that both
    follow with correlation r, assets whose rest correlates by ρ' correlate by r² + (1 - r²) ρ';
    0.70 of that is a ρ' of 0.47 at Bitcoin's median link (0.66; windows of 365 days to each
    quarter's end, 2019-06 to 2024-12; half of them from 0.38 to 0.52). It is rounded up
    to the value that says something by itself, one half: ρ' is the share of the rest's variance
    that a common driver of the two explains.

    A pair with a short history reaches that by chance. Where `correlation.chance_level` over all
    known pairs exceeds the threshold, only a correlation above it counts; any other such pair, and
    a pair of which nothing is known, counts as unrelated.

    Parameters
    ----------
    residual : PairwiseCorrelation
        Of n assets' returns without the market.
    threshold : float
        In [-1, 1], on the residual correlation.
    chance : float
        Above 0, below 1: how often unrelated assets may show a cluster at all.

    Raises
    ------
    OutOfRangeError
    """
    known = np.isfinite(residual.correlation)
    pairs = int(np.count_nonzero(known & _above_diagonal(len(known))))
    level = correlation.chance_level(residual.effective_days, pairs=max(pairs, 1), chance=chance)
    told = known & ((level <= threshold) | (residual.correlation > level))
    correlations = np.where(told, residual.correlation, 0.0)
    np.fill_diagonal(correlations, 1.0)
    return find(correlations, threshold=threshold)


def stability(
    returns: ArrayLike,
    labels: ArrayLike,
    *,
    halflife: float | None = None,
    threshold: float = THRESHOLD,
    min_overlap: int = DISPLAY_RETURNS,
    draws: int = DRAWS,
    block_days: int = BLOCK_DAYS,
    seed: int = 0,
) -> Stability:
    """Tell in which share of resampled histories each cluster comes back.

    Blocks of consecutive days are drawn with replacement, around the end to the start (circular
    block bootstrap, Politis & Romano 1992). Each draw is clustered anew; a cluster came back if
    some cluster of the draw has a Jaccard similarity of 0.75 or more with it. A day keeps its
    weight wherever it is drawn.

    Parameters
    ----------
    returns : array_like, shape (n_days, n_assets)
        Simple daily returns of two or more assets, oldest first; winsorised here. NaN means "not
        observed".
    labels : array_like of int, shape (n_assets,)
        The cluster of each asset: 0, 1, …, none left out.
    halflife : float, optional
        Days, above 0. None weighs all days the same.
    threshold : float
        As for `find`.
    min_overlap : int
        Common days that each pair must have, at least 2. A pair of which a draw leaves no common
        day keeps the correlation of all days.
    draws, block_days, seed : int
        The same seed draws the same days, for any number of assets.

    Returns
    -------
    Stability
        In the order of the labels.

    Raises
    ------
    TooLittleHistoryError
        A pair has too few common days.
    ZeroVolatilityError
        An asset never moved.
    OutOfRangeError, NotFiniteError, ShapeError
    """
    daily_returns = arrays.floats("returns", returns, (None, None), nan_is_unobserved=True)
    n_days, n_assets = daily_returns.shape
    clusters = arrays.integers("labels", labels, (n_assets,))
    _require_clusters(n_assets, clusters)
    arrays.require(-1 <= threshold <= 1, "threshold", threshold, "in [-1, 1]")
    arrays.require(min_overlap >= 2, "min_overlap", min_overlap, "2 or more")
    arrays.require(draws >= 1, "draws", draws, "1 or more")
    arrays.require(block_days >= 1, "block_days", block_days, "1 or more")
    arrays.require(halflife is None or halflife > 0, "halflife", halflife or 0, "above 0")
    member = _membership(clusters)
    moves, observed = _moves(daily_returns, min_overlap)
    weights = np.ones(n_days) if halflife is None else fading_weights(n_days, halflife)
    whole, _, _ = correlation.zero_mean(moves, observed, weights)
    multiplicities = _multiplicities(n_days, draws, block_days, seed) * weights
    correlate = _resampling(moves, observed, whole)
    returned = np.zeros(member.shape[1], dtype=np.int64)
    for rows in batches.chunks(draws, max(1, ELEMENTS // n_assets**2)):
        together = _joined(_distances(correlate(multiplicities[rows])), threshold)
        returned += (_similarity(member, together) >= SIMILARITY).sum(axis=0)
    share = returned / draws
    return Stability(share=share, stable=share >= STABLE_SHARE)


def _require_clusters(n_assets: int, labels: IntArray) -> None:
    if n_assets < 2:
        raise ShapeError(f"returns has shape (any, {n_assets}), clusters need two columns or more")
    present = np.unique(labels)
    if not np.array_equal(present, np.arange(len(present))):
        raise OutOfRangeError(f"labels are {present.tolist()}, must be 0, 1, … with none left out")


def _distances(correlations: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(2 * np.maximum(1 - correlations, 0.0)))


def _above_diagonal(n_assets: int) -> BoolArray:
    return np.triu(np.ones((n_assets, n_assets), dtype=np.bool_), 1)


def _cut(merges: FloatArray, threshold: float) -> IntArray:
    """Cut the tree at the distance of `threshold`, and number clusters as they first appear.

    From the root down, each merge below the cut hands its name to both of its parts.
    """
    n_assets = len(merges) + 1
    names = list(range(2 * n_assets - 1))
    joined = int(np.searchsorted(merges[:, 2], _height(threshold), side="right"))  # heights ascend
    for node, (one, other) in zip(
        range(n_assets + joined - 1, n_assets - 1, -1),
        merges[:joined, :2][::-1].astype(np.int64).tolist(),
        strict=True,
    ):
        names[one] = names[other] = names[node]
    numbers: dict[int, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names[:n_assets]])


def _height(threshold: float) -> float:
    return float(np.sqrt(2 * (1 - threshold))) + HEIGHT_ROUNDING


def _membership(labels: IntArray) -> FloatArray:
    """Return a column of zeros and ones for each cluster."""
    joined = labels[:, None] == np.arange(labels.max(initial=-1) + 1)
    return np.asarray(joined, dtype=np.float64)


def _similarity(clusters: FloatArray, others: FloatArray) -> FloatArray:
    """Return the Jaccard similarity of each cluster with the most similar of each draw's.

    `clusters` (n, k) is one column of members each, `others` (draws, n, n) one row each.
    """
    both = others @ clusters
    either = clusters.sum(axis=0) + others.sum(axis=2)[..., None] - both
    return np.asarray((both / either).max(axis=1, initial=0.0))


def _moves(returns: FloatArray, min_overlap: int) -> tuple[FloatArray, BoolArray]:
    observed = ~np.isnan(returns)
    seen = observed.astype(np.float64)
    short = seen.T @ seen < min_overlap
    if short.any():
        one, other = np.unravel_index(int(np.argmax(short)), short.shape)
        raise TooLittleHistoryError(
            f"returns has fewer than {min_overlap} common days in columns {one} and {other}"
        )
    moves = correlation.standardised(correlation.winsorised(returns), observed)
    still = (moves == 0).all(axis=0)
    if still.any():
        raise ZeroVolatilityError(f"returns never move in {arrays.columns(still)}")
    return moves, observed


def _multiplicities(n_days: int, draws: int, block_days: int, seed: int) -> FloatArray:
    """Return how often each draw has each day, (draws, n_days)."""
    generator = np.random.default_rng(seed)
    starts = generator.integers(n_days, size=(draws, -(-n_days // block_days), 1))
    days = ((starts + np.arange(block_days)) % n_days).reshape(draws, -1)[:, :n_days]
    apart = days + n_days * np.arange(draws)[:, None]
    counts = np.bincount(apart.ravel(), minlength=draws * n_days)
    return counts.reshape(draws, n_days).astype(np.float64)


def _resampling(
    moves: FloatArray, observed: BoolArray, whole: FloatArray
) -> Callable[[FloatArray], FloatArray]:
    """Return what correlates the pairs under each of many weightings of the days, in one product.

    As `correlation.zero_mean` does under one; an undefined pair keeps its `whole` correlation.
    (draws, n_days) gives (draws, n, n), of which only what is above the diagonal is told.
    """
    n_assets = len(whole)
    one, other = np.nonzero(_above_diagonal(n_assets))
    products = moves[:, one] * moves[:, other]
    squares = moves**2
    common = observed[:, one] & observed[:, other]

    def sums(weights: FloatArray, of: IntArray) -> FloatArray:
        if observed.all():  # a sum an asset rather than one a pair
            return np.asarray((weights @ squares)[:, of])
        return weights @ (squares[:, of] * common)

    def correlate(weights: FloatArray) -> FloatArray:
        scale = np.sqrt(sums(weights, one) * sums(weights, other))
        raw = np.clip(weights @ products / np.where(scale > 0, scale, 1.0), -1.0, 1.0)
        correlations = np.zeros((len(weights), n_assets, n_assets))
        correlations[:, one, other] = np.where(scale > 0, raw, whole[one, other])
        return correlations

    return correlate


def _joined(distances: FloatArray, threshold: float) -> FloatArray:
    """Join the two nearest clusters of each draw until no two are near enough.

    Average linkage, cut at `threshold`, of all draws at once: the distance to a new cluster is the
    mean of those to its parts, weighted by their sizes. `distances` (draws, n, n), changed here,
    need only be told above the diagonal. Each row of (draws, n, n) has ones at the members of a
    cluster, or none.
    """
    draws, n_assets, _ = distances.shape
    distances = np.where(_above_diagonal(n_assets), distances, 0.0)
    distances += distances.transpose(0, 2, 1)
    distances[:, np.arange(n_assets), np.arange(n_assets)] = np.inf
    together = np.tile(np.eye(n_assets), (draws, 1, 1))
    sizes = np.ones((draws, n_assets))
    left, height = np.arange(draws), _height(threshold)
    while len(left):
        all_pairs = distances.reshape(draws, -1)
        nearest = (all_pairs if len(left) == draws else all_pairs[left]).argmin(axis=1)
        one, other = np.divmod(nearest, n_assets)  # ascending: the matrix is symmetric
        near = distances[left, one, other] <= height
        left, one, other = left[near], one[near], other[near]
        parts = sizes[left, one, None], sizes[left, other, None]
        mean = parts[0] * distances[left, one] + parts[1] * distances[left, other]
        mean /= parts[0] + parts[1]
        distances[left, one] = distances[left, :, one] = mean
        distances[left, other] = distances[left, :, other] = np.inf
        sizes[left, one] += sizes[left, other]
        together[left, one] += together[left, other]
        together[left, other] = 0.0
    return together
