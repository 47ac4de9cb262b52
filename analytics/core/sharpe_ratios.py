"""How far a Sharpe ratio can be trusted: its error, and the number of tries behind it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from analytics.core import DAYS_PER_YEAR, arrays, batches
from analytics.core.arrays import BoolArray, FloatArray
from analytics.core.errors import OutOfRangeError, TooLittleHistoryError, ZeroVolatilityError

# A deviation this small beside the mean is the rounding of a constant.
CONSTANT_ROUNDING = 1e-13
# So many returns that a few arrays of them stay small beside the input.
CHUNK_RETURNS = 250_000


@dataclass(frozen=True)
class SharpeEstimate:
    """Sharpe ratios of b series with what is needed to judge them.

    Attributes
    ----------
    daily : (b,)
        Mean over standard deviation (n - 1) of the daily returns.
    annual : (b,)
        `daily` times √365, as it is quoted; right if no day tells anything about the next.
    annual_autocorrelated : (b,)
        `daily` times `annualisation` of the autocorrelations found: what a year really offers.
    standard_error : (b,)
        Of `annual`, robust to autocorrelation, fat tails and changing volatility.
    skewness, kurtosis : (b,)
        Third and fourth standardised moments; a normal distribution has 0 and 3.
    lags : int
        The autocorrelations looked at.
    """

    daily: FloatArray
    annual: FloatArray
    annual_autocorrelated: FloatArray
    standard_error: FloatArray
    skewness: FloatArray
    kurtosis: FloatArray
    lags: int


@dataclass(frozen=True)
class DeflatedSharpe:
    """`threshold` (b,): the best daily ratio that luck alone would have found among the trials.

    `probability` (b,): that the true ratio lies above it.
    """

    threshold: FloatArray
    probability: FloatArray


def estimate(returns: ArrayLike, *, lags: int | None = None) -> SharpeEstimate:
    """Estimate Sharpe ratios with an error that allows for returns as they are.

    The standard error is the GMM one of Lo 2002 (Financial Analysts Journal 58(4)) with the
    weights of Newey & West 1987: the long-run variance of ``z_t - SR (z_t² - 1) / 2``, z being
    the standardised returns. With no lags and normal returns it is Lo's √((1 + SR²/2) / T), with
    no lags and others Mertens' 2002. The autocorrelations in `annual_autocorrelated` bear the
    same weights, which keeps the variance of a year positive.

    Parameters
    ----------
    returns : array_like, shape (b, n_days)
        Simple daily returns, oldest first, at least two days.
    lags : int, optional
        From 0 to n_days - 1; by default ``4 (n_days / 100) ** (2/9)``, rounded down (Newey &
        West 1994).

    Raises
    ------
    ZeroVolatilityError
        A series never changes.
    TooLittleHistoryError, OutOfRangeError, NotFiniteError, ShapeError
    """
    moves = arrays.floats("returns", returns, (None, None))
    n_days = moves.shape[1]
    if n_days < 2:
        raise TooLittleHistoryError(f"returns has {n_days} days, 2 are needed")
    looked_at = min(int(4 * (n_days / 100) ** (2 / 9)), n_days - 1) if lags is None else lags
    arrays.require(0 <= looked_at < n_days, "lags", looked_at, "from 0 to the days less one")
    mean, deviation = _mean_and_deviation(moves)

    def part(rows: slice) -> SharpeEstimate:
        apart = moves[rows] - mean[rows, None]
        return _estimated(apart / deviation[rows, None], (mean / deviation)[rows], looked_at)

    return batches.joined(part, len(moves), max(1, CHUNK_RETURNS // n_days))


def _estimated(standardised: FloatArray, ratio: FloatArray, looked_at: int) -> SharpeEstimate:
    n_days, squares = standardised.shape[1], standardised**2
    influence = standardised - ratio[:, None] / 2 * (squares - 1)
    weights = 1 - np.arange(1, looked_at + 1) / (looked_at + 1)
    autocorrelations = _autocovariances(standardised, looked_at)[:, 1:] * weights
    covariances = _autocovariances(influence, looked_at)
    long_run = np.maximum(covariances[:, 0] + 2 * covariances[:, 1:] @ weights, 0.0)
    daily = ratio * np.sqrt(1 - 1 / n_days)  # from the deviation of n to that of n - 1
    return SharpeEstimate(
        daily=daily,
        annual=daily * np.sqrt(DAYS_PER_YEAR),
        annual_autocorrelated=daily * annualisation(autocorrelations),
        standard_error=np.sqrt(long_run / n_days * DAYS_PER_YEAR),
        skewness=(squares * standardised).mean(axis=1),
        kurtosis=(squares**2).mean(axis=1),
        lags=looked_at,
    )


def annualisation(autocorrelations: ArrayLike, *, periods: int = DAYS_PER_YEAR) -> FloatArray:
    """Return the factor from the Sharpe ratio of one period to that of `periods` of them.

    Lo 2002: ``q / √(q + 2 Σ (q - k) ρ_k)``; without autocorrelation √q. Returns that
    follow themselves add up to more risk than independent ones, so the factor is smaller.

    Parameters
    ----------
    autocorrelations : array_like, shape (b, lags)
        ρ_1, ρ_2, ... of each series; those of `periods` and beyond do not matter.
    periods : int
        At least 1.

    Raises
    ------
    OutOfRangeError
        Autocorrelations that no series can have: the sum would have no variance.
    NotFiniteError, ShapeError
    """
    arrays.require(periods >= 1, "periods", periods, "1 or more")
    rho = arrays.floats("autocorrelations", autocorrelations, (None, None))[:, : periods - 1]
    lag = np.arange(1, rho.shape[1] + 1)
    variance = periods + 2 * rho @ (periods - lag).astype(np.float64)
    impossible = variance <= 1e-9 * periods
    if impossible.any():
        raise OutOfRangeError(
            f"autocorrelations leave no variance over {periods} periods"
            f" at {arrays.first(impossible)}"
        )
    return np.asarray(periods / np.sqrt(variance))


def probabilistic(
    sharpe: ArrayLike,
    *,
    days: ArrayLike,
    skewness: ArrayLike = 0.0,
    kurtosis: ArrayLike = 3.0,
    threshold: ArrayLike = 0.0,
) -> FloatArray:
    """Return the probability that the true Sharpe ratio lies above a threshold.

    Bailey & López de Prado 2012 (Journal of Risk 15(2)).

    Parameters
    ----------
    sharpe : array_like, shape (b,)
        Daily ratios, not annualised.
    days : array_like, shape (b,) or ()
        Returns behind each, at least 2.
    skewness, kurtosis : array_like, shape (b,) or ()
        Of the returns; normal ones have 0 and 3. No distribution has a kurtosis below
        ``skewness**2 + 1``.
    threshold : array_like, shape (b,) or ()
        Daily ratios.

    Raises
    ------
    OutOfRangeError
        `days` or moments that cannot be, or a ratio without any error.
    NotFiniteError, ShapeError
    """
    ratio = arrays.floats("sharpe", sharpe, (None,))
    length = len(ratio)
    count = _for_each("days", days, length)
    third = _for_each("skewness", skewness, length)
    fourth = _for_each("kurtosis", kurtosis, length)
    bar = _for_each("threshold", threshold, length)
    _require_each(count >= 2, "days", count, "2 or more")
    _require_each(
        fourth >= third**2 + 1 - 1e-9,
        "kurtosis",
        fourth,
        "no less than the skewness squared plus 1",
    )
    variance = 1 - third * ratio + (fourth - 1) / 4 * ratio**2
    _require_each(variance > 0, "the variance of sharpe", variance, "above 0")
    return np.asarray(ndtr((ratio - bar) * np.sqrt((count - 1) / variance)))


def deflated(
    sharpe: ArrayLike,
    *,
    days: ArrayLike,
    skewness: ArrayLike = 0.0,
    kurtosis: ArrayLike = 3.0,
    trials: int,
    variance_of_trials: float,
) -> DeflatedSharpe:
    """Ask the same of the best of many policies tried: could luck alone have found it?

    Bailey & López de Prado 2014 (Journal of Portfolio Management 40(5)): the threshold is the
    expected maximum of the ratios of `trials` independent policies without any merit.

    Parameters
    ----------
    sharpe, days, skewness, kurtosis
        Of the policy chosen, as for `probabilistic`.
    trials : int
        Independent policies tried, itself included; with one the threshold is 0.
    variance_of_trials : float
        Of the daily ratios of all policies tried, 0 or more.

    Raises
    ------
    OutOfRangeError, NotFiniteError, ShapeError
    """
    arrays.require(trials >= 1, "trials", trials, "1 or more")
    arrays.require(
        0 <= variance_of_trials < np.inf, "variance_of_trials", variance_of_trials, "0 or more"
    )
    highest = 0.0
    if trials > 1:
        quantiles = ndtri([1 - 1 / trials, 1 - 1 / (trials * np.e)])
        highest = float([1 - np.euler_gamma, np.euler_gamma] @ quantiles)
    threshold = np.full(np.shape(sharpe), np.sqrt(variance_of_trials) * highest)
    probability = probabilistic(
        sharpe, days=days, skewness=skewness, kurtosis=kurtosis, threshold=threshold
    )
    return DeflatedSharpe(threshold=threshold, probability=probability)


def _mean_and_deviation(returns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the mean of each series, and its standard deviation (of n), which is above zero."""
    mean, deviation = returns.mean(axis=1), np.empty(len(returns))
    with np.errstate(over="ignore"):
        for rows in batches.chunks(len(returns)):
            deviation[rows] = returns[rows].std(axis=1)
    arrays.require_finite("the variance of returns", deviation)
    constant = deviation <= CONSTANT_ROUNDING * np.abs(mean)
    if constant.any():
        raise ZeroVolatilityError(f"returns never change at {arrays.first(constant)}")
    return mean, deviation


def _autocovariances(centred: FloatArray, lags: int) -> FloatArray:
    """Return the mean products (b, lags + 1) of each row with itself k days before."""
    n_days = centred.shape[1]
    products = [np.vecdot(centred[:, lag:], centred[:, : n_days - lag]) for lag in range(lags + 1)]
    return np.asarray(np.stack(products, axis=1) / n_days)


def _for_each(name: str, value: ArrayLike, length: int) -> FloatArray:
    given = arrays.floats(name, value, (length,) if np.ndim(value) else ())
    return np.asarray(np.broadcast_to(given, length))


def _require_each(holds: BoolArray, name: str, values: FloatArray, bound: str) -> None:
    if not holds.all():
        row = int(np.argmin(holds))
        raise OutOfRangeError(f"{name} is {values[row]:.6g} at row {row}, must be {bound}")
