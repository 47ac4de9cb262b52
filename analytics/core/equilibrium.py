"""Expected excess returns that the market's own weights imply, blended with views, and 1/N."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays
from analytics.core.arrays import BoolArray, FloatArray
from analytics.core.errors import NegativeWeightError, OutOfRangeError, WeightsSumError

WEIGHTS_SUM_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Posterior:
    """What to expect once views are heard.

    Attributes
    ----------
    excess_returns : (n,)
    covariance : (n, n)
        Of the returns to come: that of returns plus that of their uncertain mean.
    """

    excess_returns: FloatArray
    covariance: FloatArray


def excess_returns(
    covariance: ArrayLike, market_weights: ArrayLike, *, risk_aversion: float
) -> FloatArray:
    """Return the expected excess returns at which the market's weights are the best ones.

    Black & Litterman 1992 (FAJ 48): ``δ Σ w``, from reverse optimisation. They are an assumption,
    that the market as a whole is right, and no forecast; sample means are far too uncertain to
    stand in their place.

    Parameters
    ----------
    covariance : array_like, shape (n, n)
        Of returns, at the horizon that the result shall have.
    market_weights : array_like, shape (n,)
        0 or more, summing to one within 1e-9.
    risk_aversion : float
        δ, above 0: the market's excess return over its variance. 3 is customary.

    Raises
    ------
    NegativeWeightError, WeightsSumError, OutOfRangeError, NotPositiveSemidefiniteError,
    NotSymmetricError, NotFiniteError, ShapeError
    """
    weights = arrays.floats("market_weights", market_weights, (None,))
    matrix = arrays.covariance("covariance", covariance, len(weights))
    arrays.require(0 < risk_aversion < np.inf, "risk_aversion", risk_aversion, "above 0 and finite")
    if (weights < 0).any():
        raise NegativeWeightError(f"market_weights is negative in {arrays.columns(weights < 0)}")
    if abs(weights.sum() - 1) > WEIGHTS_SUM_TOLERANCE:
        raise WeightsSumError(f"market_weights sum to {weights.sum():.12g}, not 1")
    implied = risk_aversion * (matrix @ weights)
    arrays.require_finite("the equilibrium return", implied)
    return np.asarray(implied)


def with_views(
    covariance: ArrayLike,
    prior: ArrayLike,
    picks: ArrayLike,
    views: ArrayLike,
    view_variance: ArrayLike | None = None,
    *,
    tau: float = 0.05,
) -> Posterior:
    """Blend expected excess returns with views on mixes of assets (Black & Litterman 1992).

    The prior's mean is uncertain by ``τΣ``, view k by its variance ω_k, and Bayes does the rest:
    ``π + τΣP' (PτΣP' + Ω)⁻¹ (q - Pπ)``. Written so, Σ is not inverted and a view may be certain
    (variance 0). Without views the posterior mean is the prior.

    Parameters
    ----------
    covariance : array_like, shape (n, n)
    prior : array_like, shape (n,)
        Expected excess returns, of `excess_returns`.
    picks : array_like, shape (k, n)
        Row k is the mix of assets that view k speaks of: one 1 for an absolute view, 1 and -1 for
        a relative one.
    views : array_like, shape (k,)
        The excess return that each mix is said to have.
    view_variance : array_like, shape (k,), optional
        0 or more. By default that of the mix under the prior, ``p τΣ p'`` (He & Litterman 1999):
        a view then counts as much as the prior.
    tau : float
        How uncertain the prior mean is, as a share of the variance; above 0.

    Raises
    ------
    OutOfRangeError
        A variance is negative, or a view is certain and its mix has no risk or contradicts
        another certain one.
    NotPositiveSemidefiniteError, NotSymmetricError, NotFiniteError, ShapeError
    """
    mean = arrays.floats("prior", prior, (None,))
    matrix = arrays.covariance("covariance", covariance, len(mean))
    mixes = arrays.floats("picks", picks, (None, len(mean)))
    said = arrays.floats("views", views, (len(mixes),))
    arrays.require(0 < tau < np.inf, "tau", tau, "above 0 and finite")
    uncertain = tau * matrix
    spread = mixes @ uncertain
    of_views = spread @ mixes.T
    if view_variance is None:
        noise = np.diag(of_views).copy()
    else:
        noise = arrays.floats("view_variance", view_variance, said.shape)
    if (noise < 0).any():
        raise OutOfRangeError(f"view_variance is negative at {arrays.first(noise < 0)}")
    total = of_views + np.diag(noise)
    _require_consistent(total)
    gain = np.linalg.solve(total, spread).T
    posterior_spread = uncertain - gain @ spread
    blended = mean + gain @ (said - mixes @ mean)
    arrays.require_finite("the posterior return", blended)
    return Posterior(blended, matrix + (posterior_spread + posterior_spread.T) / 2)


def _require_consistent(total: FloatArray) -> None:
    own = np.diag(total)
    if (own <= 0).any():
        raise OutOfRangeError(f"the view at {arrays.first(own <= 0)} is on a mix without risk")
    scale = np.sqrt(own)
    if len(total) and np.linalg.eigvalsh(total / scale[:, None] / scale)[0] < 1e-12:
        raise OutOfRangeError("views without variance are on mixes that depend on one another")


def equal_weights(included: ArrayLike) -> FloatArray:
    """Return 1/N of each portfolio's assets: what every optimum is to be held against.

    DeMiguel, Garlappi & Uppal 2009 (RFS 22) found none of 14 models to beat it reliably.

    Parameters
    ----------
    included : array_like of bool, shape (b, n)
        Which assets each portfolio holds: one or more.

    Raises
    ------
    WeightsSumError
        A portfolio includes no asset.
    ShapeError
    """
    held: BoolArray = arrays.booleans("included", included, (None, None))
    count = held.sum(axis=1, keepdims=True)
    if (count == 0).any():
        raise WeightsSumError(f"included holds no asset in {arrays.first(count[:, 0] == 0)}")
    return np.asarray(held / count)
