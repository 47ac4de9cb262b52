"""Rows that take more than is there are found, and without them nothing falls below zero."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from portfolios.services import shortfalls
from portfolios.services.shortfalls import Move, Shortfall

START = datetime(2024, 1, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def move(number: int, *, brings: dict[int, int] | None = None, takes: dict[int, int] | None = None):
    def exact(side: dict[int, int] | None) -> dict[int, Decimal]:
        return {asset: Decimal(quantity) for asset, quantity in (side or {}).items()}

    return Move(day(number), exact(brings), exact(takes))


def test_a_row_that_takes_more_than_is_there_says_how_much_is_missing():
    moves = [move(1, brings={1: 5}), move(2, takes={1: 7}), move(3, takes={1: 5})]
    assert shortfalls.find(moves, {}) == {1: Shortfall(1, Decimal(2))}


def test_what_the_ledger_needs_later_cannot_be_taken_now():
    ledger = {1: [(day(0), Decimal(5)), (day(9), Decimal(-4))]}
    assert shortfalls.find([move(5, takes={1: 1})], ledger) == {}
    assert shortfalls.find([move(5, takes={1: 2})], ledger) == {0: Shortfall(1, Decimal(1))}
    assert shortfalls.find([move(5, brings={1: 1}), move(6, takes={1: 2})], ledger) == {}


def test_in_one_moment_the_order_of_rows_does_not_matter():
    moves = [move(1, brings={2: 1}, takes={1: 3}), move(1, brings={1: 3})]
    assert shortfalls.find(moves, {}) == {}
    assert shortfalls.find(moves[:1], {}) == {0: Shortfall(1, Decimal(3))}


def test_what_a_row_brings_pays_for_its_own_fee():
    assert shortfalls.find([move(1, brings={1: 5}, takes={1: 1})], {}) == {}


SIDES = st.dictionaries(st.integers(1, 3), st.integers(1, 4), max_size=2)
MOVES = st.lists(st.builds(move, st.integers(0, 5), brings=SIDES, takes=SIDES), max_size=12)
LEDGER = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 3), st.integers(1, 5)), max_size=5)


@given(MOVES, LEDGER)
def test_without_the_rows_found_nothing_ever_falls_below_zero(moves, deposits):
    moves.sort(key=lambda each: each.at)
    ledger: dict[int, list[tuple[datetime, Decimal]]] = {}
    for number, asset, quantity in deposits:  # each is taken out again at the end
        ledger.setdefault(asset, []).append((day(number), Decimal(quantity)))
        ledger[asset].append((day(6), Decimal(-quantity)))
    short = shortfalls.find(moves, ledger)
    left = [each for place, each in enumerate(moves) if place not in short]
    moments = sorted(
        {each.at for each in left} | {at for rows in ledger.values() for at, _ in rows}
    )
    for moment in moments:
        held: Counter[int] = Counter()
        for each in left:
            if each.at <= moment:
                held.update(each.brings)
                held.subtract(each.takes)
        for asset, rows in ledger.items():
            held[asset] += sum(quantity for at, quantity in rows if at <= moment)
        assert all(quantity >= 0 for quantity in held.values())
    assert all(found.missing > 0 for found in short.values())


@given(MOVES)
def test_a_history_that_never_falls_below_zero_loses_nothing(moves):
    moves.sort(key=lambda each: each.at)
    plenty = {asset: [(START - timedelta(days=1), Decimal(1000))] for asset in (1, 2, 3)}
    assert shortfalls.find(moves, plenty) == {}
