"""Daily CSV files: what becomes a candle, what is rejected and why, and that the rest goes in."""

import math
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolios.market_data import csv_directory
from portfolios.market_data.candles import Candle, RejectedRow

HEADER = "date,open,high,low,close,volume,market_cap\n"
GOOD = "2024-01-02,10,12,9,11,500,9000\n"
TODAY = date(2025, 1, 1)


def parse(*rows: str, header: str = HEADER) -> list[Candle | RejectedRow]:
    return list(csv_directory.parse([header, *rows], source="X.csv", today=TODAY))


def rejected(row: str, *before: str) -> RejectedRow:
    found = parse(*before, row)[-1]
    assert isinstance(found, RejectedRow)
    return found


def test_a_good_row_becomes_a_candle() -> None:
    assert parse(GOOD) == [Candle(date(2024, 1, 2), 10.0, 12.0, 9.0, 11.0, 500.0, 9000.0)]


def test_blanks_are_unknown_except_in_the_close() -> None:
    assert parse("2024-01-02,,,,11,,\n") == [
        Candle(date(2024, 1, 2), None, None, None, 11.0, None, None)
    ]
    assert rejected("2024-01-02,10,12,9,,500,9000\n").reason == "The close is blank."


def test_a_market_cap_of_zero_is_unknown_and_a_volume_of_zero_is_a_quiet_day() -> None:
    for row in ("2024-01-02,10,12,9,11,0,0\n", '2024-01-02,10,12,9,11,"0","0"\n'):
        (candle,) = parse(row)
        assert isinstance(candle, Candle)
        assert candle.volume == 0.0
        assert candle.market_cap is None


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2024-01-02,10,12,9,11,500\n", "It has 6 columns instead of 7."),
        ("2024-01-02,10,12,9,11,500,9000,\n", "It has 8 columns instead of 7."),
        (
            "02.01.2024,10,12,9,11,500,9000\n",
            "The date '02.01.2024' is not a date like 2024-12-31.",
        ),
        (
            "2024-02-30,10,12,9,11,500,9000\n",
            "The date '2024-02-30' is not a date like 2024-12-31.",
        ),
        ("2024-01-02,ten,12,9,11,500,9000\n", "The open 'ten' is not a finite number."),
        ("2024-01-02,10,12,9,nan,500,9000\n", "The close 'nan' is not a finite number."),
        ("2024-01-02,10,inf,9,11,500,9000\n", "The high 'inf' is not a finite number."),
        ("2024-01-02,10,12,9,11,1e999,9000\n", "The volume '1e999' is not a finite number."),
        ("2024-01-02,10,12,9,11,500,9_000\n", "The market_cap '9_000' is not a finite number."),
        ("2024-01-02,10,12,9,11,500,٩\n", "The market_cap '٩' is not a finite number."),
        ("2024-01-02,10,12,9,0,500,9000\n", "The close of 0.0 is not positive."),
        ("2024-01-02,-10,12,9,11,500,9000\n", "The open of -10.0 is not positive."),
        ("2024-01-02,10,12,9,11,-1,9000\n", "The volume of -1.0 is negative."),
        ("2024-01-02,10,12,9,11,500,-1\n", "The market_cap of -1.0 is negative."),
        ("2024-01-02,,8,9,8.5,500,9000\n", "The high of 8.0 is below the low of 9.0."),
        ("2024-01-02,13,12,9,11,500,9000\n", "The open of 13.0 is above the high of 12.0."),
        ("2024-01-02,10,12,9,8,500,9000\n", "The close of 8.0 is below the low of 9.0."),
        (
            "2025-01-01,10,12,9,11,500,9000\n",
            "The day 2025-01-01 was not complete yet on 2025-01-01.",
        ),
        ('2024-01-02,"10,12,9,11,500,9000\n', "Its quotes do not match."),
    ],
)
def test_a_bad_row_is_rejected_with_its_reason_and_the_rest_goes_in(row: str, reason: str) -> None:
    first, bad, last = parse("2024-01-01,1,1,1,1,,\n", row, "2024-01-03,1,1,1,1,,\n")
    assert bad == RejectedRow("X.csv", 3, reason, row.rstrip("\n"))
    assert isinstance(first, Candle)
    assert isinstance(last, Candle)


def test_yesterday_is_complete() -> None:
    (candle,) = parse("2024-12-31,10,12,9,11,500,9000\n")
    assert isinstance(candle, Candle)


def test_the_second_row_of_a_day_is_rejected_and_a_bad_first_one_does_not_count() -> None:
    assert (
        rejected("2024-01-02,1,1,1,1,,\n", GOOD).reason
        == "The day 2024-01-02 occurs a second time."
    )
    bad, good = parse("2024-01-02,10,12,9,0,500,9000\n", GOOD)
    assert isinstance(bad, RejectedRow)
    assert isinstance(good, Candle)


def test_rows_may_descend() -> None:
    days = [row[0] for row in parse(GOOD, "2024-01-01,1,1,1,1,,\n") if isinstance(row, Candle)]
    assert days == [date(2024, 1, 2), date(2024, 1, 1)]


def test_rounding_widens_the_range_instead_of_rejecting_the_row() -> None:
    (candle,) = parse("2024-01-02,10,12,9,12.000001,500,9000\n")
    assert isinstance(candle, Candle)
    assert candle.high == candle.close == 12.000001


def test_a_stray_quote_costs_one_row_and_not_the_rest_of_the_file() -> None:
    rows = parse('2024-01-01,"1,1,1,1,,\n', GOOD, "2024-01-03,1,1,1,1,,\n")
    assert [type(row) for row in rows] == [RejectedRow, Candle, Candle]


def test_blank_lines_are_no_rows_but_count_as_lines() -> None:
    rows = parse("\n", GOOD, "  \n", "bad\n", "\n")
    assert isinstance(rows[0], Candle)
    assert isinstance(rows[1], RejectedRow)
    assert (len(rows), rows[1].line) == (2, 5)


def test_a_rejected_row_is_kept_short_and_fit_for_the_database() -> None:
    row = rejected("\0" + "9" * 10_000)
    assert len(row.row) == 500
    assert "\0" not in row.row + row.reason


@pytest.mark.parametrize("header", ["", "Date,Open,High,Low,Close,Volume\n", GOOD, "date;open\n"])
def test_a_wrong_header_is_refused_at_once_naming_file_and_both_headers(header: str) -> None:
    with pytest.raises(csv_directory.HeaderError) as caught:
        csv_directory.parse([header, GOOD], source="X.csv", today=TODAY)
    message = str(caught.value)
    assert "X.csv" in message
    assert repr(header.rstrip()) in message
    assert HEADER.rstrip() in message


def test_the_file_is_streamed() -> None:
    taken = 0

    def lines() -> Iterator[str]:
        nonlocal taken
        for line in (HEADER, GOOD, "2024-01-03,1,1,1,1,,\n"):
            taken += 1
            yield line

    rows = csv_directory.parse(lines(), source="X.csv", today=TODAY)
    next(rows)
    assert taken == 2


def test_files_are_the_csv_files_by_name(tmp_path: Path) -> None:
    for name in ("ETH.csv", "BTC.CSV", "notes.txt", ".hidden.csv"):
        (tmp_path / name).touch()
    (tmp_path / "directory.csv").mkdir()
    assert [path.name for path in csv_directory.files(tmp_path)] == ["BTC.CSV", "ETH.csv"]


def test_a_missing_or_empty_directory_says_so(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "missing"):
        with pytest.raises(csv_directory.MissingFilesError, match=str(directory)):
            csv_directory.files(directory)


def test_headers_of_all_files_can_be_checked_before_any_row(tmp_path: Path) -> None:
    (tmp_path / "A.csv").write_text(HEADER + GOOD)
    csv_directory.check_headers(csv_directory.files(tmp_path))
    (tmp_path / "B.csv").write_text("time,price\n")
    with pytest.raises(csv_directory.HeaderError, match=r"B\.csv"):
        csv_directory.check_headers(csv_directory.files(tmp_path))


def test_a_byte_order_mark_and_windows_line_ends_are_read_and_bad_bytes_cost_one_row(
    tmp_path: Path,
) -> None:
    path = tmp_path / "A.csv"
    rows = (HEADER + GOOD).replace("\n", "\r\n").encode()
    path.write_bytes(
        b"\xef\xbb\xbf" + rows + b"2024-01-03,\xff,1,1,1,,\r\n2024-01-04,1,1,1,1,,\r\n"
    )
    with csv_directory.open_text(path) as lines:
        found = list(csv_directory.parse(lines, source=path.name, today=TODAY))
    assert [type(row) for row in found] == [Candle, RejectedRow, Candle]


cells = st.one_of(
    st.just(""),
    st.floats().map(repr),
    st.floats(0.5, 2).map(repr),
    st.sampled_from(["1", "1.0", "0", "-1", " 1 ", "1_0", "٩", "x"]),
)
days = st.one_of(
    st.dates(date(2024, 12, 25), date(2025, 1, 3)).map(str), st.sampled_from(["", "x", "20240101"])
)
lines = st.one_of(
    st.builds(
        lambda day, row: ",".join([day, *row]), days, st.lists(cells, min_size=6, max_size=6)
    ),
    st.text(st.characters(exclude_characters="\r\n"), max_size=40),
)


@given(st.lists(lines, max_size=20))
def test_every_row_is_either_a_sound_candle_or_rejected(rows: list[str]) -> None:
    found = parse(*rows)
    assert len(found) == sum(bool(row.strip()) for row in rows)
    candles = [row for row in found if isinstance(row, Candle)]
    assert len({candle.date for candle in candles}) == len(candles)
    for candle in candles:
        known = [number for number in candle[1:] if number is not None]
        assert all(math.isfinite(number) and number >= 0 for number in known)
        prices = [price for price in candle[1:5] if price is not None]
        assert min(prices) > 0
        assert candle.high in (None, max(prices))
        assert candle.low in (None, min(prices))
        assert candle.date < TODAY


@given(st.lists(lines.filter(lambda line: '"' not in line), max_size=20))
def test_quoting_every_field_changes_no_verdict(rows: list[str]) -> None:
    # Quoted rows are read by the careful path, plain good ones by the fast path.
    quoted = [
        ",".join(f'"{field}"' for field in row.split(",")) if row.strip() else "" for row in rows
    ]
    plain, careful = parse(*rows), parse(*quoted)
    assert [row for row in plain if isinstance(row, Candle)] == [
        row for row in careful if isinstance(row, Candle)
    ]
    assert [row.reason for row in plain if isinstance(row, RejectedRow)] == [
        row.reason for row in careful if isinstance(row, RejectedRow)
    ]


def read(path: Path, today: date = TODAY) -> list[Candle | RejectedRow]:
    with csv_directory.open_text(path) as opened:
        return list(csv_directory.parse(opened, source=path.name, today=today))


def test_every_real_row_is_read_as_pandas_reads_it(market_directory: Path) -> None:
    for path in csv_directory.files(market_directory):
        rows = read(path)
        assert [row for row in rows if isinstance(row, RejectedRow)] == []
        table = pd.read_csv(path)
        expected = table.astype(object).where(table.notna(), None)
        assert [(str(row[0]), *row[1:]) for row in rows if isinstance(row, Candle)] == list(
            expected.itertuples(index=False, name=None)
        )


def test_known_extremes_of_bitcoin_are_on_their_days(market_directory: Path) -> None:
    rows = read(market_directory / "BTC.csv")
    candles = {row.date: row for row in rows if isinstance(row, Candle)}
    assert candles[date(2018, 12, 15)].low == 3156.26
    assert candles[date(2021, 11, 10)].high == 69_000
    assert candles[date(2022, 11, 21)].low == 15_476
    assert candles[date(2024, 3, 14)].high == 73_777


def test_real_days_from_today_on_are_held_back(market_directory: Path) -> None:
    today = date(2024, 12, 30)
    rows = read(market_directory / "ETH.csv", today=today)
    assert [row.reason.split()[2] for row in rows if isinstance(row, RejectedRow)] == [
        "2024-12-30",
        "2024-12-31",
    ]
