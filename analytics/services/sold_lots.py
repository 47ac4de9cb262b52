"""Which lots the sells of one plan take, and which other lots could be sold at a loss."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import isnan

import numpy as np
from numpy.typing import NDArray

from analytics.core import sale_plans
from analytics.core.sale_plans import Lots, SalePlan
from analytics.selectors.portfolio_pages import Position
from analytics.services.taxes import LotTable, Sales
from portfolios.lots import Method

Floats = NDArray[np.float64]

SHOWN = 50  # losses; the largest first
LEAST = 0.01  # US dollars; less is rounding


@dataclass(frozen=True)
class SoldLot:
    """What a sell takes of one lot; US dollars, NaN where nobody knows the cost."""

    acquired_on: date
    days_held: int
    is_long_term: bool
    quantity: float
    unit_cost: float
    gain: float
    tax: float

    @property
    def is_known(self) -> bool:
        return not isnan(self.unit_cost)


@dataclass(frozen=True)
class Loss:
    """A lot, or what a plan leaves of it, that would sell for less than it cost."""

    position: Position
    lot: SoldLot
    saving: float  # at the owner's rates, where there are gains to set it off
    behind: float  # units that the portfolio's method sells before it, and not at a loss
    is_bought: bool  # by the plan: a loss may then not count


@dataclass(frozen=True)
class Losses:
    """What could be harvested beside a plan; the list has the largest savings."""

    rows: Sequence[Loss]
    count: int
    loss: float
    saving: float
    unknown: Sequence[Position]  # lots of theirs have a cost that nobody knows


def of_columns(sales: Sales, *, as_of: date) -> dict[int, list[SoldLot]]:
    """The lots that are sold of each position of one portfolio, as they were bought."""
    found: dict[int, list[SoldLot]] = defaultdict(list)
    for place in np.flatnonzero(sales.sold > 0).tolist():
        lot = _lot(sales.lots, place, sales, as_of=as_of)
        found[int(sales.lots.columns[place])].append(lot)
    return found


def harvest(
    sales: Sales,
    positions: Sequence[Position],
    *,
    as_of: date,
    fee_rate: float,
    bought: Iterable[int],
) -> Losses:
    """Losses of what the plan leaves of each lot; `bought` are the columns that it buys."""
    lots = sales.lots
    left = np.maximum(lots.quantities - sales.sold, 0.0)
    known = ~np.isnan(lots.unit_costs) & (left > 0)
    table = replace(lots[known], quantities=left[known])
    closes = np.array([position.close or 1.0 for position in positions])
    found = sale_plans.harvest(
        Lots(table.columns, table.quantities, table.unit_costs, table.acquired),
        closes,
        np.datetime64(as_of),
        rates=table.rates,
        fee_rate=fee_rate,
    )
    taken = set(bought)
    behind = _behind(table, found.sold)
    rows = [
        Loss(
            position=positions[table.columns[n]],
            lot=_lot(table, n, found, as_of=as_of),
            saving=float(-found.tax[n]),
            behind=behind[n],
            is_bought=int(table.columns[n]) in taken,
        )
        for n in np.flatnonzero(found.gain <= -LEAST).tolist()
    ]
    unknown = np.unique(lots.columns[np.isnan(lots.unit_costs) & (left > 0)])
    return Losses(
        rows=sorted(rows, key=lambda row: (-row.saving, row.lot.gain))[:SHOWN],
        count=len(rows),
        loss=-sum(row.lot.gain for row in rows),
        saving=sum(row.saving for row in rows),
        unknown=[positions[column] for column in unknown],
    )


def _lot(table: LotTable, place: int, sale: Sales | SalePlan, *, as_of: date) -> SoldLot:
    acquired: date = table.acquired[place].item()
    return SoldLot(
        acquired_on=acquired,
        days_held=(as_of - acquired).days,
        is_long_term=bool(sale.long_term[place]),
        quantity=float(sale.sold[place]),
        unit_cost=float(table.unit_costs[place]),
        gain=float(sale.gain[place]),
        tax=float(sale.tax[place]),
    )


def _behind(table: LotTable, at_a_loss: Floats) -> list[float]:
    """Units that go before each lot by the method and would not sell at a loss.

    Highest cost first reaches losses first, and lots that are named are reached at once.
    """
    method = Method(table.portfolios[0].lot_method)
    behind = [0.0] * len(table.columns)
    if method not in (Method.FIFO, Method.LIFO):
        return behind
    before: dict[int, float] = defaultdict(float)
    order = range(len(table.columns))
    for n in order if method is Method.FIFO else reversed(order):
        behind[n] = before[int(table.columns[n])]
        before[int(table.columns[n])] += float(table.quantities[n]) if not at_a_loss[n] else 0.0
    return behind
