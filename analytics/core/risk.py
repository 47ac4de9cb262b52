"""Portfolio volatility and what each position contributes to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import DAYS_PER_YEAR, arrays
from analytics.core.arrays import FloatArray
from analytics.core.errors import NotPositiveSemidefiniteError

# A variance this far below zero, relative to that of the same positions perfectly correlated,
# is no longer rounding.
VARIANCE_ROUNDING = 1e-10


@dataclass(frozen=True)
class RiskContributions:
    """Annualised; `contributions` (b, n) sum to `volatility` (b,) along each row."""

    volatility: FloatArray
    contributions: FloatArray


def contributions(weights: ArrayLike, covariance: ArrayLike) -> RiskContributions:
    """Split the volatility of each portfolio into the contributions of its positions.

    The contribution of position i is ``w_i (Σw)_i / σ``. Volatility is homogeneous of degree one
    in the weights, so by Euler's theorem the contributions sum to it. A position that hedges the
    rest has a negative contribution.

    Parameters
    ----------
    weights : array_like, shape (b, n)
        Fractions of each portfolio; they need not sum to one.
    covariance : array_like, shape (n, n)
        Of daily returns. An asset without risk (cash) is a row and column of zeros.

    Returns
    -------
    RiskContributions
        Annualised by the square root of 365. A portfolio without risk (no weights, cash only, a
        perfect hedge) has volatility 0 and contributions 0. That is exact and no convention:
        ``|w_i (Σw)_i / σ| <= |w_i| σ_i``, so contributions vanish with the risk of the positions.

    Raises
    ------
    NotPositiveSemidefiniteError
        The covariance gives an asset or one of these portfolios a negative variance.
    NotFiniteError, ShapeError, NotSymmetricError
    """
    positions = arrays.floats("weights", weights, (None, None))
    size = positions.shape[1]
    daily_covariance = arrays.symmetric("covariance", covariance, size)
    marginal = positions @ daily_covariance
    variance = np.einsum("bn,bn->b", positions, marginal)
    arrays.require_finite("the variance of weights", variance)
    _require_positive(positions, daily_covariance, variance)

    daily_volatility = np.sqrt(np.maximum(variance, 0.0))
    at_risk = daily_volatility > 0
    scale = np.sqrt(DAYS_PER_YEAR) / np.where(at_risk, daily_volatility, 1.0) * at_risk
    return RiskContributions(
        volatility=daily_volatility * np.sqrt(DAYS_PER_YEAR),
        contributions=positions * marginal * scale[:, None],
    )


def _require_positive(weights: FloatArray, covariance: FloatArray, variance: FloatArray) -> None:
    own_variance = np.diag(covariance)
    if (own_variance < 0).any():
        raise NotPositiveSemidefiniteError(
            f"covariance has a negative variance in {arrays.columns(own_variance < 0)}"
        )
    largest = (np.abs(weights) @ np.sqrt(own_variance)) ** 2
    negative = variance < -VARIANCE_ROUNDING * largest
    if negative.any():
        raise NotPositiveSemidefiniteError(
            f"covariance gives the weights of {arrays.first(negative)} a negative variance"
        )
