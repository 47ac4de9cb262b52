"""Rows of signal files: what they tell, what is refused, and which jumps were glitches."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolios.market_data import signal_files
from portfolios.market_data.candles import RejectedRow
from portfolios.market_data.signal_files import Reading

TODAY = date(2024, 2, 10)
START = date(2024, 1, 1)


def parse(source: str, *rows: str) -> list[Reading | RejectedRow]:
    header = ",".join(signal_files.FORMATS[source].header)
    return list(signal_files.parse([header, *rows], source=source, today=TODAY))


def told(rows: list[Reading | RejectedRow]) -> list[tuple[str, str, float]]:
    return [(row.name, row.symbol, row.value) for row in rows if isinstance(row, Reading)]


def dominance(*values: float) -> list[Reading]:
    return [
        Reading("btc_dominance", "", START + timedelta(days=n), value, "global.csv", n + 2, "")
        for n, value in enumerate(values)
    ]


def test_a_row_tells_each_of_its_known_figures_as_fractions() -> None:
    assert told(parse("global.csv", "2024-01-01,51.5,,52.8,4e11,1e12")) == [
        ("btc_dominance", "", pytest.approx(0.515)),
        ("altcoin_market_cap", "", 4e11),
    ]
    assert told(parse("funding.csv", "2024-01-01,eth,0.0001,")) == [("funding_rate", "ETH", 1e-4)]
    assert told(parse("dvol.csv", "2024-01-01,BTC,56.76")) == [
        ("implied_volatility", "BTC", pytest.approx(0.5676))
    ]
    assert told(parse("fear_greed.csv", "2024-01-01,24", "2024-01-02,")) == [("fear_greed", "", 24)]
    on_chain = told(parse("onchain_btc.csv", "2024-01-01,38733.0,32892,23.9,1.77,8.7,0"))
    assert {symbol for _, symbol, _ in on_chain} == {"BTC"}
    assert on_chain[-1] == ("exchange_outflow", "BTC", 0.0)  # zero is a figure, blank is none


@pytest.mark.parametrize(
    ("source", "row", "reason"),
    [
        ("global.csv", "2024-01-01,151,,,,", "btc_dominance of 151 is not between 0 and 100"),
        ("global.csv", "2024-01-01,-1,,,,", "btc_dominance of -1 is not between"),
        ("global.csv", "01.01.2024,51,,,,", "is not a date like 2024-12-31"),
        ("global.csv", "2024-02-10,51,,,,", "not complete yet on 2024-02-10"),
        ("global.csv", "2024-01-01,51", "2 columns instead of 6"),
        ("global.csv", '2024-01-01,"51,,,,', "quotes do not match"),
        ("dvol.csv", "2024-01-01,BTC,nan", "close 'nan' is not a finite number"),
        ("dvol.csv", "2024-01-01,BTC,1_0", "close '1_0' is not a finite number"),
        ("dvol.csv", "2024-01-01,,50", "symbol is blank"),
        ("funding.csv", "2024-01-01,BTC,0.9,3", "funding_rate_8h_mean of 0.9 is not between"),
        ("funding.csv", "2024-01-01,BTC,0.0001,2", "Only 2 of the day's 3 rates"),
        ("onchain_btc.csv", "2024-01-01,-5,1,1,1,1,1", "active_addresses of -5 is not between"),
        ("fear_greed.csv", "2024-01-01,101", "fear_greed_index of 101 is not between"),
        ("fear_greed.csv", "2024-01-01,1\0", "is not a finite number"),
    ],
)
def test_a_bad_row_is_named_by_file_line_and_reason(source: str, row: str, reason: str) -> None:
    good = {"fear_greed.csv": "2024-01-05,50"}.get(source)
    rows = parse(source, *([good] if good else []), row)
    assert isinstance(rows[-1], RejectedRow)
    assert reason in rows[-1].reason
    assert (rows[-1].source, rows[-1].line) == (source, 3 if good else 2)
    assert "\0" not in rows[-1].row
    assert len(rows) == (2 if good else 1)


def test_of_two_rows_of_one_day_and_symbol_the_first_counts() -> None:
    rows = parse("dvol.csv", "2024-01-01,BTC,50", "2024-01-01,ETH,60", "2024-01-01,btc,70")
    assert told(rows) == [("implied_volatility", "BTC", 0.5), ("implied_volatility", "ETH", 0.6)]
    assert "second time for BTC" in rows[-1].reason  # type: ignore[union-attr]


def test_a_file_with_another_header_is_one_refused_row() -> None:
    lines = ["date,dominance", "2024-01-01,50"]
    rows = list(signal_files.parse(lines, source="fear_greed.csv", today=TODAY))
    assert len(rows) == 1
    assert isinstance(rows[0], RejectedRow)
    assert "date,fear_greed_index" in rows[0].reason
    empty = list(signal_files.parse([], source="fear_greed.csv", today=TODAY))
    assert [row.line for row in empty if isinstance(row, RejectedRow)] == [1]


# Jumps


def test_a_jump_that_is_back_the_next_day_is_a_glitch() -> None:
    taken, glitches = signal_files.judge_jumps(dominance(0.50, 0.51, 0.60, 0.51, 0.52))
    assert [row.value for row in taken] == [0.50, 0.51, 0.51, 0.52]
    assert [row.value for row in glitches] == [0.60]
    assert not any(row.is_unconfirmed for row in taken)
    refused = signal_files.rejection(glitches[0])
    assert (refused.source, refused.line) == ("global.csv", 4)
    assert "jumped to 0.6000 on 2024-01-03" in refused.reason


def test_a_jump_that_lasts_is_taken_and_stays_unconfirmed_on_its_own_day() -> None:
    taken, glitches = signal_files.judge_jumps(dominance(0.50, 0.60, 0.61, 0.60))
    assert [row.value for row in taken] == [0.50, 0.60, 0.61, 0.60]
    assert [row.is_unconfirmed for row in taken] == [False, True, False, False]
    assert not glitches


def test_the_newest_reading_of_a_jump_waits_for_the_next_day() -> None:
    taken, glitches = signal_files.judge_jumps(dominance(0.50, 0.60))
    assert [row.is_unconfirmed for row in taken] == [False, True]
    assert not glitches


def test_other_signals_may_jump() -> None:
    rows = parse("fear_greed.csv", "2024-01-01,10", "2024-01-02,90", "2024-01-03,10")
    taken, glitches = signal_files.judge_jumps(row for row in rows if isinstance(row, Reading))
    assert len(taken) == 3
    assert not glitches


@given(st.lists(st.floats(0.3, 0.7), min_size=1, max_size=20), st.integers(1, 20))
def test_what_was_sure_on_a_day_never_changes_later(values: list[float], length: int) -> None:
    """What a day may use is the same whether the glitches before it are known yet or not."""

    def sure(readings: list[Reading]) -> dict[date, float]:
        taken, _ = signal_files.judge_jumps(readings)
        return {row.date: row.value for row in taken if not row.is_unconfirmed}

    last = START + timedelta(days=length)
    then, now = sure(dominance(*values[:length])), sure(dominance(*values))
    assert then == {day: value for day, value in now.items() if day < last}


@given(st.lists(st.floats(0.3, 0.7), min_size=1, max_size=20))
def test_every_reading_is_taken_or_a_glitch(values: list[float]) -> None:
    taken, glitches = signal_files.judge_jumps(dominance(*values))
    assert sorted(row.date for row in taken + glitches) == [row.date for row in dominance(*values)]
