"""What rebalancing policies would have done with past prices, all policies at once.

Between two rebalances nobody trades: units stay, and weights drift with prices. So the days are
walked through once for all policies, asking of each day only who is outside a band; what each
trade cost is told afterwards, of all trades at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays, backtest_trades
from analytics.core.arrays import BoolArray, FloatArray, IntArray
from analytics.core.errors import NotFiniteError, NotPositivePriceError, OutOfRangeError, ShapeError
from analytics.core.rebalancing import chunks, require_fee_rate, require_weights

# So many policies that their rows stay in the second-level cache.
CHUNK_POLICIES = 1024


@dataclass(frozen=True)
class Backtest:
    """p policies over n_days closes; the trades are sorted by day, then by policy.

    Attributes
    ----------
    nav : (n_days, p)
        Value after the trades of the day; 1 on the first day, on which all is bought at no cost.
    one_way_turnover : (p,)
        Half of all that was traded, each trade as a fraction of the value at its time, summed.
    cost : (p,)
        Paid in all, in terms of the first day's value.
    rebalances, breaches : (p,) int
        Trades, and days on which a breach called for one.
    policies_tried : int
        For whoever deflates the best of them.
    trade_policy, trade_day : (k,) int
        Who traded, at which row of `closes`.
    trade_turnover, trade_cost : (k,)
        One-way, and the cost, as fractions of the value before the trade.
    """

    nav: FloatArray
    one_way_turnover: FloatArray
    cost: FloatArray
    rebalances: IntArray
    breaches: IntArray
    policies_tried: int
    trade_policy: IntArray
    trade_day: IntArray
    trade_turnover: FloatArray
    trade_cost: FloatArray


def run(
    closes: ArrayLike,
    target_weights: ArrayLike,
    *,
    half_widths: ArrayLike | None = None,
    wide_half_widths: ArrayLike | None = None,
    high_volatility: ArrayLike | None = None,
    signals: ArrayLike | None = None,
    schedule: ArrayLike | None = None,
    fee_rate: ArrayLike = 0.0,
    delay: int = 1,
    to_edge: bool = False,
) -> Backtest:
    """Backtest p policies on the same prices.

    A policy calls for a trade at the close of a day on which a weight is outside its band, or
    which its schedule names; it trades at the close `delay` days later, to its targets or to the
    nearest edge of its bands. With neither band nor schedule it buys and holds.

    An asset exists from its first price on. Until then its target is held as cash, which earns
    nothing, trades without a fee and is not judged by a band. From the first price on, the asset
    counts as a position below its target, and is bought with the next trade.

    Parameters
    ----------
    closes : array_like, shape (n_days, n)
        Prices, oldest first; NaN before an asset's first price, and nowhere else.
    target_weights : array_like, shape (p, n)
        0 or more, each row summing to one.
    half_widths : array_like, shape (p, n), optional
        Of the bands, 0 or more; infinite is no band.
    wide_half_widths : array_like, shape (p, n), optional
        Of the bands while `high_volatility` holds.
    high_volatility : array_like of bool, shape (n_days,), optional
        As known at each close.
    signals : array_like of bool, shape (s, n_days), optional
        The days that each of s schedules names: `every`, `monthly`.
    schedule : array_like of int, shape (p,), optional
        The row of `signals` that each policy keeps to, -1 for none.
    fee_rate : array_like, shape () or (p,)
        Of the traded amount, in [0, 1), paid by the portfolio: trades are self-financing.
    delay : int
        1, or 0 to trade at the very close that is judged (nobody can, but many publish it).
    to_edge : bool
        Trade to the nearest edge of the bands (`rebalancing.band_edge_weights`), not to target.

    Returns
    -------
    Backtest
        A policy alone equals the same one in a batch up to rounding (the matrix product).

    Raises
    ------
    NotPositivePriceError, NotFiniteError, WeightsSumError, NegativeWeightError, OutOfRangeError,
    ShapeError
    """
    prices = _prices(closes)
    targets = require_weights("target_weights", target_weights)
    arrays.require(delay in (0, 1), "delay", delay, "0 or 1")
    market = _market(prices, high_volatility)
    if targets.shape[1] != prices.shape[1]:
        raise ShapeError(f"target_weights has {targets.shape[1]} columns, closes {prices.shape[1]}")
    band = _bands("half_widths", half_widths, targets.shape, None)
    wide = _bands("wide_half_widths", wide_half_widths, targets.shape, band)
    fee = require_fee_rate(np.broadcast_to(fee_rate, targets.shape[:1]), len(targets))
    named, keeps = _schedules(signals, schedule, len(prices), len(targets))
    nav = np.empty((len(prices), len(targets)))
    parts = []
    for rows in chunks(len(targets), CHUNK_POLICIES):
        policies = backtest_trades.Policies(
            targets=targets[rows].T.copy(),
            bands=(band[rows].T.copy(), wide[rows].T.copy()),
            fee=fee[rows],
            signals=named,
            schedule=keeps[rows],
            to_edge=to_edge,
        )
        parts.append(_backtest(market, policies, delay, nav[:, rows], rows.start))
    return _joined(nav, parts)


def every(n_days: int, period: int) -> BoolArray:
    """Return a schedule (n_days,) that names every `period`-th day after the first."""
    arrays.require(period >= 1, "period", period, "1 or more")
    rows = np.arange(n_days)
    return np.asarray((rows % period == 0) & (rows > 0))


def monthly(days: ArrayLike, day_numbers: ArrayLike) -> BoolArray:
    """Return a schedule (n_days,) that names these days of each month, counted from 1.

    Parameters
    ----------
    days : array_like of datetime64[D] or int, shape (n_days,)
        Ascending; integers count from 1970-01-01.
    day_numbers : array_like of int, shape (k,)
        In [1, 31]. A month without that day names none: say 28 for the end of each.

    Raises
    ------
    UnsortedDaysError, OutOfRangeError, NotFiniteError, ShapeError
    """
    dates = arrays.days("days", days)
    wanted = arrays.integers("day_numbers", day_numbers, (None,))
    outside = (wanted < 1) | (wanted > 31)
    if outside.any():
        raise OutOfRangeError(f"day_numbers is not in [1, 31] at {arrays.first(outside)}")
    number = (dates - dates.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1
    return np.isin(number, wanted)


def _backtest(
    market: backtest_trades.Market,
    policies: backtest_trades.Policies,
    delay: int,
    nav: FloatArray,
    first_policy: int,
) -> Backtest:
    """Fill `nav` (n_days, p) and tell the trades of one chunk of policies."""
    breaches, trades = backtest_trades.walk(market, policies, delay, nav)
    turnover, cost = backtest_trades.costs(market, policies, trades)
    starts = np.searchsorted(trades.day, np.arange(len(nav) + 1))
    value, paid = np.ones(nav.shape[1]), np.empty_like(cost)  # value after the last trade
    for day, (start, end) in enumerate(pairwise(starts)):
        nav[day] *= value
        if start < end:
            who = trades.policy[start:end]
            before = nav[day, who]
            paid[start:end] = before * cost[start:end]
            nav[day, who] = value[who] = before - paid[start:end]
    n_policies = nav.shape[1]
    return Backtest(
        nav=nav,
        one_way_turnover=_summed(turnover, trades.policy, n_policies),
        cost=_summed(paid, trades.policy, n_policies),
        rebalances=np.bincount(trades.policy, minlength=n_policies),
        breaches=breaches,
        policies_tried=n_policies,
        trade_policy=trades.policy + first_policy,
        trade_day=trades.day,
        trade_turnover=turnover,
        trade_cost=cost,
    )


def _summed(values: FloatArray, policy: IntArray, n_policies: int) -> FloatArray:
    return np.bincount(policy, values, n_policies).astype(np.float64)


def _joined(nav: FloatArray, parts: list[Backtest]) -> Backtest:
    names = (
        "one_way_turnover", "cost", "rebalances", "breaches",
        "trade_policy", "trade_day", "trade_turnover", "trade_cost",
    )  # fmt: skip
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    if len(parts) > 1:
        order = np.argsort(joined["trade_day"], kind="stable")
        joined |= {name: joined[name][order] for name in names if name.startswith("trade_")}
    return Backtest(nav=nav, policies_tried=nav.shape[1], **joined)


def _prices(closes: ArrayLike) -> FloatArray:
    prices = arrays.floats("closes", closes, (None, None), nan_is_unobserved=True)
    if prices.size == 0:
        raise ShapeError("closes has no day or no asset")
    if (prices <= 0).any():
        raise NotPositivePriceError(f"closes is not positive at {arrays.first(prices <= 0)}")
    seen = np.logical_or.accumulate(~np.isnan(prices), axis=0)
    gap = seen & np.isnan(prices)
    if gap.any():
        raise NotFiniteError(f"closes is not observed after its first price at {arrays.first(gap)}")
    return prices


def _market(prices: FloatArray, high_volatility: ArrayLike | None) -> backtest_trades.Market:
    listed = ~np.isnan(prices)
    wide = np.zeros(len(prices), np.bool_)
    if high_volatility is not None:
        wide = arrays.floats("high_volatility", high_volatility, wide.shape) != 0
    with_cash = np.ones((len(prices), prices.shape[1] + 1))
    np.copyto(with_cash[:, :-1], prices, where=listed)
    return backtest_trades.Market(prices=with_cash, listed=listed, wide=wide)


def _bands(
    name: str, values: ArrayLike | None, shape: tuple[int, ...], otherwise: FloatArray | None
) -> FloatArray:
    if values is None:
        return np.full(shape, np.inf) if otherwise is None else otherwise
    band = arrays.shaped(name, values, shape)
    refused = ~(band >= 0)
    if refused.any():
        raise OutOfRangeError(f"{name} is not 0 or more at {arrays.first(refused)}")
    return band


def _schedules(
    signals: ArrayLike | None, schedule: ArrayLike | None, n_days: int, n_policies: int
) -> tuple[BoolArray, IntArray]:
    named = np.zeros((0, n_days), np.bool_)
    if signals is not None:
        named = arrays.floats("signals", signals, (None, n_days)) != 0
    keeps = np.full(n_policies, -1)
    if schedule is not None:
        keeps = arrays.integers("schedule", schedule, (n_policies,))
    unknown = (keeps < -1) | (keeps >= len(named))
    if unknown.any():
        raise OutOfRangeError(f"schedule names no row of signals at {arrays.first(unknown)}")
    return named, keeps
