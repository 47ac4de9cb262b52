"""What rebalancing policies would have done with past prices, all policies at once.

Between two rebalances nobody trades: units stay, and weights drift with prices. So the days are
walked through once for all policies, asking of each day only who is outside a band; what each
trade cost is told afterwards, of all trades at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays, backtest_trades, sharpe_ratios
from analytics.core.arrays import BoolArray, FloatArray, IntArray
from analytics.core.batches import chunks
from analytics.core.errors import NotFiniteError, NotPositivePriceError, OutOfRangeError, ShapeError
from analytics.core.rebalancing import require_fee_rate, require_weights
from analytics.core.sharpe_ratios import DeflatedSharpe

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
    regimes: ArrayLike | None = None,
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

    Targets and bands may differ by regime. A close is judged by the regime known at that close,
    and a trade is made for the regime in which it was called for. A change of targets calls for a
    trade only where it puts a weight outside its band; to trade whenever the regime changes, name
    those days in a schedule.

    Parameters
    ----------
    closes : array_like, shape (n_days, n)
        Prices, oldest first; NaN before an asset's first price, and nowhere else.
    target_weights : array_like, shape (p, n) or (r, p, n)
        0 or more, each row summing to one; the same in all of r regimes, or one for each.
    half_widths : array_like, shape (p, n) or (r, p, n), optional
        Of the bands, 0 or more; infinite is no band.
    regimes : array_like of int, shape (n_days,), optional
        The regime as known at each close, from 0 to r - 1: `regimes.Regimes.labels`, say. Wanted
        where targets or bands differ by regime.
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
    arrays.require(delay in (0, 1), "delay", delay, "0 or 1")
    targets = _targets(target_weights, prices.shape[1])
    n_policies = targets.shape[1]
    band = _bands(half_widths, targets.shape)
    market = _market(prices, _regimes(regimes, len(prices), max(len(targets), len(band))), delay)
    targets, band = np.broadcast_arrays(targets, band)
    fee = require_fee_rate(np.broadcast_to(fee_rate, (n_policies,)), n_policies)
    named, keeps = _schedules(signals, schedule, len(prices), n_policies)
    nav = np.empty((len(prices), n_policies))
    parts = []
    for rows in chunks(n_policies, CHUNK_POLICIES):
        policies = backtest_trades.Policies(
            targets=targets[:, rows].transpose(0, 2, 1).copy(),
            bands=band[:, rows].transpose(0, 2, 1).copy(),
            fee=fee[rows],
            signals=named,
            schedule=keeps[rows],
            to_edge=to_edge,
        )
        parts.append(_backtest(market, policies, delay, nav[:, rows], rows.start))
    return _joined(nav, parts)


def deflated_sharpe(backtest: Backtest) -> DeflatedSharpe:
    """Ask of each policy whether luck among all policies tried could have found it.

    Policies on the same prices resemble one another, so fewer than `policies_tried` are
    independent trials: the threshold is rather too high than too low.

    Parameters
    ----------
    backtest : Backtest
        Of all policies that were tried, over three days or more.

    Raises
    ------
    ZeroVolatilityError
        The value of a policy never changes.
    TooLittleHistoryError
    """
    returns = (backtest.nav[1:] / backtest.nav[:-1] - 1).T
    found = sharpe_ratios.estimate(returns, lags=0)
    several = backtest.policies_tried > 1
    return sharpe_ratios.deflated(
        found.daily,
        days=float(returns.shape[1]),
        skewness=found.skewness,
        kurtosis=found.kurtosis,
        trials=backtest.policies_tried,
        variance_of_trials=float(found.daily.var(ddof=1)) if several else 0.0,
    )


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


def _market(prices: FloatArray, regime: IntArray, delay: int) -> backtest_trades.Market:
    listed = ~np.isnan(prices)
    with_cash = np.ones((len(prices), prices.shape[1] + 1))
    np.copyto(with_cash[:, :-1], prices, where=listed)
    called = np.concatenate([regime[:delay], regime[: len(regime) - delay]])
    return backtest_trades.Market(prices=with_cash, listed=listed, judged=regime, traded=called)


def _targets(target_weights: ArrayLike, n_assets: int) -> FloatArray:
    """Return targets (r, p, n), of one regime or several."""
    by_regime = _by_regime("target_weights", target_weights, (None, None, n_assets))
    for name, targets in _named("target_weights", by_regime):
        require_weights(name, targets)
    return by_regime


def _bands(half_widths: ArrayLike | None, shape: tuple[int, ...]) -> FloatArray:
    """Return half-widths (r, p, n), of one regime or several."""
    if half_widths is None:
        return np.full((1, *shape[1:]), np.inf)
    any_number = shape[0] == 1 or np.ndim(half_widths) == 2
    by_regime = _by_regime(
        "half_widths", half_widths, (None if any_number else shape[0], *shape[1:])
    )
    for name, band in _named("half_widths", by_regime):
        refused = ~(band >= 0)
        if refused.any():
            raise OutOfRangeError(f"{name} is not 0 or more at {arrays.first(refused)}")
    return by_regime


def _by_regime(name: str, values: ArrayLike, shape: tuple[int | None, ...]) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 2:
        return arrays.shaped(name, array, shape[1:])[None]
    return arrays.shaped(name, array, shape)


def _named(name: str, by_regime: FloatArray) -> Iterator[tuple[str, FloatArray]]:
    for regime, values in enumerate(by_regime):
        yield name if len(by_regime) == 1 else f"{name} of regime {regime}", values


def _regimes(regimes: ArrayLike | None, n_days: int, count: int) -> IntArray:
    if regimes is None:
        if count > 1:
            raise ShapeError(f"regimes is not given, with targets or bands for {count} of them")
        return np.zeros(n_days, np.int64)
    regime = arrays.integers("regimes", regimes, (n_days,))
    unknown = (regime < 0) | (regime >= max(count, 1))
    if unknown.any():
        raise OutOfRangeError(f"regimes at {arrays.first(unknown)} is not from 0 to {count - 1}")
    return regime


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
