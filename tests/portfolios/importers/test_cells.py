"""A cell means one number, one moment or one ticker, or it is refused with a sentence."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolios.importers import cells
from portfolios.importers.entries import RowRefused
from tests.portfolios.importers.conftest import NOW


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1234.5", "1234.5"),
        ("€82,304.00", "82304"),
        ("$1,234,567.89", "1234567.89"),
        ("-0.03135060", "-0.0313506"),
        ("\N{MINUS SIGN}7", "-7"),
        ("9.1E-7", "0.00000091"),
        ("1e3", "1000"),
        ("1'234.50", "1234.5"),
        ("1 234.50", "1234.5"),
        ("1\N{NO-BREAK SPACE}234", "1234"),
        ("0,5", "0.5"),
        (".5", "0.5"),
        ("+3", "3"),
        ("1,234", "1234"),
        ("0.9049715199999999", "0.9049715199999999"),
        ("0.041427214681599996999", "0.041427214681599997"),
        ("0", "0"),
        ("0E-400", "0"),
    ],
)
def test_a_number_is_read_as_a_person_reads_it(text, number):
    assert cells.number(text) == Decimal(number)


@pytest.mark.parametrize(
    ("text", "number"),
    [("1.234,5", "1234.5"), ("1,234", "1.234"), ("1.234", "1234"), ("12,5 €", "12.5"), ("7", "7")],
)
def test_where_commas_mark_decimals_points_mark_thousands(text, number):
    assert cells.number(text, decimal_comma=True) == Decimal(number)


@pytest.mark.parametrize(
    "text",
    ["NaN", "nan", "sNaN", "Infinity", "-inf", "1e999999999", "1e-999999", "1e20", "abc", "1.2.3",
     "1,23,4", "0x10", "1_000", "½", "١٢", "--1", "1e", "<invalid>", "=1+1", "9" * 100, "1e-19"],
)  # fmt: skip
def test_what_is_no_number_of_a_balance_is_refused(text):
    with pytest.raises(RowRefused, match="“"):
        cells.number(text)


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=18, min_value=-(10**19), max_value=10**19
    )
)
def test_whatever_style_a_balance_is_written_in_it_is_the_same_number(number):
    assert cells.number(f"{number:f}") == number
    assert cells.number(f"{number:,f}") == number
    swapped = f"{number:,f}".translate(str.maketrans(",.", ".,"))
    assert cells.number(swapped, decimal_comma=True) == number
    assert cells.number(f"€ {number:E}") == number


@given(st.text(max_size=90))
def test_any_text_is_a_number_in_bounds_or_refused(text):
    try:
        number = cells.number(text)
    except RowRefused:
        return
    assert abs(number) < 10**20
    assert number == number.quantize(cells.SMALLEST, context=cells.EXACT)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2021-04-14T09:00:00Z", "2021-04-14 09:00:00"),
        ("2024-12-19 17:59:59 UTC", "2024-12-19 17:59:59"),
        ("2021-02-02 13:30:51.7025", "2021-02-02 13:30:51.7025"),
        ("2021-02-02T13:30:51+02:00", "2021-02-02 11:30:51"),
        ("20.09.2019 13:00:00", "2019-09-20 13:00:00"),
        ("16-09-2021", "2021-09-16 12:00:00"),
        ("17/11/2021 5:06 PM", "2021-11-17 17:06:00"),
        ("17/11/2021 12:06 AM", "2021-11-17 00:06:00"),
        ("20210405", "2021-04-05 12:00:00"),
        ("2021/4/5", "2021-04-05 12:00:00"),
        ("1659085200000", "2022-07-29 09:00:00"),
        ("1659085200", "2022-07-29 09:00:00"),
    ],
)
def test_a_moment_is_read_in_utc(text, moment):
    found = cells.moment(text, zone=UTC, day_first=True, latest=NOW)
    assert found == datetime.fromisoformat(moment).replace(tzinfo=UTC)


def test_a_time_without_a_zone_is_local_and_a_day_alone_is_the_same_day_everywhere():
    berlin = ZoneInfo("Europe/Berlin")
    local = cells.moment("2021-07-01 01:30", zone=berlin, day_first=True, latest=NOW)
    assert local == datetime(2021, 6, 30, 23, 30, tzinfo=UTC)
    named = cells.moment("2021-07-01 01:30 UTC", zone=berlin, day_first=True, latest=NOW)
    assert named == datetime(2021, 7, 1, 1, 30, tzinfo=UTC)
    day = cells.moment("2021-07-01", zone=berlin, day_first=True, latest=NOW)
    assert day == datetime(2021, 7, 1, 12, tzinfo=UTC)


def test_month_and_day_change_places_where_the_file_says_so():
    found = cells.moment("03/04/2021", zone=UTC, day_first=False, latest=NOW)
    assert found.date().isoformat() == "2021-03-04"
    points = cells.moment("03.04.2021", zone=UTC, day_first=False, latest=NOW)
    assert points.date().isoformat() == "2021-04-03"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("16/09/21", "“16/09/21” has a year of two digits. Write all four."),
        ("20500606", "“20500606” lies in the future."),
        ("2021-02-30", "“2021-02-30” is not a day of the calendar."),
        ("2008-12-31", "“2008-12-31” is before the first Bitcoin."),
        ("yesterday", "“yesterday” is not a date such as 2021-04-14 or 2021-04-14 09:00:00."),
        ("2021-04-14 25:00", "“2021-04-14 25:00” is not a day of the calendar."),
        ("14/04/2021 13:00 PM", "“14/04/2021 13:00 PM” is not a day of the calendar."),
    ],
)
def test_what_is_no_moment_of_a_ledger_says_why(text, reason):
    with pytest.raises(RowRefused) as refusal:
        cells.moment(text, zone=UTC, day_first=True, latest=NOW)
    assert str(refusal.value) == reason


@given(st.text(max_size=60) | st.from_regex(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}( \d\d:\d\d)?"))
def test_any_text_is_a_moment_of_the_past_or_refused(text):
    try:
        found = cells.moment(text, zone=ZoneInfo("Asia/Kolkata"), day_first=True, latest=NOW)
    except RowRefused:
        return
    assert found.tzinfo is UTC
    assert found.date() >= cells.FIRST_DAY
    assert found <= NOW


def test_the_dates_of_a_file_tell_their_order_together():
    assert cells.day_order(["03/04/2021", "16/04/2021"]) is True
    assert cells.day_order(["03/04/2021", "04/16/2021"]) is False
    assert cells.day_order(["03/04/2021", "05/06/2021"]) is None
    assert cells.day_order(["04/04/2021", "2021-05-06", "03.04.2021"]) is True


def test_the_numbers_of_a_file_tell_what_a_comma_is_together():
    assert cells.writes_decimal_commas(["1,234", "0,5"]) is True
    assert cells.writes_decimal_commas(["1,234", "1,234.5"]) is False
    assert cells.writes_decimal_commas(["1,234", "0.5"]) is False
    assert cells.writes_decimal_commas(["1,234", "12"]) is None
    assert cells.writes_decimal_commas(["12", "13"]) is False


@pytest.mark.parametrize("text", ["<invalid>", "A B", "", "é", "B" * 81, "A\nB"])
def test_what_is_no_ticker_is_refused(text):
    with pytest.raises(RowRefused):
        cells.symbol(text)


def test_a_ticker_has_capitals_and_an_address_is_left_as_it_is():
    assert cells.symbol("btc") == "BTC"
    assert cells.symbol("eip155:1/erc20:0xA0b8") == "eip155:1/erc20:0xA0b8"
