"""What becomes of a portfolio's risk when a share of it goes into one more asset."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import DAYS_PER_YEAR, arrays, batches
from analytics.core.arrays import FloatArray
from analytics.core.errors import OutOfRangeError, ZeroVolatilityError
from analytics.core.rebalancing import require_weights


@dataclass(frozen=True)
class Additions:
    """Figures of b portfolios mixed with each of n assets; volatilities are annualised.

    Attributes
    ----------
    correlation : (b, n)
        Of the portfolio and the asset; zero where the asset has no risk.
    volatility : (b, n)
        With `shares` of the asset.
    effective_bets : (b, n)
        With `shares` of the asset; see `risk.diversification`.
    best_shares : (b, n)
        The share of the least volatility, in [0, most].
    least_volatility : (b, n)
        With that share.
    """

    correlation: FloatArray
    volatility: FloatArray
    effective_bets: FloatArray
    best_shares: FloatArray
    least_volatility: FloatArray


def add(
    weights: ArrayLike, covariance: ArrayLike, *, shares: ArrayLike, most: ArrayLike
) -> Additions:
    """Put a share into each asset in turn, taken from all positions in proportion.

    The portfolio and the asset are a mix of two. With variances p and a, covariance c and a share s
    the mix has the variance (1 - s)² p + 2 s (1 - s) c + s² a, least at (p - c) / (p - 2c + a):
    the two-asset minimum-variance portfolio (Markowitz 1952), cut off at 0 and at `most`.

    Parameters
    ----------
    weights : array_like, shape (b, n)
        0 or more, each row summing to one.
    covariance : array_like, shape (n, n)
        Of daily returns. Cash is a row and column of zeros.
    shares : array_like, shape (b, n) or broadcast to it
        In [0, 1).
    most : array_like, shape (b, n) or broadcast to it
        The largest share that each asset may be given, in [0, 1).

    Raises
    ------
    ZeroVolatilityError
        A portfolio has no risk; its row is named.
    WeightsSumError, NegativeWeightError, OutOfRangeError, NotPositiveSemidefiniteError,
    NotSymmetricError, NotFiniteError, ShapeError
    """
    held = require_weights("weights", weights)
    matrix = arrays.covariance("covariance", covariance, held.shape[1])
    given = _fractions("shares", shares, held.shape)
    limit = _fractions("most", most, held.shape)
    calm = np.einsum("bn,bn->b", held @ matrix, held) <= 0
    if calm.any():
        raise ZeroVolatilityError(f"a portfolio has no risk at {arrays.first(calm)}")
    found = Additions(**{each.name: np.empty(held.shape) for each in fields(Additions)})
    for rows in batches.chunks(len(held)):
        part = _add(held[rows], matrix, given[rows], limit[rows])
        for each in fields(Additions):
            getattr(found, each.name)[rows] = getattr(part, each.name)
    return found


def mixed_volatility(
    volatility: ArrayLike, other: ArrayLike, correlation: ArrayLike, shares: ArrayLike
) -> FloatArray:
    """Return the volatility of a mix of two: `shares` of the other, at this correlation.

    All broadcast; volatilities may be of any period.

    Raises
    ------
    OutOfRangeError
        A correlation is not in [-1, 1].
    NotFiniteError
    """
    mine = np.asarray(volatility, dtype=float)
    theirs = np.asarray(other, dtype=float)
    rho = np.asarray(correlation, dtype=float)
    part = np.asarray(shares, dtype=float)
    for name, told in (("volatility", mine), ("other", theirs), ("correlation", rho)):
        arrays.require_finite(name, told)
    if (np.abs(rho) > 1).any():
        raise OutOfRangeError(f"correlation at {arrays.first(np.abs(rho) > 1)} is not in [-1, 1]")
    return _volatility(mine**2, rho * mine * theirs, theirs**2, part)


def _add(held: FloatArray, matrix: FloatArray, given: FloatArray, limit: FloatArray) -> Additions:
    """Answer for some rows of what was checked."""
    with_each = held @ matrix
    own = np.einsum("bn,bn->b", held, with_each)[:, None]
    other = np.broadcast_to(np.diag(matrix), held.shape)
    bend = own - 2 * with_each + other
    best = np.where(bend > 0, (own - with_each) / np.where(bend > 0, bend, 1.0), 0.0)
    best = np.clip(best, 0.0, limit)
    deviations = np.sqrt(np.diag(matrix))
    average = (held @ deviations)[:, None]
    volatility = _volatility(own, with_each, other, given)
    spread = (1 - given) * average + given * deviations
    return Additions(
        correlation=np.clip(
            with_each / np.sqrt(own * np.where(other > 0, other, np.inf)), -1.0, 1.0
        ),
        volatility=volatility * np.sqrt(DAYS_PER_YEAR),
        effective_bets=np.where(
            volatility > 0, (spread / np.where(volatility > 0, volatility, 1.0)) ** 2, 1.0
        ),
        best_shares=best,
        least_volatility=_volatility(own, with_each, other, best) * np.sqrt(DAYS_PER_YEAR),
    )


def _volatility(
    own: FloatArray, both: FloatArray, other: FloatArray, share: FloatArray
) -> FloatArray:
    rest = 1 - share
    variance = rest**2 * own + 2 * share * rest * both + share**2 * other
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)))


def _fractions(name: str, values: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    told = np.asarray(values, dtype=float)
    arrays.require_finite(name, told)
    outside = (told < 0) | (told >= 1)
    if outside.any():
        raise OutOfRangeError(f"{name} at {arrays.first(outside)} is not in [0, 1)")
    return np.broadcast_to(told, shape)
