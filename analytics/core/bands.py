"""How far a weight may stray: the width of bands, and the episodes that breaches open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays
from analytics.core.arrays import BoolArray, FloatArray, IntArray
from analytics.core.batches import chunks
from analytics.core.errors import NegativeWeightError, OutOfRangeError, ShapeError
from analytics.core.rebalancing import EDGE_ROUNDING

CALM_SHARE_OF_BAND = 0.8
CALM_NIGHTS = 2


@dataclass(frozen=True)
class EffectiveRange:
    """Where a weight may be without a breach: `low` and `high`, both (b, n), in [0, 1]."""

    low: FloatArray
    high: FloatArray


@dataclass(frozen=True)
class Episodes:
    """Of b portfolios after a night.

    Attributes
    ----------
    is_open : (b,) bool
    calm_nights : (b,) int
        Nights in a row below 80 % of the band, of open episodes; 0 of the others.
    opened, closed : (b,) bool
        In this very night.
    """

    is_open: BoolArray
    calm_nights: IntArray
    opened: BoolArray
    closed: BoolArray


def half_widths(
    target_weights: ArrayLike, absolute: ArrayLike, relative: ArrayLike | None = None
) -> FloatArray:
    """Return the half-width of every band: the absolute one, or the relative one if narrower.

    Parameters
    ----------
    target_weights : array_like, shape (b, n)
        Of positions, or of categories (`category_weights`); 0 or more.
    absolute : array_like, shape (b,)
        Fraction of the portfolio, 0 or more: 0.05 is 5 percentage points.
    relative : array_like, shape (b,), optional
        Fraction of the target, 0 or more: 0.25 lets 4 % be between 3 and 5 %. A position without
        a target has nothing to be relative to, and keeps the absolute band: dust is no breach.

    Returns
    -------
    ndarray, shape (b, n)

    Raises
    ------
    NegativeWeightError, OutOfRangeError, NotFiniteError, ShapeError
    """
    targets = arrays.floats("target_weights", target_weights, (None, None))
    if targets.min(initial=0.0) < 0:
        raise NegativeWeightError(f"target_weights is negative at {arrays.first(targets < 0)}")
    widest = _band("absolute", absolute, len(targets))
    if relative is None:
        return np.repeat(widest[:, None], targets.shape[1], axis=1)
    share, widths = _band("relative", relative, len(targets)), np.empty(targets.shape)
    for rows in chunks(len(targets)):
        part, limit = widths[rows], widest[rows, None]
        np.multiply(targets[rows], share[rows, None], out=part)
        np.minimum(part, limit, out=part)
        unwanted = targets[rows] == 0
        if unwanted.any():
            np.copyto(part, limit, where=unwanted)
    return widths


def effective_range(target_weights: ArrayLike, half_widths: ArrayLike) -> EffectiveRange:
    """Return the lowest and the highest weight inside each band.

    Parameters
    ----------
    target_weights, half_widths : array_like, shape (b, n)
        Fractions; see `half_widths`.

    Raises
    ------
    NotFiniteError, ShapeError
    """
    targets = arrays.floats("target_weights", target_weights, (None, None))
    band = arrays.floats("half_widths", half_widths, targets.shape)
    return EffectiveRange(
        low=np.clip(targets - band, 0.0, 1.0), high=np.clip(targets + band, 0.0, 1.0)
    )


def category_weights(weights: ArrayLike, categories: ArrayLike, n_categories: int) -> FloatArray:
    """Return the sum of the weights of each category, shape (b, n_categories).

    Categories drift, and have bands, just as positions do: by these sums of weights and targets.

    Parameters
    ----------
    weights : array_like, shape (b, n)
    categories : array_like of int, shape (n,)
        Of each asset, at least 0 and below `n_categories`.

    Raises
    ------
    OutOfRangeError, NotFiniteError, ShapeError
    """
    held = arrays.floats("weights", weights, (None, None))
    category = arrays.integers("categories", categories, (held.shape[1],))
    unknown = (category < 0) | (category >= n_categories)
    if unknown.any():
        raise OutOfRangeError(
            f"categories is not in [0, {n_categories}) in {arrays.columns(unknown)}"
        )
    total = np.zeros((len(held), n_categories))
    for column, index in enumerate(category):  # in order, so that a batch changes no rounding
        total[:, index] += held[:, column]
    return total


def no_trade_half_width(
    target_weights: ArrayLike, cost_rate: float, *, risk_aversion: float = 3.0
) -> FloatArray:
    """Return the half-width of the best band for small proportional costs, in the target's shape.

    Janeček & Shreve 2004 (Finance and Stochastics 8): ``(3 / (2 γ) w² (1 - w)² c) ** (1/3)`` for
    one risky asset beside cash, to first order in the cost; the asset's volatility cancels. A
    yardstick for the width of a band and no more: several assets interact.

    Parameters
    ----------
    target_weights : array_like
        Each in [0, 1], of any shape.
    cost_rate : float
        Cost of trading as a fraction of the traded amount, 0 or more.
    risk_aversion : float
        γ, above 0.

    Raises
    ------
    OutOfRangeError, NotFiniteError
    """
    targets = np.asarray(target_weights, dtype=np.float64)
    arrays.require_finite("target_weights", targets)
    lowest, highest = float(targets.min(initial=0.0)), float(targets.max(initial=0.0))
    arrays.require(lowest >= 0, "the lowest of target_weights", lowest, "0 or more")
    arrays.require(highest <= 1, "the highest of target_weights", highest, "1 or less")
    arrays.require(0 <= cost_rate < np.inf, "cost_rate", cost_rate, "0 or more")
    arrays.require(0 < risk_aversion < np.inf, "risk_aversion", risk_aversion, "above 0")
    return np.cbrt(3 / (2 * risk_aversion) * (targets * (1 - targets)) ** 2 * cost_rate)


def next_episodes(
    drift: ArrayLike, half_widths: ArrayLike, is_open: ArrayLike, calm_nights: ArrayLike
) -> Episodes:
    """Tell what a night makes of the episodes of the night before.

    An episode opens at a breach, and closes after two nights in a row on which every position is
    below 80 % of its band: one quiet night, or the edge of the band, is not yet balance. On the
    first night give no open episode and no calm night.

    Parameters
    ----------
    drift, half_widths : array_like, shape (b, n)
    is_open : array_like of bool, shape (b,)
    calm_nights : array_like of int, shape (b,)
        0 or more.

    Raises
    ------
    OutOfRangeError, NotFiniteError, ShapeError
    """
    strayed = np.abs(arrays.floats("drift", drift, (None, None)))
    band = arrays.floats("half_widths", half_widths, strayed.shape)
    if (band < 0).any():
        raise OutOfRangeError(f"half_widths is negative at {arrays.first(band < 0)}")
    before = np.asarray(is_open)
    if before.shape != strayed.shape[:1] or before.dtype != np.bool_:
        raise ShapeError(f"is_open is {before.dtype} {before.shape}, expected bool (b,)")
    counted = arrays.integers("calm_nights", calm_nights, strayed.shape[:1])
    if (counted < 0).any():
        raise OutOfRangeError(f"calm_nights is negative at {arrays.first(counted < 0)}")
    in_breach = (strayed > band + EDGE_ROUNDING).any(axis=1)
    # On target is calm, even where the band has no width.
    calm = ((strayed < CALM_SHARE_OF_BAND * band) | (strayed <= EDGE_ROUNDING)).all(axis=1)
    nights = np.where(before & calm, counted + 1, 0)
    closed = nights >= CALM_NIGHTS
    return Episodes(
        is_open=(before | in_breach) & ~closed,
        calm_nights=np.where(closed, 0, nights),
        opened=in_breach & ~before,
        closed=closed,
    )


def _band(name: str, values: ArrayLike, length: int) -> FloatArray:
    band = arrays.floats(name, values, (length,))
    if (band < 0).any():
        raise OutOfRangeError(f"{name} is negative at {arrays.first(band < 0)}")
    return band
