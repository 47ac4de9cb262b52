"""One portfolio's plan, in whichever way its owner asks for it.

The default, to the targets, is the suggestion that the night makes: same functions, same trades.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from analytics.core.errors import NotEnoughToSellError
from analytics.models import Suggestion
from analytics.selectors import market as market_selector
from analytics.selectors.portfolio_pages import CategoryTarget, Position, Reading
from analytics.selectors.positions import CostChoices
from analytics.selectors.verdicts import Verdict
from analytics.services import plans, proposals, sold_lots, taxes, verdicts
from analytics.services.measurements import SMALLEST_TRADE
from analytics.services.plans import Plans, Terms
from analytics.services.proposals import Propose
from analytics.services.shown_plans import Asked, Mode, Plan, Row
from analytics.services.sold_lots import Losses, SoldLot
from analytics.services.taxes import LotTable, Sales
from portfolios.models import Portfolio

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MOST_ROUNDS = 100  # of selling for the tax of what was sold; taxes up to 80 % are met by then


class ImpossiblePlan(Exception):
    """What is asked for cannot be done; the message says why."""


@dataclass(frozen=True)
class _Book:
    """The positions as arrays of one row, listed assets first and by id, as a market has them."""

    positions: Sequence[Position]
    values: Floats
    targets: Floats
    half_widths: Floats
    may_sell: Flags
    may_trade: Flags
    left_out: Flags  # (n,) not among the only ones that may trade

    @property
    def closes(self) -> Floats:
        return np.array([[position.close or 0.0 for position in self.positions]])


def draw(portfolio: Portfolio, reading: Reading, asked: Asked) -> Plan:
    """The plan for a portfolio as its reading has it. Raises ImpossiblePlan."""
    if asked.mode.needs_cash and not asked.cash:
        raise ImpossiblePlan("Say how much cash.")
    book = _book(reading, asked)
    listed = [p.asset.pk for p in book.positions if not p.asset.is_own]
    market = market_selector.read(as_of=reading.run.as_of, asset_ids=listed)
    choices = _choices(portfolio)
    row = np.array([0])
    venue = market.venues.get(portfolio.venue_id or 0)
    terms = plans.terms(venue, choices, row, market, len(book.positions))
    cash = np.array([float(asked.cash or 0)])
    purse = cash if asked.mode == Mode.INVEST else np.zeros(1)
    lots = None
    if portfolio.counts_tax:
        ids = np.array([[position.asset.pk for position in book.positions]])
        lots = taxes.read([portfolio], ids, as_of=reading.run.as_of)
    drawn, sales = _drawn(book, terms, asked, lots, as_of=reading.run.as_of)
    weighed = verdicts.weigh(
        drawn,
        values=book.values,
        targets=book.targets,
        market=market,
        choices=choices,
        rows=row,
        cash=purse,
        cash_leaves=asked.mode == Mode.RAISE,
    )
    return _plan(
        book,
        asked=asked,
        reading=reading,
        drawn=drawn,
        weighed=weighed,
        terms=terms,
        sales=sales,
    )


def _drawn(
    book: _Book, terms: Terms, asked: Asked, lots: LotTable | None, *, as_of: date
) -> tuple[Plans, Sales | None]:
    """The trades, and what they take of lots. Cash is raised after the tax that is known."""
    cash, set_aside = np.array([float(asked.cash or 0)]), np.zeros(1)
    purse = cash if asked.mode == Mode.INVEST else np.zeros(1)
    for _ in range(MOST_ROUNDS):
        try:
            propose = _proposal(book, asked.mode, cash + set_aside)
            drawn = plans.draw(book.values, terms, propose, cash=purse)
        except NotEnoughToSellError:
            break
        if lots is None:
            return drawn, None
        sales = taxes.sell(lots, drawn, book.closes, as_of=as_of)
        # More is sold for the tax, and taxed itself; each round adds less, until it is a cent.
        if asked.mode != Mode.RAISE or sales.due[0] <= set_aside[0] + SMALLEST_TRADE / 2:
            return taxes.levied(drawn, sales, np.array([0])), sales
        set_aside = sales.due
    raise ImpossiblePlan(_too_much(book, terms, float(set_aside[0])))


def _book(reading: Reading, asked: Asked) -> _Book:
    positions = sorted(reading.positions, key=lambda p: (p.asset.is_own, p.asset.pk))
    ids = [position.asset.pk for position in positions]
    left_alone = np.isin(ids, list(asked.left_alone))
    left_out = ~np.isin(ids, list(asked.only)) & bool(asked.only)
    never_sold = np.isin(ids, list(asked.never_sold))
    values = np.array([position.value for position in positions])
    targets = np.array([position.target_weight for position in positions])
    widths = np.array([position.band for position in positions])
    for category in reading.category_targets:
        _follow_category(widths, positions, category)
    return _Book(
        positions=positions,
        values=values[None],
        targets=targets[None],
        half_widths=widths[None],
        may_sell=(~left_alone & ~left_out & ~never_sold)[None],
        may_trade=(~left_alone & ~left_out)[None],
        left_out=left_out,
    )


def _follow_category(
    widths: Floats, positions: Sequence[Position], category: CategoryTarget
) -> None:
    """Narrow the bands of what belongs to a category so that the category ends inside its own.

    Each keeps its part of how far the category may be from its target.
    """
    strayed = abs(category.drift)
    kept = min(1.0, category.band / strayed) if strayed else 1.0
    members = {p.asset.pk for p in category.positions}
    for place, position in enumerate(positions):
        if position.asset.pk not in members:
            continue
        limit = kept * abs(position.drift)
        widths[place] = limit if position.from_category else min(widths[place], limit or np.inf)


def _proposal(book: _Book, mode: Mode, cash: Floats) -> Propose:
    may = {"may_sell": book.may_sell, "may_trade": book.may_trade}
    ways: dict[Mode, Callable[[], Propose]] = {
        Mode.TARGET: lambda: proposals.to_target(book.values, book.targets, **may),
        Mode.EDGE: lambda: proposals.to_edge(book.values, book.targets, book.half_widths, **may),
        Mode.HALF: lambda: proposals.part_way(book.values, book.targets, share=0.5, **may),
        Mode.INVEST: lambda: proposals.invest(
            book.values, book.targets, cash, may_trade=book.may_trade
        ),
        Mode.RAISE: lambda: proposals.raise_cash(
            book.values, book.targets, cash, may_sell=book.may_sell
        ),
    }
    return ways[mode]()


def _too_much(book: _Book, terms: Terms, tax: float) -> str:
    most = float((book.values * book.may_sell).sum() * (1 - terms.fee_rates[0]))
    before = f", before at least {tax:,.2f} of tax" if tax else ""
    return (
        f"What may be sold brings at most about {most:,.2f} US dollars{before}. "
        "Ask for less, or allow more to be sold."
    )


def _choices(portfolio: Portfolio) -> CostChoices:
    return CostChoices(
        fee_rates=np.array([float(portfolio.fee_rate)]),
        venue_ids=np.array([portfolio.venue_id or 0]),
        as_maker=np.array([portfolio.order_type == "maker"]),
        withdraws=np.array([portfolio.withdraws]),
        risk_aversions=np.array([float(portfolio.risk_aversion)]),
        horizons=np.array([portfolio.horizon_days or 0], dtype=np.int32),
        counts_tax=np.array([portfolio.counts_tax]),
    )


def _plan(
    book: _Book,
    *,
    asked: Asked,
    reading: Reading,
    drawn: Plans,
    weighed: verdicts.Verdicts,
    terms: Terms,
    sales: Sales | None,
) -> Plan:
    as_of = reading.run.as_of
    sold = sold_lots.of_columns(sales, as_of=as_of) if sales else {}
    after = book.values[0] + drawn.amounts[0]
    weights_after = after / after.sum() if after.sum() > 0 else after
    before = book.values[0] / book.values.sum()
    value, raises = float(book.values.sum()), asked.mode == Mode.RAISE
    rows = _rows(book, drawn, terms, weights_after, sold)
    return Plan(
        asked=asked,
        rows=sorted(rows, key=lambda row: (-row.position.weight, -row.position.target_weight)),
        fees=float(drawn.fees.sum()),
        spread_cost=float(drawn.spreads.sum()),
        impact_cost=float(drawn.impacts.sum()),
        withdrawal_cost=float(drawn.withdrawals[0]),
        tax=float(drawn.tax[0]),
        counts_tax=sales is not None,
        cost=float(drawn.cost[0]),
        leftover_cash=float(drawn.leftover_cash[0] - (drawn.tax[0] if raises else 0.0)),
        value=value,
        verdict=_verdict(weighed, reading, float(drawn.cost[0]), value),
        distance_before=float(np.abs(before - book.targets[0]).sum()),
        distance_after=float(np.abs(weights_after - book.targets[0]).sum()),
        minimum_order=float(terms.minimum),
        losses=_losses(book, drawn, terms, sales, as_of=as_of) if sales else None,
    )


def _rows(
    book: _Book,
    drawn: Plans,
    terms: Terms,
    weights_after: Floats,
    sold: Mapping[int, Sequence[SoldLot]],
) -> list[Row]:
    costs = (drawn.fees + drawn.spreads + drawn.impacts)[0]
    return [
        Row(
            position=position,
            amount=float(drawn.amounts[0, n]),
            cost=float(costs[n]),
            weight_after=float(weights_after[n]),
            skipped=_why_skipped(book, drawn, n, terms),
            lots=sold.get(n, ()),
            tax=float(drawn.taxes[0, n]),
        )
        for n, position in enumerate(book.positions)
    ]


def _losses(book: _Book, drawn: Plans, terms: Terms, sales: Sales, *, as_of: date) -> Losses:
    return sold_lots.harvest(
        sales,
        book.positions,
        as_of=as_of,
        fee_rate=float(terms.fee_rates[0]),
        bought=np.flatnonzero(drawn.amounts[0] >= SMALLEST_TRADE).tolist(),
    )


def _why_skipped(book: _Book, drawn: Plans, n: int, terms: Terms) -> str:
    if abs(drawn.amounts[0, n]) >= SMALLEST_TRADE:
        return ""
    reasons = (
        (drawn.too_small[0, n], f"below the smallest order of {float(terms.minimum):,.2f} USD"),
        (drawn.rounded_away[0, n], "less than one lot"),
        (drawn.unfunded[0, n], "too little cash for one lot of it"),
        (book.left_out[n], "not among the only ones to trade"),
        (not book.may_trade[0, n], "left alone"),
        (not book.may_sell[0, n] and book.positions[n].drift > 0, "never sold"),
    )
    return next((words for holds, words in reasons if holds), "")


def _verdict(weighed: verdicts.Verdicts, reading: Reading, cost: float, value: float) -> Verdict:
    return Verdict(
        answer=Suggestion.Answer(int(weighed.answer[0])),
        cost=cost,
        benefit_per_year=float(weighed.benefit_per_year[0]),
        volatility=reading.result.volatility,
        volatility_change=float(weighed.volatility_change[0]),
        cvar_change=float(weighed.cvar_change[0]),
        break_even_days=float(weighed.break_even_days[0]),
        horizon_days=int(weighed.horizon_days[0]),
        risk_aversion=float(weighed.risk_aversion[0]),
        value=value,
    )
