"""Rows that belong together are one transaction, or balances that are right without a cost."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from portfolios.importers.entries import Leg
from portfolios.importers.movements import APART, Movement, combine
from tests.portfolios.importers.conftest import read, told

AT = datetime(2024, 1, 1, tzinfo=UTC)


def moved(*rows: tuple[str, int, int]) -> list[Movement]:
    return [
        Movement(line, AT, symbol, Decimal(amount), Decimal(fee))
        for line, (symbol, amount, fee) in enumerate(rows, start=2)
    ]


def test_fills_of_one_trade_add_up():
    entries = combine(
        moved(("EUR", -10, 0), ("BTC", 1, 0), ("EUR", -20, 0), ("BTC", 2, 0), ("BNB", 0, 3)),
        external_id="x",
    )
    assert [told(entry) for entry in entries] == ["buy +3 BTC -30 EUR fee 3 BNB"]
    assert entries[0].external_id == "x"


def test_a_second_asset_of_fees_is_a_transaction_of_its_own():
    entries = combine(moved(("EUR", -10, 1), ("BTC", 1, 0), ("BNB", 0, 3)), external_id="x")
    assert [told(entry) for entry in entries] == ["buy +1 BTC -10 EUR fee 1 EUR", "fee fee 3 BNB"]
    assert [entry.external_id for entry in entries] == ["x", "x#2"]


def test_what_cannot_be_told_apart_stands_for_itself_and_says_so():
    entries = combine(moved(("EUR", -10, 0), ("BTC", 1, 0), ("ETH", 2, 0)))
    assert [told(entry) for entry in entries] == [
        "deposit +1 BTC", "deposit +2 ETH", "withdrawal -10 EUR",
    ]  # fmt: skip
    assert {entry.note for entry in entries} == {APART}


def test_what_was_taken_back_is_nothing():
    assert combine(moved(("BTC", -1, 0), ("BTC", 1, 0))) == []


@given(
    st.lists(
        st.tuples(st.sampled_from(["BTC", "ETH", "EUR"]), st.integers(-5, 5), st.integers(-3, 3)),
        min_size=1,
        max_size=8,
    )
)
def test_balances_move_as_the_rows_say_however_they_are_combined(rows):
    expected: Counter[str] = Counter()
    for symbol, amount, fee in rows:
        expected[symbol] += amount - fee
    found: Counter[str] = Counter()
    for entry in combine(moved(*rows)):
        for leg, sign in ((entry.received, 1), (entry.sent, -1), (entry.fee, -1)):
            if leg is not None:
                found[leg.symbol] += sign * int(leg.quantity)
    assert {k: v for k, v in found.items() if v} == {k: v for k, v in expected.items() if v}


def test_sums_keep_every_digit_that_a_balance_has():
    many = "12345678901234567890.123456789012345678"
    text = (
        "UTC_Time,Account,Operation,Coin,Change,Remark\n"
        f"2024-05-16 12:57:55,Spot,Buy,AAA,-{many},\n"
        "2024-05-16 12:57:55,Spot,Buy,AAA,-0.000000000000000001,\n"
        "2024-05-16 12:57:55,Spot,Buy,BBB,1,\n"
    )
    (entry,) = read(text).entries
    assert entry.sent == Leg("AAA", Decimal("12345678901234567890.123456789012345679"))
