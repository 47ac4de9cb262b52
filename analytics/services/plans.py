"""Trades that somebody could carry out at a venue, and what they cost."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from analytics.core import costs, orders
from analytics.selectors.market import SPREADS, Market
from analytics.selectors.positions import CostChoices
from portfolios.models import Venue

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ids = NDArray[np.int64]

Propose = Callable[[Floats], Floats]
"""Amounts (b, n) that pay for themselves when trading costs this share (b,) of each trade."""

# A price impact depends on the trades, and they on what they cost. That settles in a few rounds,
# in more the dearer they are (each halves what is left where half of a trade is lost); where whole
# lots make it jump to and fro, the last rounds only let the cost rise.
ROUNDS, LAST_ROUNDS = 24, 3
SETTLED = 1e-9
# Where a trade would cost more than this share of itself, nobody should make it.
DEAREST = 0.5


@dataclass(frozen=True)
class Terms:
    """What b portfolios pay for trading n assets, all at one place or each at its own (b, n).

    Money is US dollars.
    """

    fee_rates: Floats  # (b,)
    half_spreads: Floats  # (n,) or (b, n)
    daily_volatility: Floats  # (n,)
    daily_volume: Floats  # (n,) NaN: unknown
    assumed_volume: Floats  # (n,)
    minimum: float | Floats  # the smallest order, or one for each (b, 1)
    lots: Floats  # (n,) or (b, n) what one lot is worth; 0: any quantity
    withdrawals: Floats  # (b,) for each asset bought


@dataclass(frozen=True)
class Plans:
    """Trades of b portfolios over n assets, in US dollars; buys are positive.

    The leftover cash is what sells and `cash` brought and buys did not need.
    """

    amounts: Floats  # (b, n)
    fees: Floats  # (b, n)
    spreads: Floats  # (b, n)
    impacts: Floats  # (b, n)
    withdrawals: Floats  # (b,)
    tax: Floats  # (b,) as far as it is known; 0 where it is not counted
    taxes: Floats  # (b, n) of each sell; NaN: nobody knows what it had cost
    cost: Floats  # (b,) all of these
    leftover_cash: Floats  # (b,) never negative
    too_small: Flags  # (b, n) why a trade was skipped
    rounded_away: Flags  # (b, n)
    unfunded: Flags  # (b, n)

    def only(self, places: Ids) -> "Plans":
        """Some of the b plans."""
        return Plans(**{field.name: getattr(self, field.name)[places] for field in fields(Plans)})

    @property
    def trading_cost(self) -> Floats:
        """(b,) without withdrawals: what the trades themselves pay."""
        return np.asarray((self.fees + self.spreads + self.impacts).sum(axis=1))


def by_venue(
    choices: CostChoices, rows: Ids, market: Market, n: int
) -> Iterator[tuple[Ids, Terms]]:
    """The places in `rows` of the portfolios with and without a venue, and their terms.

    All venues together: a call for each would cost as much again as the rest of the night.
    """
    has_venue = choices.venue_ids[rows] > 0
    if len(places := np.flatnonzero(~has_venue)):
        yield places, terms(None, choices, rows[places], market, n)
    if len(places := np.flatnonzero(has_venue)):
        yield places, _at_venues(choices, rows[places], market, n)


def _at_venues(choices: CostChoices, rows: Ids, market: Market, n: int) -> Terms:
    """The terms of rows that each have a venue of their own."""
    venue_ids, which = np.unique(choices.venue_ids[rows], return_inverse=True)
    each = [terms(market.venues[pk], choices, rows, market, n) for pk in venue_ids.tolist()]
    row = np.arange(len(rows))
    return replace(
        each[0],
        fee_rates=np.stack([at.fee_rates for at in each])[which, row],
        half_spreads=np.stack([at.half_spreads for at in each])[which],
        minimum=np.array([at.minimum for at in each])[which, None],
        lots=np.stack([at.lots for at in each])[which],
        withdrawals=np.stack([at.withdrawals for at in each])[which, row],
    )


def terms(venue: Venue | None, choices: CostChoices, rows: Ids, market: Market, n: int) -> Terms:
    """What these rows pay there; without a venue their fee rate is all that trading costs.

    Of the n assets the last ones may be people's own: their price impact is unknown, and left out.
    """
    of_listed = len(market.asset_ids)
    nothing = np.zeros(n)
    unknown = np.full(n - of_listed, np.nan)
    assumed = np.concatenate([market.assumed_volume, np.ones(n - of_listed)])
    volume = np.concatenate([market.daily_volume, unknown])
    if venue is None:
        fees, free = choices.fee_rates[rows], np.zeros(len(rows))
        return Terms(fees, nothing, nothing, volume, assumed, 0.0, nothing, free)
    fee = np.where(choices.as_maker[rows], float(venue.maker_fee), float(venue.taker_fee))
    spreads = np.array([float(getattr(venue, f"half_spread_{_word(tier)}")) for tier in SPREADS])
    own = np.full(n - of_listed, spreads[-1])
    still = np.zeros(n - of_listed)
    return Terms(
        fee_rates=fee,
        half_spreads=np.concatenate([spreads[market.spread_tiers], own]),
        daily_volatility=np.concatenate([np.sqrt(np.diag(market.covariance)), still]),
        daily_volume=volume,
        assumed_volume=assumed,
        minimum=float(venue.minimum_order),
        lots=np.concatenate([_lots(float(venue.lot_value), market.closes), still]),
        withdrawals=np.where(choices.withdraws[rows], float(venue.withdrawal_cost), 0.0),
    )


def draw(values: Floats, terms: Terms, propose: Propose, *, cash: Floats | float = 0.0) -> Plans:
    """Whole lots of what is proposed, none too small, paid for out of the trades and the cash.

    What trades cost is a share of them that depends on them, so they are proposed again at the
    share that the round before came to, until it is enough.
    """
    worth = values.sum(axis=1)
    purse = np.broadcast_to(np.asarray(cash, dtype=float), worth.shape)
    rate = terms.fee_rates.copy()
    for number in range(ROUNDS):
        placed = orders.place(
            propose(rate),
            values,
            np.ones(values.shape[1]),  # a lot is told by its worth
            rate,
            minimum=terms.minimum,
            lot_sizes=terms.lots,
            cash=purse,
        )
        paid = costs.trading_costs(
            placed.amounts,
            worth + purse,
            fee_rate=terms.fee_rates,
            half_spread=terms.half_spreads,
            daily_volatility=terms.daily_volatility,
            daily_volume=terms.daily_volume,
            volume_if_unknown=terms.assumed_volume,
        )
        traded = np.abs(placed.amounts).sum(axis=1)
        needed = np.divide(paid.total, traded, out=rate.copy(), where=traded > 0)
        if (np.abs(needed - rate) <= SETTLED * rate).all():
            break
        least = rate if number >= ROUNDS - LAST_ROUNDS else terms.fee_rates
        rate = np.minimum(np.maximum(least, needed), DEAREST)
    withdrawals = terms.withdrawals * (placed.amounts > 0).sum(axis=1)
    return Plans(
        amounts=placed.amounts,
        fees=paid.fees,
        spreads=paid.spreads,
        impacts=paid.impacts,
        withdrawals=withdrawals,
        tax=np.zeros_like(worth),
        taxes=np.zeros_like(placed.amounts),
        cost=paid.total + withdrawals,
        leftover_cash=np.maximum(purse - placed.amounts.sum(axis=1) - paid.total, 0.0),
        too_small=placed.too_small,
        rounded_away=placed.rounded_away,
        unfunded=placed.unfunded,
    )


def in_order(parts: list[tuple[Ids, Plans]]) -> Plans:
    """The plans of all venues as one, by the places that `by_venue` gave."""
    order = np.argsort(np.concatenate([places for places, _ in parts]))
    return Plans(
        **{
            field.name: np.concatenate([getattr(part, field.name) for _, part in parts])[order]
            for field in fields(Plans)
        }
    )


def none(n: int) -> Plans:
    """No plan at all, over n assets."""
    empty, flat, flags = np.zeros((0, n)), np.zeros(0), np.zeros((0, n), dtype=bool)
    return Plans(empty, empty, empty, empty, flat, flat, empty, flat, flat, flags, flags, flags)


def _lots(lot_value: float, closes: Floats) -> Floats:
    """What a lot of each asset is worth: the power of ten of units worth `lot_value` or less."""
    tradable = np.isfinite(closes) & (closes > 0) & (lot_value > 0)
    price = np.where(tradable, closes, 1.0)
    units = 10.0 ** np.floor(np.log10(max(lot_value, 1e-300) / price))
    return np.where(tradable, units * price, 0.0)


def _word(tier: str) -> str:
    return str(getattr(tier, "value", tier))
