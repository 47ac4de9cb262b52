"""Measuring a batch of portfolios against the market, and storing what was found."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from django.db.backends.utils import CursorWrapper
from numpy.typing import NDArray

from analytics.core import category_targets, risk
from analytics.core.category_targets import ResolvedTargets
from analytics.models import PortfolioResult, Suggestion
from analytics.selectors.market import Market
from analytics.selectors.positions import Positions
from analytics.services import (
    cadences,
    counted_positions,
    plans,
    proposals,
    taxes,
    tolerances,
    verdicts,
)
from analytics.services.plans import Plans
from analytics.services.tolerances import Tolerances
from analytics.services.verdicts import Verdicts
from portfolios.models import Portfolio, binary_copy
from portfolios.models.portfolios import Cadence

Status = PortfolioResult.Status
FIRST_THAT_HOLDS = (Status.UNPRICED, Status.EMPTY, Status.NO_TARGETS, Status.IN_BREACH)
# Trades below a cent are rounding, not suggestions; so is what a calendar finds this near.
SMALLEST_TRADE = 0.01
SMALLEST_DRIFT = 0.0005
RESULT_COLUMNS = [
    "run_id", "portfolio_id", "revision", "status", "value", "outside_value", "value_1d",
    "value_7d", "value_30d", "volatility", "risk_coverage", "band", "worst_drift", "asset_ids",
    "values", "weights", "target_weights", "from_category", "half_widths", "category_ids",
    "category_half_widths", "risk_contributions",
]  # fmt: skip
SUGGESTION_COLUMNS = [
    "run_id", "portfolio_id", "revision", "answer", "cost", "spread_cost", "impact_cost",
    "withdrawal_cost", "tax", "taxes", "benefit_per_year", "volatility_change", "cvar_change",
    "break_even_days", "horizon_days", "risk_aversion", "one_way_turnover", "asset_ids", "amounts",
    "quantities",
]  # fmt: skip


@dataclass(frozen=True)
class Measurements:
    """b portfolios over n assets; fractions, US dollars and units, as in the models."""

    positions: Positions
    status: NDArray[np.str_]  # (b,)
    value: NDArray[np.float64]  # (b,)
    outside_value: NDArray[np.float64]  # (b,) of what does not count
    earlier_values: NDArray[np.float64]  # (b, 3) of the same holdings; NaN where unknown
    volatility: NDArray[np.float64]  # (b,)
    risk_coverage: NDArray[np.float64]  # (b,)
    band: NDArray[np.float64]  # (b,)
    worst_drift: NDArray[np.float64]  # (b,) of what strayed furthest in terms of its band
    values: NDArray[np.float64]  # (b, n)
    weights: NDArray[np.float64]  # (b, n)
    targets: ResolvedTargets  # (b, n)
    tolerances: Tolerances
    risk_contributions: NDArray[np.float64]  # (b, n)
    suggested: NDArray[np.int64]  # (s,) rows of the portfolios with a suggestion
    plans: Plans  # of those s rows
    verdicts: Verdicts
    trade_quantities: NDArray[np.float64]  # (s, n)


def measure(positions: Positions, market: Market) -> Measurements:
    """Value, risk, drift and suggested trades of every portfolio at once."""
    market = market.only(positions.listed_ids)
    closes = _closes(positions, market)
    counted = counted_positions.count(positions, closes)
    positions = counted.positions
    values = positions.quantities * np.nan_to_num(closes)
    value = values.sum(axis=1)
    weights = values / np.where(value > 0, value, 1.0)[:, None]
    targets = resolve_targets(positions, values)
    has_targets = targets.weights.any(axis=1)
    is_position = (positions.quantities > 0) | (targets.weights > 0)
    unpriced = (is_position & np.isnan(closes)).any(axis=1) | ~targets.complete

    tolerated = tolerances.measure(
        positions,
        weights,
        targets,
        judged=(value > 0) & has_targets & ~unpriced,
        high_volatility=market.high_volatility,
    )
    worst_drift, band = tolerated.worst()
    breach = tolerated.breached
    keeps_days, due = _calendars(positions, market)
    suggested = np.flatnonzero(breach | (due & (worst_drift > SMALLEST_DRIFT)))
    waits = (keeps_days & ~due)[suggested]
    return Measurements(
        positions=positions,
        status=np.select(
            [unpriced, value <= 0, ~has_targets, breach],
            [status.value for status in FIRST_THAT_HOLDS],
            Status.IN_BALANCE.value,
        ),
        value=value,
        outside_value=counted.outside,
        earlier_values=_earlier_values(counted.earlier, market),
        band=band,
        worst_drift=worst_drift,
        values=values,
        weights=weights,
        targets=targets,
        tolerances=tolerated,
        **_risk(weights, market),
        suggested=suggested,
        **_suggestions(positions, values, targets, suggested, market, closes=closes, waits=waits),
    )


def resolve_targets(positions: Positions, values: NDArray[np.float64]) -> ResolvedTargets:
    """The target of every position, with the targets of categories split over those in them."""
    wanted = positions.category_targets
    if not len(wanted.category_ids):
        return ResolvedTargets(
            weights=positions.target_weights,
            from_category=np.zeros(values.shape, dtype=bool),
            complete=np.ones(len(values), dtype=bool),
        )
    return category_targets.resolve(
        values,
        positions.quantities > 0,
        positions.target_weights,
        categories=wanted.columns,
        category_targets=wanted.weights,
        stand_ins=wanted.stand_ins,
    )


class _Suggestions(TypedDict):
    plans: Plans
    verdicts: Verdicts
    trade_quantities: NDArray[np.float64]


def _suggestions(
    positions: Positions,
    values: NDArray[np.float64],
    targets: ResolvedTargets,
    rows: NDArray[np.int64],
    market: Market,
    *,
    closes: NDArray[np.float64],
    waits: NDArray[np.bool_],
) -> _Suggestions:
    """What these portfolios would trade, and whether that is worth its cost."""
    prices = np.broadcast_to(closes, values.shape)[rows]
    drawn = _plans(positions, values, targets, rows, market)
    drawn = _with_taxes(drawn, positions, rows, prices, market)
    return {
        "plans": drawn,
        "verdicts": verdicts.weigh(
            drawn,
            values=values[rows],
            targets=targets.weights[rows],
            market=market,
            choices=positions.costs,
            rows=rows,
            waits=waits,
        ),
        "trade_quantities": drawn.amounts / np.where(prices > 0, prices, 1.0),
    }


def _calendars(positions: Positions, market: Market) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Who rebalances by the calendar and not by bands (b,), and who of them is due (b,)."""
    days = cadences.all_due(as_of=market.as_of, stormy=market.stormy_days)
    is_due = np.array([days[cadence] is not None for cadence in Cadence])
    by_days = np.array([cadence != Cadence.BANDS for cadence in Cadence])
    return by_days[positions.cadences], is_due[positions.cadences]


def _plans(
    positions: Positions,
    values: NDArray[np.float64],
    targets: ResolvedTargets,
    rows: NDArray[np.int64],
    market: Market,
) -> Plans:
    """What returns these portfolios to their targets, as far as their rules let it."""
    parts = []
    for places, terms in plans.by_venue(positions.costs, rows, market, values.shape[1]):
        of = rows[places]
        held, aims, rules = values[of], targets.weights[of], positions.rules
        may_sell = may_trade = None
        if rules is not None:
            may_sell, may_trade = ~rules.never_sold[of], ~rules.left_alone[of]
        propose = proposals.to_target(held, aims, may_sell=may_sell, may_trade=may_trade)
        parts.append((places, plans.draw(held, terms, propose)))
    return plans.in_order(parts) if parts else plans.none(values.shape[1])


def _with_taxes(
    drawn: Plans,
    positions: Positions,
    rows: NDArray[np.int64],
    closes: NDArray[np.float64],
    market: Market,
) -> Plans:
    """Count the tax of those who want it counted; the others' lots are not even read."""
    places = np.flatnonzero(positions.costs.counts_tax[rows])
    if not len(places):
        return drawn
    of = rows[places]
    known = Portfolio.objects.only(*taxes.FIELDS).in_bulk(positions.portfolio_ids[of].tolist())
    portfolios = [known[pk] for pk in positions.portfolio_ids[of].tolist()]
    sold = drawn.only(places)
    lots = taxes.read(
        portfolios, positions.asset_ids[of], as_of=market.as_of, only=sold.amounts < 0
    )
    sales = taxes.sell(lots, sold, closes[places], as_of=market.as_of)
    return taxes.levied(drawn, sales, places)


def _risk(weights: NDArray[np.float64], market: Market) -> dict[str, NDArray[np.float64]]:
    """What is measured of the risk; nobody measures the risk of somebody's own assets."""
    listed = weights[:, : len(market.asset_ids)]
    coverage = np.minimum(listed @ market.measured, 1.0)
    measured = listed * market.measured / np.where(coverage > 0, coverage, 1.0)[:, None]
    found = risk.contributions(measured, market.covariance)
    unmeasured = np.zeros((len(weights), weights.shape[1] - listed.shape[1]))
    return {
        "volatility": found.volatility,
        "risk_coverage": coverage,
        "risk_contributions": np.hstack([found.contributions, unmeasured]),
    }


def _closes(positions: Positions, market: Market) -> NDArray[np.float64]:
    """(n,) US dollars, or (b, n) where some portfolio has own assets; NaN: no price."""
    own = positions.own.closes[0]
    if not own.shape[1]:
        return market.closes
    listed = np.broadcast_to(market.closes, (len(own), len(market.closes)))
    # A place that a portfolio does not use has no price, and nothing in it.
    return np.hstack([listed, own])


def _earlier_values(positions: Positions, market: Market) -> NDArray[np.float64]:
    """What the holdings of today were worth at the earlier closes, NaN without each price."""
    listed, own = np.split(positions.quantities, [len(market.asset_ids)], axis=1)
    closes, own_closes = market.earlier_closes.T, positions.own.closes[1:]
    missing = (listed > 0).astype(float) @ np.isnan(closes)
    values: NDArray[np.float64] = listed @ np.nan_to_num(closes)
    if own.shape[1]:
        missing += ((own > 0) & np.isnan(own_closes)).sum(axis=2).T
        values += (own * np.nan_to_num(own_closes)).sum(axis=2).T
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
    """Blocks of portfolios that have equally many positions and bands, and the same status."""
    positions, targets, tolerated = measured.positions, measured.targets, measured.tolerances
    mask = (positions.quantities > 0) | (targets.weights > 0)
    n = mask.shape[1]
    for status in np.unique(measured.status):
        of_status = measured.status == status
        for rows, columns, categories in _equally_wide(measured, mask, of_status):
            row = rows[:, None]
            uniform = tolerated.is_uniform[rows].all()
            yield {
                "run_id": np.full(len(rows), run_id),
                "portfolio_id": positions.portfolio_ids[rows],
                "revision": positions.revisions[rows],
                "status": str(status).encode(),
                "value": measured.value[rows],
                "outside_value": measured.outside_value[rows],
                "value_1d": measured.earlier_values[rows, 0],
                "value_7d": measured.earlier_values[rows, 1],
                "value_30d": measured.earlier_values[rows, 2],
                "volatility": measured.volatility[rows],
                "risk_coverage": measured.risk_coverage[rows],
                "band": measured.band[rows],
                "worst_drift": measured.worst_drift[rows],
                "asset_ids": positions.asset_ids[row, columns],
                "values": measured.values[row, columns],
                "weights": measured.weights[row, columns],
                "target_weights": targets.weights[row, columns],
                "from_category": _if_any(targets.from_category[row, columns]),
                "half_widths": tolerated.half_widths[row, columns[:, :0] if uniform else columns],
                "category_ids": positions.category_targets.category_ids[categories],
                "category_half_widths": tolerated.half_widths[row, n + categories],
                "risk_contributions": measured.risk_contributions[row, columns],
            }


def _equally_wide(
    measured: Measurements, mask: NDArray[np.bool_], included: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Groups of rows, their columns of positions (g, k), and of categories (g, c) to store."""
    tolerated = measured.tolerances
    uniform = included & tolerated.is_uniform
    for rows, columns in _equally_long(mask, np.flatnonzero(uniform)):
        yield rows, columns, columns[:, :0]
    others = np.flatnonzero(included & ~tolerated.is_uniform)
    for group, categories in _equally_long(tolerated.is_judged, others):
        for rows, columns in _equally_long(mask, group):
            yield rows, columns, categories[np.searchsorted(group, rows)]


def _if_any(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """No flags at all where none is set: most portfolios have no category targets."""
    return flags if flags.any() else flags[:, :0]


def _suggestion_blocks(
    measured: Measurements, run_id: int
) -> Iterator[Mapping[str, binary_copy.Column]]:
    positions, drawn, verdicts = measured.positions, measured.plans, measured.verdicts
    mask = np.abs(drawn.amounts) >= SMALLEST_TRADE
    counts_tax = positions.costs.counts_tax[measured.suggested]
    groups = [
        group
        for counted in (False, True)
        for group in _equally_long(mask, np.flatnonzero(counts_tax == counted))
    ]
    for rows, columns in groups:
        row, portfolio = rows[:, None], measured.suggested[rows]
        taxed = columns if counts_tax[rows].any() else columns[:, :0]
        yield {
            "run_id": np.full(len(rows), run_id),
            "portfolio_id": positions.portfolio_ids[portfolio],
            "revision": positions.revisions[portfolio],
            "answer": verdicts.answer[rows].astype(np.int16),
            "cost": drawn.cost[rows],
            "spread_cost": drawn.spreads[rows].sum(axis=1),
            "impact_cost": drawn.impacts[rows].sum(axis=1),
            "withdrawal_cost": drawn.withdrawals[rows],
            "tax": drawn.tax[rows],
            "taxes": drawn.taxes[row, taxed],
            "benefit_per_year": verdicts.benefit_per_year[rows],
            "volatility_change": verdicts.volatility_change[rows],
            "cvar_change": verdicts.cvar_change[rows],
            "break_even_days": verdicts.break_even_days[rows],
            "horizon_days": verdicts.horizon_days[rows].astype(np.int32),
            "risk_aversion": verdicts.risk_aversion[rows],
            "one_way_turnover": np.abs(drawn.amounts[rows]).sum(axis=1)
            / measured.value[portfolio]
            / 2,
            "asset_ids": positions.asset_ids[portfolio[:, None], columns],
            "amounts": drawn.amounts[row, columns],
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
