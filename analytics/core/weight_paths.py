"""What becomes of a portfolio as one asset's weight goes up or down, all others in proportion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import DAYS_PER_YEAR, arrays, risk
from analytics.core.arrays import FloatArray
from analytics.core.errors import OutOfRangeError, TooFewHoldingsError, ZeroVolatilityError
from analytics.core.rebalancing import require_weights

# Two volatilities this close to one another are the same, so no weight has less risk.
FLAT = 1e-12


@dataclass(frozen=True)
class WeightPath:
    """Figures of b portfolios at each of k weights of one asset.

    Attributes
    ----------
    volatility : (b, k)
        Annualised.
    effective_bets : (b, k)
        The square of the diversification ratio; see `risk.diversification`.
    risk_share : (b, k)
        What the asset contributes to the risk, as a fraction of it; negative where it hedges.
    calmest_weight : (b,)
        The weight of the least volatility, in [0, 1].
    """

    volatility: FloatArray
    effective_bets: FloatArray
    risk_share: FloatArray
    calmest_weight: FloatArray


def along_weight(
    weights: ArrayLike, covariance: ArrayLike, asset: int, asset_weights: ArrayLike
) -> WeightPath:
    """Follow risk and effective bets along one asset's weight, given the others.

    The others keep their proportions, so the portfolio is a mix of two, the asset and the rest,
    and its variance a parabola in the asset's weight.

    Parameters
    ----------
    weights : array_like, shape (b, n)
        0 or more, each row summing to one.
    covariance : array_like, shape (n, n)
        Of daily returns. Cash is a row and column of zeros.
    asset : int
        The column whose weight changes.
    asset_weights : array_like, shape (k,)
        The weights it takes, in [0, 1].

    Raises
    ------
    TooFewHoldingsError
        A portfolio holds nothing but the asset, so there are no others in proportion.
    ZeroVolatilityError
        A portfolio has no risk at one of the weights; row and column are named.
    WeightsSumError, NegativeWeightError, OutOfRangeError, NotPositiveSemidefiniteError,
    NotSymmetricError, NotFiniteError, ShapeError
    """
    held = require_weights("weights", weights)
    n = held.shape[1]
    arrays.require(0 <= asset < n, "asset", asset, f"a column below {n}")
    matrix = arrays.covariance("covariance", covariance, n)
    share = arrays.floats("asset_weights", asset_weights, (None,))
    outside = (share < 0) | (share > 1)
    if outside.any():
        raise OutOfRangeError(f"asset_weights is not in [0, 1] at {arrays.first(outside)}")
    others = _others(held, asset)
    own = matrix[asset, asset]
    with_rest = (others @ matrix[asset])[:, None]
    of_rest = (risk.contributions(others, matrix).volatility ** 2 / DAYS_PER_YEAR)[:, None]
    other = 1 - share
    asset_part = share * (share * own + other * with_rest)
    variance = asset_part + other * (share * with_rest + other * of_rest)
    still = variance <= FLAT * (share**2 * own + other**2 * of_rest)
    if still.any():
        raise ZeroVolatilityError(f"the path has no risk at {arrays.first(still)}")
    mean_volatility = share * np.sqrt(own) + other * (others @ np.sqrt(np.diag(matrix)))[:, None]
    return WeightPath(
        volatility=np.sqrt(DAYS_PER_YEAR * variance),
        effective_bets=mean_volatility**2 / variance,
        risk_share=asset_part / variance,
        calmest_weight=_calmest(own, with_rest[:, 0], of_rest[:, 0]),
    )


def _others(held: FloatArray, asset: int) -> FloatArray:
    """Return the portfolios without the asset, each row summing to one."""
    others = held.copy()
    others[:, asset] = 0.0
    rest = others.sum(axis=1)
    if (rest <= 0).any():
        raise TooFewHoldingsError(
            f"weights holds nothing but column {asset} at {arrays.first(rest <= 0)}"
        )
    return np.asarray(others / rest[:, None])


def _calmest(own: FloatArray, with_rest: FloatArray, of_rest: FloatArray) -> FloatArray:
    """Return where the parabola is lowest, in [0, 1]; where it is flat, as little as possible."""
    bend = own + of_rest - 2 * with_rest
    bends = bend > FLAT * (own + of_rest)
    lowest = (of_rest - with_rest) / np.where(bends, bend, 1.0)
    return np.clip(np.where(bends, lowest, 0.0), 0.0, 1.0)
