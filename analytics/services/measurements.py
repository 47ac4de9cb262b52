"""Measuring a batch of portfolios against the market, and storing what was found."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from django.db.backends.utils import CursorWrapper
from numpy.typing import NDArray

from analytics.core import rebalancing, risk
from analytics.models import PortfolioResult, Suggestion
from analytics.selectors.market import Market
from analytics.selectors.positions import Positions
from portfolios.models import binary_copy

Status = PortfolioResult.Status
FIRST_THAT_HOLDS = (Status.UNPRICED, Status.EMPTY, Status.NO_TARGETS, Status.IN_BREACH)
# Trades below a cent are rounding, not suggestions.
SMALLEST_TRADE = 0.01
RESULT_COLUMNS = [
    "run_id", "portfolio_id", "revision", "status", "value", "value_1d", "value_7d", "value_30d",
    "volatility", "risk_coverage", "band", "worst_drift", "asset_ids", "values", "weights",
    "target_weights", "risk_contributions",
]  # fmt: skip
SUGGESTION_COLUMNS = [
    "run_id", "portfolio_id", "revision", "cost", "one_way_turnover", "asset_ids", "amounts",
    "quantities",
]  # fmt: skip


@dataclass(frozen=True)
class Measurements:
    """b portfolios over n assets; fractions, US dollars and units, as in the models."""

    positions: Positions
    status: NDArray[np.str_]  # (b,)
    value: NDArray[np.float64]  # (b,)
    earlier_values: NDArray[np.float64]  # (b, 3) of the same holdings; NaN where unknown
    volatility: NDArray[np.float64]  # (b,)
    risk_coverage: NDArray[np.float64]  # (b,)
    band: NDArray[np.float64]  # (b,)
    worst_drift: NDArray[np.float64]  # (b,)
    values: NDArray[np.float64]  # (b, n)
    weights: NDArray[np.float64]  # (b, n)
    risk_contributions: NDArray[np.float64]  # (b, n)
    in_breach: NDArray[np.int64]  # (s,) rows of the portfolios with a suggestion
    trades: rebalancing.Trades  # of those s rows
    trade_quantities: NDArray[np.float64]  # (s, n)


def measure(positions: Positions, market: Market) -> Measurements:
    """Value, risk, drift and suggested trades of every portfolio at once."""
    market = market.only(positions.asset_ids)
    targets = positions.target_weights
    is_position = (positions.quantities > 0) | (targets > 0)
    unpriced = (is_position & np.isnan(market.closes)).any(axis=1)
    values = positions.quantities * np.nan_to_num(market.closes)
    value = values.sum(axis=1)
    weights = values / np.where(value > 0, value, 1.0)[:, None]

    band = np.where(market.high_volatility, positions.wide_bands, positions.tolerance_bands)
    judged = (value > 0) & targets.any(axis=1) & ~unpriced
    drift = rebalancing.drift(weights, targets) * judged[:, None]
    breach = rebalancing.breached(drift, band).any(axis=1)
    in_breach = np.flatnonzero(breach)
    trades = rebalancing.trades_to_target(
        values[in_breach], targets[in_breach], positions.fee_rates[in_breach]
    )
    coverage = np.minimum(weights @ market.measured, 1.0)
    measured_weights = weights * market.measured / np.where(coverage > 0, coverage, 1.0)[:, None]
    contributions = risk.contributions(measured_weights, market.covariance)
    return Measurements(
        positions=positions,
        status=np.select(
            [unpriced, value <= 0, ~targets.any(axis=1), breach],
            [status.value for status in FIRST_THAT_HOLDS],
            Status.IN_BALANCE.value,
        ),
        value=value,
        earlier_values=_earlier_values(positions, market),
        volatility=contributions.volatility,
        risk_coverage=coverage,
        band=band,
        worst_drift=np.abs(drift).max(axis=1, initial=0.0),
        values=values,
        weights=weights,
        risk_contributions=contributions.contributions,
        in_breach=in_breach,
        trades=trades,
        trade_quantities=trades.amounts / np.where(market.closes > 0, market.closes, 1.0),
    )


def _earlier_values(positions: Positions, market: Market) -> NDArray[np.float64]:
    """What the holdings of today were worth at the earlier closes, NaN without each price."""
    closes = market.earlier_closes.T
    missing = (positions.quantities > 0).astype(float) @ np.isnan(closes)
    values: NDArray[np.float64] = positions.quantities @ np.nan_to_num(closes)
    return np.where((missing > 0) | (values <= 0), np.nan, values)


def store(cursor: CursorWrapper, measured: Measurements, *, run_id: int) -> None:
    """Append results and suggestions; the caller's transaction decides whether they stay."""
    binary_copy.write(
        cursor, PortfolioResult._meta.db_table, RESULT_COLUMNS, _result_blocks(measured, run_id)
    )
    binary_copy.write(
        cursor, Suggestion._meta.db_table, SUGGESTION_COLUMNS, _suggestion_blocks(measured, run_id)
    )


def _result_blocks(
    measured: Measurements, run_id: int
) -> Iterator[Mapping[str, binary_copy.Column]]:
    """Blocks of portfolios that have equally many positions and the same status."""
    positions = measured.positions
    mask = (positions.quantities > 0) | (positions.target_weights > 0)
    for status in np.unique(measured.status):
        of_status = measured.status == status
        for rows, columns in _equally_long(mask, np.flatnonzero(of_status)):
            row = rows[:, None]
            yield {
                "run_id": np.full(len(rows), run_id),
                "portfolio_id": positions.portfolio_ids[rows],
                "revision": positions.revisions[rows],
                "status": str(status).encode(),
                "value": measured.value[rows],
                "value_1d": measured.earlier_values[rows, 0],
                "value_7d": measured.earlier_values[rows, 1],
                "value_30d": measured.earlier_values[rows, 2],
                "volatility": measured.volatility[rows],
                "risk_coverage": measured.risk_coverage[rows],
                "band": measured.band[rows],
                "worst_drift": measured.worst_drift[rows],
                "asset_ids": positions.asset_ids[columns],
                "values": measured.values[row, columns],
                "weights": measured.weights[row, columns],
                "target_weights": positions.target_weights[row, columns],
                "risk_contributions": measured.risk_contributions[row, columns],
            }


def _suggestion_blocks(
    measured: Measurements, run_id: int
) -> Iterator[Mapping[str, binary_copy.Column]]:
    positions, trades = measured.positions, measured.trades
    mask = np.abs(trades.amounts) >= SMALLEST_TRADE
    for rows, columns in _equally_long(mask, np.arange(len(mask))):
        row, portfolio = rows[:, None], measured.in_breach[rows]
        yield {
            "run_id": np.full(len(rows), run_id),
            "portfolio_id": positions.portfolio_ids[portfolio],
            "revision": positions.revisions[portfolio],
            "cost": trades.cost[rows],
            "one_way_turnover": trades.one_way_turnover[rows],
            "asset_ids": positions.asset_ids[columns],
            "amounts": trades.amounts[row, columns],
            "quantities": measured.trade_quantities[row, columns],
        }


def _equally_long(
    mask: NDArray[np.bool_], rows: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Groups of `rows` with k entries each in `mask`: (rows (g,), their columns (g, k))."""
    lengths = mask[rows].sum(axis=1)
    for length in np.unique(lengths):
        group = rows[lengths == length]
        yield group, np.nonzero(mask[group])[1].reshape(len(group), length)
