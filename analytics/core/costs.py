"""Whether a rebalance is worth it: what it costs, what it brings, and when it pays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import DAYS_PER_YEAR, arrays, risk, tail_risk
from analytics.core.arrays import BoolArray, FloatArray
from analytics.core.errors import NotFiniteError, OutOfRangeError, WorthlessPortfolioError
from analytics.core.rebalancing import drift

# Square-root impact: a trade of one average day's volume moves the price by about one day's
# volatility (Torre & Ferrari 1997; Tóth et al. 2011, Physical Review X 1).
IMPACT_COEFFICIENT = 1.0
RISK_AVERSION = 3.0
HORIZON_DAYS = 30
HIGH_VOLATILITY_HORIZON_DAYS = 7


@dataclass(frozen=True)
class TradingCosts:
    """In money: `fees`, `spreads`, `impacts` (b, n) of each trade; `tax`, `total` (b,).

    `share` (b,) is the total as a fraction of the portfolio: Σ|Δw|(fee + half-spread + impact)
    + tax.
    """

    fees: FloatArray
    spreads: FloatArray
    impacts: FloatArray
    tax: FloatArray
    total: FloatArray
    share: FloatArray


@dataclass(frozen=True)
class Benefit:
    """What changes with the weights of b portfolios; all (b,).

    Attributes
    ----------
    per_year
        Value of returning to target, if the target is right: a fraction of the portfolio a year
        (times 10,000 is basis points).
    volatility_change
        Annualised, after less before; negative is calmer.
    cvar_change
        Of the mean loss on the worst 5 % of days, a fraction of the portfolio.
    raises_risk : bool
        Whether volatility or that loss rises.
    """

    per_year: FloatArray
    volatility_change: FloatArray
    cvar_change: FloatArray
    raises_risk: BoolArray


@dataclass(frozen=True)
class Verdict:
    """`worth_it` (b,) bool; `break_even_days` and `horizon_days` (b,).

    `break_even_days` is infinite where a cost brings no benefit, 0 where there is no cost.
    """

    worth_it: BoolArray
    break_even_days: FloatArray
    horizon_days: FloatArray


def trading_costs(
    amounts: ArrayLike,
    portfolio_value: ArrayLike,
    *,
    fee_rate: ArrayLike,
    half_spread: ArrayLike,
    daily_volatility: ArrayLike,
    daily_volume: ArrayLike,
    volume_if_unknown: ArrayLike,
    tax: ArrayLike = 0.0,
) -> TradingCosts:
    """Say what trades cost.

    Impact is ``1.0 * daily volatility * sqrt(trade / average daily volume)`` of the traded amount.

    Parameters
    ----------
    amounts : array_like, shape (b, n)
        Money to trade, of either sign.
    portfolio_value, fee_rate : array_like, shape (b,)
        Money, above 0; fraction of the traded amount in [0, 1).
    half_spread : array_like, shape (n,) or (b, n)
        Fractions of the price, 0 or more.
    daily_volatility : array_like, shape (n,)
        A fraction of the price, 0 or more.
    daily_volume, volume_if_unknown : array_like, shape (n,)
        Average, in the money of `amounts`, above 0. NaN in the first means unknown, and the second
        is taken: what the caller assumes by the asset's tier of market capitalisation.
    tax : array_like, shape () or (b,)
        Money, negative where losses save tax.

    Raises
    ------
    WorthlessPortfolioError, OutOfRangeError, NotFiniteError, ShapeError
    """
    traded = np.abs(arrays.floats("amounts", amounts, (None, None)))
    n_portfolios, n = traded.shape
    value = arrays.floats("portfolio_value", portfolio_value, (n_portfolios,))
    if (value <= 0).any():
        raise WorthlessPortfolioError(
            f"portfolio_value is not positive at {arrays.first(value <= 0)}"
        )
    fee = _at_least_zero("fee_rate", fee_rate, (n_portfolios,))
    if (fee >= 1).any():
        raise OutOfRangeError(f"fee_rate is not below 1 at {arrays.first(fee >= 1)}")
    by_row = (n_portfolios, n) if np.ndim(half_spread) == 2 else (n,)
    spread = _at_least_zero("half_spread", half_spread, by_row)
    volatility = _at_least_zero("daily_volatility", daily_volatility, (n,))
    volume = _volume(daily_volume, volume_if_unknown, n)
    due = arrays.floats("tax", np.broadcast_to(tax, value.shape), value.shape)
    fees, spreads = traded * fee[:, None], traded * spread
    with np.errstate(over="ignore"):
        impacts = IMPACT_COEFFICIENT * volatility * np.sqrt(traded / volume) * traded
    total = (fees + spreads + impacts).sum(axis=1) + due
    if not np.isfinite(total).all():
        raise NotFiniteError(
            f"the cost of amounts is not finite at {arrays.first(~np.isfinite(total))}"
        )
    return TradingCosts(
        fees=fees, spreads=spreads, impacts=impacts, tax=due, total=total, share=total / value
    )


def benefit(
    weights: ArrayLike,
    target_weights: ArrayLike,
    covariance: ArrayLike,
    returns: ArrayLike,
    *,
    risk_aversion: float = RISK_AVERSION,
    after: ArrayLike | None = None,
) -> Benefit:
    """Say what the trades bring.

    The benefit is ``½ γ (w - w*)'Σ(w - w*)``, annualised: what straying from the optimum w* of
    mean-variance utility costs a year (Masters 2003, Journal of
    Portfolio Management 29(3)). It is as good as the
    target. Of trades that stop short of the target it is the difference before less after.

    Parameters
    ----------
    weights, target_weights : array_like, shape (b, n)
    covariance : array_like, shape (n, n)
        Of daily returns; cash is a row and column of zeros.
    returns : array_like, shape (n_days, n)
        Simple daily returns for the tail, at least 20 days.
    risk_aversion : float
        γ, above 0.
    after : array_like, shape (b, n), optional
        Weights after the trades, if they are not the targets.

    Raises
    ------
    TooLittleHistoryError, OutOfRangeError, NotPositiveSemidefiniteError, NotSymmetricError,
    NotFiniteError, ShapeError
    """
    arrays.require(0 < risk_aversion < np.inf, "risk_aversion", risk_aversion, "above 0")
    held = arrays.floats("weights", weights, (None, None))
    targets = arrays.floats("target_weights", target_weights, held.shape)
    reached = targets if after is None else arrays.floats("after", after, held.shape)
    strayed = _annual_variance(drift(held, targets), covariance)
    if after is not None:
        strayed = strayed - _annual_variance(drift(reached, targets), covariance)
    volatility = (
        risk.contributions(reached, covariance).volatility
        - risk.contributions(held, covariance).volatility
    )
    tail = (
        tail_risk.historical(reached, returns).conditional_value_at_risk
        - tail_risk.historical(held, returns).conditional_value_at_risk
    )
    return Benefit(
        per_year=risk_aversion / 2 * strayed,
        volatility_change=volatility,
        cvar_change=tail,
        raises_risk=(volatility > 0) | (tail > 0),
    )


def verdict(
    cost: ArrayLike,
    benefit_per_year: ArrayLike,
    high_volatility: ArrayLike,
    *,
    horizon_days: ArrayLike | None = None,
) -> Verdict:
    """Tell whether the benefit over the horizon exceeds the cost.

    Parameters
    ----------
    cost, benefit_per_year : array_like, shape (b,)
        Fractions of the portfolio.
    high_volatility : array_like of bool, shape () or (b,)
        The horizon is then 7 days, else 30.
    horizon_days : array_like, shape () or (b,), optional
        The user's own, above 0.

    Raises
    ------
    OutOfRangeError, NotFiniteError, ShapeError
    """
    paid = arrays.floats("cost", cost, (None,))
    gained = arrays.floats("benefit_per_year", benefit_per_year, paid.shape)
    wild = np.broadcast_to(np.asarray(high_volatility, dtype=np.bool_), paid.shape)
    horizon = np.where(wild, float(HIGH_VOLATILITY_HORIZON_DAYS), float(HORIZON_DAYS))
    if horizon_days is not None:
        wide = np.broadcast_to(horizon_days, paid.shape)
        horizon = arrays.floats("horizon_days", wide, paid.shape).copy()
    if (horizon <= 0).any():
        raise OutOfRangeError(f"horizon_days is not above 0 at {arrays.first(horizon <= 0)}")
    never = np.where(paid > 0, np.inf, 0.0)
    pays = (paid > 0) & (gained > 0)
    with np.errstate(over="ignore"):
        break_even = np.divide(paid * DAYS_PER_YEAR, gained, out=never, where=pays)
    return Verdict(
        worth_it=gained * horizon / DAYS_PER_YEAR > paid,
        break_even_days=break_even,
        horizon_days=horizon,
    )


def _annual_variance(weights: FloatArray, covariance: ArrayLike) -> FloatArray:
    return np.asarray(risk.contributions(weights, covariance).volatility ** 2)


def _volume(daily_volume: ArrayLike, volume_if_unknown: ArrayLike, n: int) -> FloatArray:
    known = arrays.floats("daily_volume", daily_volume, (n,), nan_is_unobserved=True)
    assumed = arrays.floats("volume_if_unknown", volume_if_unknown, (n,))
    for name, volume in (("daily_volume", known), ("volume_if_unknown", assumed)):
        if (volume <= 0).any():
            raise OutOfRangeError(f"{name} is not above 0 in {arrays.columns(volume <= 0)}")
    return np.where(np.isnan(known), assumed, known)


def _at_least_zero(name: str, values: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    array = arrays.floats(name, values, shape)
    if (array < 0).any():
        raise OutOfRangeError(f"{name} is negative at {arrays.first(array < 0)}")
    return array
