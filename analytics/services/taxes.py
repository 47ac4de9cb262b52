"""What the sells of plans gain lot by lot, and what that is taxed at their owners' rates.

Lots come from the ledger, exactly; a plan looks ahead, in float64. What nobody knows the cost of
has no gain and no tax: NaN, never a guess. A tax is due later and is not paid out of the trades.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analytics.core import sale_plans
from analytics.core.sale_plans import Lots, Order, SalePlan, TaxRates
from analytics.services.plans import Plans
from portfolios.lots import Lot, Method
from portfolios.models import Asset, Portfolio
from portfolios.selectors import open_lots

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ids = NDArray[np.int64]

FIELDS = ("lot_method", "short_term_tax", "long_term_tax", "long_term_days")
"""What of a portfolio says how its sells are taxed."""

# Who names lots sale by sale may name those with the least tax.
ORDERS = {
    Method.FIFO: Order.FIFO,
    Method.LIFO: Order.LIFO,
    Method.HIFO: Order.HIFO,
    Method.SPECIFIC: Order.LEAST_TAX,
}


@dataclass(frozen=True)
class LotTable:
    """k lots of b portfolios (rows) over n positions (columns), each position's oldest first."""

    portfolios: Sequence[Portfolio]  # (b,)
    n: int
    rows: Ids  # (k,)
    columns: Ids  # (k,)
    quantities: Floats  # (k,)
    unit_costs: Floats  # (k,) US dollars; NaN: nobody knows
    acquired: NDArray[np.datetime64]  # (k,) not after the day of the plans
    is_money: Flags  # (b, n) currencies have no lots: gains are counted in them

    @cached_property
    def methods(self) -> NDArray[np.str_]:
        """(k,)"""
        return np.array([each.lot_method for each in self.portfolios], dtype="U8")[self.rows]

    @cached_property
    def rates(self) -> TaxRates:
        """Of each lot; where tax is not counted, nothing."""
        short = [float(each.short_term_tax or 0) for each in self.portfolios]
        long = [float(each.long_term_tax or 0) for each in self.portfolios]
        days = [each.long_term_days for each in self.portfolios]
        return TaxRates(
            np.array(short)[self.rows], np.array(long)[self.rows], np.array(days)[self.rows]
        )

    def __getitem__(self, chosen: Flags) -> "LotTable":
        """Some of the lots."""
        names = ("rows", "columns", "quantities", "unit_costs", "acquired")
        return LotTable(
            portfolios=self.portfolios,
            n=self.n,
            is_money=self.is_money,
            **{name: getattr(self, name)[chosen] for name in names},
        )


@dataclass(frozen=True)
class Sales:
    """What sells take of each lot of a table, all (k,); NaN where nobody knows the cost."""

    lots: LotTable
    sold: Floats  # units
    gain: Floats  # after what the sell costs; negative is a loss
    tax: Floats  # negative: what a loss saves where there are gains to set it off
    long_term: Flags
    lacking: Floats  # (b, n) units sold that no lot explains

    @property
    def of_trades(self) -> Floats:
        """The tax of each trade (b, n); NaN where a part of it is unknown."""
        shape = self.lacking.shape
        places = self.lots.rows * self.lots.n + self.lots.columns
        added = np.bincount(places, self.tax, self.lacking.size).reshape(shape)
        return np.where(self.lacking > 0, np.nan, added)

    @property
    def due(self) -> Floats:
        """(b,) as far as it is known. Losses of the same plan count; below nothing it never is."""
        net = np.bincount(self.lots.rows, np.nan_to_num(self.tax), len(self.lacking))
        return np.maximum(net, 0.0)


def read(
    portfolios: Sequence[Portfolio], asset_ids: Ids, *, as_of: date, only: Flags | None = None
) -> LotTable:
    """The open lots of these portfolios in what each holds (b, n) of listed and own assets.

    With `only` (b, n) those of some positions: the others' lines of the ledger are not read.
    """
    money = list(Asset.objects.filter(kind=Asset.Kind.CASH).values_list("pk", flat=True))
    is_money = np.isin(asset_ids, money)
    chosen_ids = None
    if only is not None:
        chosen_ids = {
            portfolio.pk: asset_ids[row][only[row] & ~is_money[row]].tolist()
            for row, portfolio in enumerate(portfolios)
        }
    found = open_lots.read(portfolios, only=chosen_ids)
    rows: list[int] = []
    columns: list[int] = []
    chosen: list[Lot] = []
    for row, portfolio in enumerate(portfolios):
        column_of = {asset: column for column, asset in enumerate(asset_ids[row].tolist())}
        for lot in found[portfolio.pk]:
            if lot.asset in column_of:
                rows.append(row)
                columns.append(column_of[lot.asset])
                chosen.append(lot)
    days = np.array([lot.acquired_at.date() for lot in chosen], dtype="datetime64[D]")
    costs = [np.nan if lot.cost is None else float(lot.cost / lot.quantity) for lot in chosen]
    return LotTable(
        portfolios=portfolios,
        n=asset_ids.shape[1],
        rows=np.array(rows, dtype=np.int64),
        columns=np.array(columns, dtype=np.int64),
        quantities=np.array([float(lot.quantity) for lot in chosen]),
        unit_costs=np.maximum(np.array(costs, dtype=float), 0.0),
        acquired=np.minimum(days, np.datetime64(as_of)),  # of what was bought since: no day held
        is_money=is_money,
    )


def sell(lots: LotTable, drawn: Plans, closes: Floats, *, as_of: date) -> Sales:
    """Take the sells of plans, closes (b, n), out of the lots, by each portfolio's method.

    Gains are after what each trade costs.
    """
    prices = np.where(closes > 0, closes, 1.0)
    wanted = np.maximum(-drawn.amounts, 0.0) / prices * ~lots.is_money
    places = lots.rows * lots.n + lots.columns
    available = np.bincount(places, lots.quantities, wanted.size).reshape(wanted.shape)
    taken = np.minimum(wanted, available)
    # Holdings are the sum of their lots; what float64 rounds away is none that is lacking.
    lacking = np.where(wanted > available * (1 + 1e-9), wanted - available, 0.0)
    paid = drawn.fees + drawn.spreads + drawn.impacts
    share = np.divide(paid, np.abs(drawn.amounts), out=np.zeros_like(paid), where=paid > 0)
    sold, gains = np.zeros(len(places)), np.zeros(len(places))
    taxes, long_term = np.zeros(len(places)), np.zeros(len(places), dtype=bool)
    for method, order in ORDERS.items():
        mine = np.flatnonzero((lots.methods == method.value) & (wanted.ravel()[places] > 0))
        if len(mine):
            plan = _planned(lots, mine, prices, taken, share, order=order, as_of=as_of)
            sold[mine], gains[mine], taxes[mine] = plan.sold, plan.gain, plan.tax
            long_term[mine] = plan.long_term
    guessed = np.isnan(lots.unit_costs) & (sold > 0)
    return Sales(
        lots=lots,
        sold=sold,
        gain=np.where(guessed, np.nan, gains),
        tax=np.where(guessed, np.nan, taxes),
        long_term=long_term,
        lacking=lacking,
    )


def _planned(
    lots: LotTable,
    mine: Ids,
    prices: Floats,
    taken: Floats,
    share: Floats,
    *,
    order: Order,
    as_of: date,
) -> SalePlan:
    """What sells of so many units (b, n) take of some lots, all in the same order."""
    places = lots.rows[mine] * lots.n + lots.columns[mine]
    assets, columns = np.unique(places, return_inverse=True)
    costs = np.nan_to_num(lots.unit_costs[mine])  # unknown ones go last, or by age, in any order
    return sale_plans.plan(
        Lots(columns, lots.quantities[mine], costs, lots.acquired[mine]),
        prices.ravel()[assets],
        taken.ravel()[assets],
        np.datetime64(as_of),
        order=order,
        rates=TaxRates(*(np.asarray(rate)[mine] for rate in vars(lots.rates).values())),
        fee_rate=np.minimum(share.ravel()[assets], 0.999),
    )


def levied(drawn: Plans, sales: Sales, rows: Ids) -> Plans:
    """The plans with the tax of those that are counted (their rows) in the cost."""
    tax, taxes = drawn.tax.copy(), drawn.taxes.copy()
    tax[rows], taxes[rows] = sales.due, sales.of_trades
    return replace(drawn, tax=tax, taxes=taxes, cost=drawn.cost + tax)
