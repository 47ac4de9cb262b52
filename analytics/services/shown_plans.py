"""A plan as a page shows it: what was asked for, each position before and after, what it costs."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from math import isnan

from analytics.selectors.portfolio_pages import Position, Trade
from analytics.selectors.verdicts import Verdict
from analytics.services.measurements import SMALLEST_TRADE
from analytics.services.sold_lots import Losses, SoldLot
from portfolios.models import PositionRule

Trading = PositionRule.Trading


class Mode(StrEnum):
    TARGET = "target"
    EDGE = "edge"
    HALF = "half"
    INVEST = "invest"
    RAISE = "raise"

    @property
    def needs_cash(self) -> bool:
        return self in (Mode.INVEST, Mode.RAISE)


WAYS = {
    Mode.TARGET: "To the targets",
    Mode.EDGE: "To the nearest band edge",
    Mode.HALF: "Half-way",
    Mode.INVEST: "With new cash only",
    Mode.RAISE: "Raise cash",
}


@dataclass(frozen=True)
class Asked:
    """How to rebalance: the way, the cash it is about, and what must not be traded (asset ids)."""

    mode: Mode = Mode.TARGET
    cash: Decimal | None = None
    never_sold: Collection[int] = ()
    left_alone: Collection[int] = ()
    only: Collection[int] = ()  # nothing else; empty: everything

    @classmethod
    def by_rules(cls, rules: Iterable[PositionRule]) -> "Asked":
        """To the targets, as the rules of the portfolio say."""
        ruled = {rule.asset_id: rule.trading for rule in rules if rule.asset_id}
        return cls(
            never_sold=frozenset(pk for pk, may in ruled.items() if may == Trading.NEVER_SOLD),
            left_alone=frozenset(pk for pk, may in ruled.items() if may == Trading.LEFT_ALONE),
        )

    @property
    def words(self) -> str:
        return WAYS[self.mode]


@dataclass(frozen=True)
class Row:
    """A position before and after; US dollars, units and fractions."""

    position: Position
    amount: float  # positive buys
    cost: float
    weight_after: float
    skipped: str  # why nothing is traded, where something would be
    lots: Sequence[SoldLot] = ()  # where tax is counted
    tax: float = 0.0  # NaN: nobody knows what a part of it had cost

    @property
    def quantity(self) -> float:
        close = self.position.close
        return self.amount / close if close else 0.0

    @property
    def trade(self) -> Trade:
        return Trade(self.position.asset, self.amount, self.quantity)

    @property
    def size(self) -> float:
        return abs(self.amount)

    @property
    def units(self) -> float:
        return abs(self.quantity)

    @property
    def gain(self) -> float | None:
        """Of what is sold; None where it is not known, or nothing is."""
        known = not isnan(self.tax) and self.lots
        return sum(lot.gain for lot in self.lots) if known else None

    @property
    def known_tax(self) -> float | None:
        return None if self.gain is None else self.tax

    @property
    def value_after(self) -> float:
        return self.position.value + self.amount

    @property
    def units_after(self) -> float | None:
        close = self.position.close
        return self.value_after / close if close else None

    @property
    def or_any_of(self) -> object | None:
        """The category, where the asset only stands for any of it."""
        position = self.position
        is_example = position.from_category and position.value == 0
        return position.asset.category if is_example else None


@dataclass(frozen=True)
class Plan:
    """What to trade, what it costs and leaves, and whether it is worth it."""

    asked: Asked
    rows: Sequence[Row]
    fees: float
    spread_cost: float
    impact_cost: float
    withdrawal_cost: float
    tax: float
    counts_tax: bool
    cost: float
    leftover_cash: float
    value: float  # before, without new cash
    verdict: Verdict
    distance_before: float  # Σ|w − w*|
    distance_after: float
    minimum_order: float
    losses: Losses | None = None  # where tax is counted

    @property
    def trades(self) -> list[Row]:
        """Sells first: they pay for the buys. The largest first."""
        traded = [row for row in self.rows if abs(row.amount) >= SMALLEST_TRADE]
        return sorted(traded, key=lambda row: (row.amount > 0, -abs(row.amount)))

    @property
    def skipped(self) -> list[Row]:
        return [row for row in self.rows if row.skipped]

    @property
    def takes_lots(self) -> bool:
        """Whether something is sold whose gain and tax are counted."""
        return self.counts_tax and any(row.amount < 0 for row in self.trades)

    @property
    def one_way_turnover(self) -> float:
        """Of the value, with the new cash that is invested."""
        invested = float(self.asked.cash or 0) if self.asked.mode == Mode.INVEST else 0.0
        return sum(abs(row.amount) for row in self.rows) / (self.value + invested) / 2

    @property
    def of_unknown_cost(self) -> list[Row]:
        """Sells whose tax is not in the cost, or only in part."""
        return [row for row in self.trades if isnan(row.tax)]

    @property
    def net_tax(self) -> float:
        """Of all lots together as far as they are known; below zero where losses outweigh."""
        return sum(lot.tax for row in self.rows for lot in row.lots if not isnan(lot.tax))

    @property
    def saving(self) -> float:
        """What losses beyond the gains would save."""
        return max(-self.net_tax, 0.0)

    @property
    def is_weighed(self) -> bool:
        """Whether benefit against cost decides: who puts cash in or takes it out has decided."""
        return not self.asked.mode.needs_cash
