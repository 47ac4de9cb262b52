"""What came into a portfolio and what left it: its owner's part, apart from what markets did."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from portfolios.models import Asset, Portfolio, Transaction
from portfolios.selectors import ledger
from portfolios.selectors.worth import Worth, currencies_of, day_of, sides_of

Kind = Transaction.Kind
IN_KIND = (Kind.DEPOSIT, Kind.WITHDRAWAL, Kind.BALANCE)
TRADES = (Kind.BUY, Kind.SELL, Kind.SWAP)


@dataclass(frozen=True)
class Movements:
    """By UTC day and asset id: how holdings changed, and which of it came from outside or left.

    `money` (US dollars by day) was paid or got outside the portfolio; `in_kind` crossed its border
    as coins, to be valued at the close of the day. What goes out is negative.
    """

    changes: dict[tuple[date, int], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    in_kind: dict[tuple[date, int], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    money: dict[date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    assets: dict[int, Asset] = field(default_factory=dict)
    """All that were ever held, by id."""


def read(portfolio: Portfolio) -> Movements:
    """The whole ledger, in a handful of queries.

    Deposits, withdrawals and balances cross the border in kind. Of a trade, money that the
    portfolio does not hold does; where nobody said what was paid or got, the coins do. Income,
    fees in coins, transfers and token migrations are the portfolio's own doing.
    """
    entries = list(portfolio.transactions.order_by("at", "pk"))
    assets = Asset.of_anybody.in_bulk(ledger.assets_named(portfolio))
    worth = Worth(entries, currencies_of(assets.values()))
    moved = Movements()
    for entry in entries:
        day = day_of(entry)
        for asset_id, quantity in entry.legs():
            if _is_held(asset_id, entry, portfolio, worth):
                moved.changes[day, asset_id] += quantity
        _cross(entry, portfolio, worth, moved)
    moved.assets.update({pk: assets[pk] for _, pk in moved.changes})
    return moved


def _is_held(asset_id: int, entry: Transaction, portfolio: Portfolio, worth: Worth) -> bool:
    """Whether a leg moves a holding, as portfolios.selectors.ledger.LEGS has it."""
    follows = portfolio.follows_cash or entry.kind == Kind.BALANCE
    return follows or not worth.is_cash(asset_id)


def _cross(entry: Transaction, portfolio: Portfolio, worth: Worth, moved: Movements) -> None:
    day = day_of(entry)
    money = _money(entry, portfolio, worth) if entry.kind in TRADES else None
    if money is not None:
        moved.money[day] += money
    elif entry.kind in IN_KIND or entry.kind in TRADES:
        for asset_id, quantity in _own_sides(entry, portfolio, worth):
            moved.in_kind[day, asset_id] += quantity
    moved.money[day] += _fee_outside(entry, portfolio, worth) or Decimal(0)


def _own_sides(
    entry: Transaction, portfolio: Portfolio, worth: Worth
) -> Iterator[tuple[int, Decimal]]:
    """What came in, and negative what went out, as far as it moves holdings."""
    for asset_id, quantity in sides_of(entry):
        if _is_held(asset_id, entry, portfolio, worth):
            came = asset_id == entry.received_asset_id
            yield asset_id, quantity if came else -quantity


def _money(entry: Transaction, portfolio: Portfolio, worth: Worth) -> Decimal | None:
    """US dollars put in by a trade (taken out if negative); None: unknown, so count the coins.

    Zero where both sides are held: then nothing crosses the border.
    """
    sides = list(_own_sides(entry, portfolio, worth))
    if len(sides) != 1:
        return Decimal(0)
    value = worth.of(entry)
    if value is None:
        return None
    return value if sides[0][1] > 0 else -value


def _fee_outside(entry: Transaction, portfolio: Portfolio, worth: Worth) -> Decimal | None:
    """What a fee in money that the portfolio does not hold has cost its owner."""
    fee = entry.fee_asset_id
    if fee is None or _is_held(fee, entry, portfolio, worth):
        return None
    return worth.of_fee(entry)
