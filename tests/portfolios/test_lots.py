"""Lots: a hand calculation, what holds for any history, and brute force beside it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolios.lots import (
    Acquisition,
    Conversion,
    Event,
    Matching,
    Method,
    Removal,
    TooFewLotsError,
    match,
)

COIN, TOKEN = 1, 2
START = datetime(2025, 1, 1, tzinfo=UTC)


def on(day: int) -> datetime:
    return START + timedelta(days=day)


def buy(day: int, quantity: object, cost: object, *, asset: int = COIN) -> Acquisition:
    known = None if cost is None else Decimal(str(cost))
    return Acquisition(day, on(day), asset, Decimal(str(quantity)), known)


def sell(day: int, quantity: object, proceeds: object, **fields: object) -> Removal:
    known = None if proceeds is None else Decimal(str(proceeds))
    fields = {"asset": COIN, **fields}
    return Removal(day, on(day), quantity=Decimal(str(quantity)), proceeds=known, **fields)


THREE = [buy(0, 1, 100), buy(1, 1, 300), buy(2, 1, 200), sell(400, "1.5", 600)]


@pytest.mark.parametrize(
    ("method", "parts"),
    [
        (Method.FIFO, [(0, "1", "100", "400", 400), (1, "0.5", "150", "200", 399)]),
        (Method.LIFO, [(2, "1", "200", "400", 398), (1, "0.5", "150", "200", 399)]),
        (Method.HIFO, [(1, "1", "300", "400", 399), (2, "0.5", "100", "200", 398)]),
    ],
)
def test_a_sale_of_one_and_a_half_by_hand(method, parts):
    matching = match(THREE, method=method)
    assert [
        (part.purchase, part.quantity, part.cost, part.proceeds, part.held_for.days)
        for part in matching.disposals
    ] == [
        (line, Decimal(quantity), Decimal(cost), Decimal(proceeds), days)
        for line, quantity, cost, proceeds, days in parts
    ]
    assert sum(lot.quantity for lot in matching.open_lots[COIN]) == Decimal("1.5")


def test_chosen_lots_come_first_and_the_oldest_for_the_rest():
    chosen = {400: [(2, Decimal("0.75"))]}
    matching = match(THREE, method=Method.SPECIFIC, choices=chosen)
    assert [(part.purchase, part.quantity) for part in matching.disposals] == [
        (2, Decimal("0.75")),
        (0, Decimal("0.75")),
    ]
    ignored = match(THREE, method=Method.FIFO, choices=chosen)
    assert ignored == match(THREE, method=Method.FIFO)


def test_a_choice_takes_no_more_than_there_is():
    chosen = {400: [(2, Decimal(9)), (7, Decimal(1))]}
    matching = match(THREE, method=Method.SPECIFIC, choices=chosen)
    assert [(part.purchase, part.quantity) for part in matching.disposals] == [
        (2, Decimal(1)),
        (0, Decimal("0.5")),
    ]


def test_what_nobody_knows_stays_unknown():
    events = [buy(0, 1, None), buy(1, 1, 100), sell(2, 2, 300)]
    first, second = match(events, method=Method.FIFO).disposals
    assert (first.cost, first.gain, second.gain) == (None, None, Decimal(50))
    assert [part.purchase for part in match(events, method=Method.HIFO).disposals] == [1, 0]
    unknown = match([buy(0, 1, 5), sell(1, 1, None)], method=Method.FIFO).disposals
    assert [part.gain for part in unknown] == [None]


def test_a_converted_token_keeps_its_costs_and_the_days_of_its_purchase():
    events = [
        buy(0, 1, 100),
        buy(1, 2, 400),
        buy(2, 5, 1, asset=TOKEN),
        Conversion(3, on(3), COIN, Decimal(3), TOKEN, Decimal(72000)),
    ]
    lots = match(events, method=Method.FIFO).open_lots
    assert [(lot.acquired_at, lot.quantity, lot.cost) for lot in lots[TOKEN]] == [
        (on(0), Decimal(24000), Decimal(100)),
        (on(1), Decimal(48000), Decimal(400)),
        (on(2), Decimal(5), Decimal(1)),
    ]
    assert COIN not in lots


def test_what_goes_elsewhere_takes_its_lots_along_and_gains_nothing():
    events = [buy(0, 1, 100), sell(1, 1, None, is_sale=False)]
    (part,) = match(events, method=Method.FIFO).disposals
    assert (part.is_sale, part.gain) == (False, None)


def test_in_one_moment_what_comes_in_is_there_before_what_goes_out():
    events = [sell(0, 1, 5), buy(0, 1, 3)]
    assert [part.gain for part in match(events, method=Method.FIFO).disposals] == [Decimal(2)]
    with pytest.raises(TooFewLotsError, match="1 of asset 1"):
        match([sell(0, 1, 5), buy(1, 1, 3)], method=Method.FIFO)


# --- What holds for any history -------------------------------------------------------------------

amounts = st.decimals(min_value="0.000000000000000001", max_value=10**6, places=18)
money = st.decimals(min_value=0, max_value=10**6, places=2)


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Purchases and sales in any order; never is more sold than is there."""
    events: list[Event] = []
    held = Decimal(0)
    with localcontext(prec=60):
        for day in range(draw(st.integers(1, 12))):
            if held > 0 and draw(st.booleans()):
                share = draw(st.sampled_from(["1", "0.5", "0.1"]))
                quantity = (held * Decimal(share)).quantize(Decimal("1e-18")) or held
                events.append(sell(day, quantity, draw(money)))
                held -= quantity
            else:
                quantity = draw(amounts)
                events.append(buy(day, quantity, draw(money)))
                held += quantity
    return events


def sums(events: list[Event], matching: Matching) -> Iterator[tuple[Decimal, Decimal]]:
    """(what came in, where it is now), of quantity, of cost and of proceeds."""
    bought = [each for each in events if isinstance(each, Acquisition)]
    sold = [each for each in events if isinstance(each, Removal)]
    left = [lot for lots in matching.open_lots.values() for lot in lots]
    gone = matching.disposals
    yield sum(e.quantity for e in bought), sum(p.quantity for p in [*gone, *left])
    yield sum(e.cost or 0 for e in bought), sum(p.cost or 0 for p in [*gone, *left])
    yield sum(e.proceeds or 0 for e in sold), sum(p.proceeds or 0 for p in gone)


@given(histories(), st.sampled_from(Method))
def test_quantities_costs_and_proceeds_are_conserved(events, method):
    with localcontext(prec=60):
        (quantity, still), (cost, costs), (proceeds, told) = sums(
            events, match(events, method=method)
        )
        assert quantity == still  # to the last decimal
        assert abs(cost - costs) < Decimal("1e-40")
        assert abs(proceeds - told) < Decimal("1e-40")


@given(histories(), st.sampled_from([Method.FIFO, Method.LIFO]))
def test_up_to_every_sale_no_method_gains_less_than_hifo(events, method):
    """From the first sale on, added up; of a single sale or a year it need not hold."""

    def gains(of: Method) -> list[Decimal]:
        total, sums = Decimal(0), {}
        for part in match(events, method=of).disposals:
            total += part.gain or Decimal(0)
            sums[part.line] = total
        return list(sums.values())

    with localcontext(prec=60):
        for least, other in zip(gains(Method.HIFO), gains(method), strict=True):
            assert least <= other + Decimal("1e-30")


def test_in_a_single_sale_hifo_may_gain_more():
    events = [buy(0, 1, 1), buy(1, 1, 9), sell(2, 1, 10), sell(3, 1, 10)]
    fifo, hifo = (match(events, method=m).disposals for m in (Method.FIFO, Method.HIFO))
    assert (fifo[1].gain, hifo[1].gain) == (Decimal(1), Decimal(9))


# --- Brute force ----------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 50)), min_size=1, max_size=12).filter(
        lambda moves: sum(is_buy for is_buy, _ in moves) <= 8
    )
)
def test_of_at_most_eight_lots_brute_force_finds_the_same(moves):
    """Lots of one unit: every way to assign them to the sales is tried."""
    events: list[Event] = []
    held = 0
    for day, (is_buy, price) in enumerate(moves):
        if is_buy:
            events.append(buy(day, 1, price))
            held += 1
        elif held:
            events.append(sell(day, 1, 100))
            held -= 1
    bought = [event for event in events if isinstance(event, Acquisition)]
    sold = [event for event in events if isinstance(event, Removal)]
    ways = [
        way
        for way in permutations(bought, len(sold))
        if all(lot.at < sale.at for lot, sale in zip(way, sold, strict=True))
    ]

    def taken(method: Method) -> list[int]:
        return [part.purchase for part in match(events, method=method).disposals]

    if sold:
        assert taken(Method.FIFO) == [
            lot.line for lot in min(ways, key=lambda w: [x.at for x in w])
        ]
        assert taken(Method.LIFO) == [
            lot.line for lot in max(ways, key=lambda w: [x.at for x in w])
        ]
        dearest = max(sum(lot.cost or 0 for lot in way) for way in ways)
        costs = {lot.line: lot.cost or Decimal(0) for lot in bought}
        assert sum(costs[line] for line in taken(Method.HIFO)) == dearest
