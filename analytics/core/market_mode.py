"""The move that all assets share: correlations without it, and on the days it is wild.

Bitcoin stands for the market. It links nearly every pair, so whether two assets are one bet beyond
that shows only in what is left of their returns, and whether they still diversify when it matters
only on its wildest days.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays, correlation
from analytics.core.arrays import BoolArray, FloatArray
from analytics.core.correlation import PairwiseCorrelation
from analytics.core.errors import TooLittleHistoryError, ZeroVolatilityError

STRESSED_SHARE = 0.10
# A tenth of half a year. The interval of so few days is wide, and shown.
STRESSED_OVERLAP = 18
# A sum of squares this small beside the one it came from is what rounding left of nothing.
ROUNDING = 1e-24


@dataclass(frozen=True)
class Residuals:
    """What is left of each asset but the market, in the order of the other columns.

    Attributes
    ----------
    beta : (n_assets - 1,)
        Move of the asset for a move of one of the market.
    returns : (n_days, n_assets - 1)
        With mean zero. NaN where the asset or the market was not observed; zero throughout where
        the asset is the market's exact double.
    """

    beta: FloatArray
    returns: FloatArray


@dataclass(frozen=True)
class CalmAndStressed:
    """Correlations on stressed days and on all other days of the market, side by side.

    Attributes
    ----------
    stressed_days : (n_days,) bool
    threshold : float
        The least absolute return of the market on a stressed day.
    calm, stressed : PairwiseCorrelation
    """

    stressed_days: BoolArray
    threshold: float
    calm: PairwiseCorrelation
    stressed: PairwiseCorrelation


def remove(returns: ArrayLike, *, market: int) -> Residuals:
    """Regress each asset on the market (least squares, with an intercept) over their common days.

    Parameters
    ----------
    returns : array_like, shape (n_days, n_assets)
        Simple daily returns. NaN means "not observed".
    market : int
        The market's column.

    Raises
    ------
    TooLittleHistoryError
        An asset has fewer than three days in common with the market.
    ZeroVolatilityError
        The market stood still on all days in common with an asset.
    OutOfRangeError, NotFiniteError, ShapeError
    """
    daily_returns, driver = _split(returns, market)
    others = np.delete(daily_returns, market, axis=1)
    common = ~(np.isnan(others) | np.isnan(driver)[:, None])
    count = common.sum(axis=0)
    if (count < 3).any():
        raise TooLittleHistoryError(
            "returns has fewer than three days in common with the market in "
            f"{_columns(count < 3, market)}"
        )
    asset = np.where(common, others, 0.0)
    asset = np.where(common, asset - asset.sum(axis=0) / count, 0.0)
    driven = np.where(common, driver[:, None], 0.0)
    push = np.where(common, driven - driven.sum(axis=0) / count, 0.0)
    squares = (push**2).sum(axis=0)
    still = squares <= ROUNDING * (driven**2).sum(axis=0)
    if still.any():
        raise ZeroVolatilityError(
            f"the market never moves on the days in common with {_columns(still, market)}"
        )
    beta = (push * asset).sum(axis=0) / squares
    left = asset - beta * push
    double = (left**2).sum(axis=0) <= ROUNDING * (asset**2).sum(axis=0)
    return Residuals(beta=beta, returns=np.where(common, np.where(double, 0.0, left), np.nan))


def calm_and_stressed(
    returns: ArrayLike,
    *,
    market: int,
    share: float = STRESSED_SHARE,
    min_overlap: int = STRESSED_OVERLAP,
) -> CalmAndStressed:
    """Correlate all pairs on the market's wildest days, and on its other days.

    A day is stressed when the market's absolute return is among the top `share` of its observed
    days, whichever way it went. Beware of the comparison: picking days by the market's size alone
    raises correlations with it, even where nothing changes (Boyer, Gibson & Loretan 1999).

    Parameters
    ----------
    returns : array_like, shape (n_days, n_assets)
        Simple daily returns. NaN means "not observed"; a day without the market is neither.
    market : int
        The market's column.
    share : float
        Above 0, below 1; rounded up to whole days, and equal returns are in together.
    min_overlap : int
        Common days from which a correlation is told, at least 2.

    Raises
    ------
    TooLittleHistoryError
        The market has no return at all.
    OutOfRangeError, NotFiniteError, ShapeError
    """
    daily_returns, driver = _split(returns, market)
    arrays.require(0 < share < 1, "share", share, "in (0, 1)")
    size = np.sort(np.abs(driver[~np.isnan(driver)]))
    if size.size == 0:
        raise TooLittleHistoryError(f"returns has no day in column {market}, the market")
    threshold = float(size[-int(np.ceil(share * size.size))])
    stressed_days = np.abs(driver) >= threshold
    calm_days = np.abs(driver) < threshold
    return CalmAndStressed(
        stressed_days=stressed_days,
        threshold=threshold,
        calm=correlation.pairwise(daily_returns[calm_days], min_overlap=min_overlap),
        stressed=correlation.pairwise(daily_returns[stressed_days], min_overlap=min_overlap),
    )


def _split(returns: ArrayLike, market: int) -> tuple[FloatArray, FloatArray]:
    daily_returns = arrays.floats("returns", returns, (None, None), nan_is_unobserved=True)
    n_assets = daily_returns.shape[1]
    arrays.require(0 <= market < n_assets, "market", market, f"a column below {n_assets}")
    return daily_returns, daily_returns[:, market]


def _columns(mask: BoolArray, market: int) -> str:
    """Name columns of the matrix that still had the market's."""
    return arrays.columns(np.insert(mask, market, False))
