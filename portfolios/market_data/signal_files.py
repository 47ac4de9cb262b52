"""Market signals from a directory of CSV files, one row a UTC day, blank for unknown.

Fetching (`files`, `open_text`) is apart from parsing (`parse`, `judge_jumps`; pure). A row gives a
`Reading` for each of its known figures, or is a `RejectedRow`: one bad row never costs its file.
"""

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import TextIO

from portfolios.market_data.candles import RejectedRow

BITCOIN = "BTC"
DOMINANCE = "btc_dominance"
# Bitcoin's share of the whole market moves by less than this in nearly every day; the known
# glitches of 2020-03-12 and 2024-01-31 are larger, and gone on the day after.
LARGEST_SURE_MOVE = 0.03
FUNDINGS_A_DAY = 3
ROW_EXCERPT_LENGTH = 500


class MissingSignalsError(ValueError):
    """There is nothing to import where the operator pointed."""


class _RowError(ValueError):
    """Why one row cannot be read."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One figure of one complete UTC day, of an asset's market or (no symbol) of all markets.

    `is_unconfirmed`: on its own day nothing confirmed so large a move.
    """

    name: str
    symbol: str
    date: date
    value: float
    source: str
    line: int
    row: str
    is_unconfirmed: bool = False


@dataclass(frozen=True)
class Column:
    """What a column holds: `scale` makes it a fraction; bounds are those of the column."""

    name: str
    least: float = 0.0
    most: float = math.inf
    scale: float = 1.0
    symbol: str = ""


@dataclass(frozen=True)
class Format:
    """A file's header, and what is taken from it; the rest is not understood, or derived."""

    header: tuple[str, ...]
    columns: dict[str, Column]


def _chain(name: str) -> Column:
    return Column(name, symbol=BITCOIN)


FORMATS = {
    "global.csv": Format(
        (
            "date", "btc_dominance", "total_market_cap", "btc_dominance_alt",
            "total3_ex_btc_eth", "total_market_cap_implied",
        ),
        {
            "btc_dominance": Column(DOMINANCE, most=100.0, scale=0.01),
            "total_market_cap": Column("total_market_cap"),
            "total3_ex_btc_eth": Column("altcoin_market_cap"),
        },
    ),
    "funding.csv": Format(
        ("date", "symbol", "funding_rate_8h_mean", "n_intervals"),
        # Exchanges cap the rate of eight hours, the wildest at 4 %.
        {"funding_rate_8h_mean": Column("funding_rate", least=-0.05, most=0.05)},
    ),
    "dvol.csv": Format(
        ("date", "symbol", "close"),
        {"close": Column("implied_volatility", most=1000.0, scale=0.01)},
    ),
    "onchain_btc.csv": Format(
        (
            "date", "active_addresses", "tx_count", "hash_rate_ths", "mvrv",
            "exchange_inflow_btc", "exchange_outflow_btc",
        ),
        {
            "active_addresses": _chain("active_addresses"),
            "tx_count": _chain("transactions"),
            "hash_rate_ths": _chain("hash_rate"),
            "mvrv": _chain("mvrv"),
            "exchange_inflow_btc": _chain("exchange_inflow"),
            "exchange_outflow_btc": _chain("exchange_outflow"),
        },
    ),
    "fear_greed.csv": Format(
        ("date", "fear_greed_index"), {"fear_greed_index": Column("fear_greed", most=100.0)}
    ),
}  # fmt: skip


def files(directory: Path) -> list[Path]:
    """The files of a directory whose names are known; some may be missing, not all."""
    if not directory.is_dir():
        raise MissingSignalsError(f"There is no directory {directory}.")
    found = [directory / name for name in sorted(FORMATS) if (directory / name).is_file()]
    if not found:
        raise MissingSignalsError(
            f"The directory {directory} has none of the files {', '.join(sorted(FORMATS))}."
        )
    return found


def open_text(path: Path) -> TextIO:
    """Open one file for `parse`. An undecodable byte spoils its row only, not the file."""
    return path.open(encoding="utf-8-sig", errors="replace", newline="")


def parse(lines: Iterable[str], *, source: str, today: date) -> Iterator[Reading | RejectedRow]:
    """Stream what the rows of the file named `source` tell; the header is line 1.

    A file with another header is one rejected row: none of its columns can be trusted. A day
    from `today` on is not complete. Of two good rows of one day, and symbol, the first counts.
    """
    rows, seen = iter(lines), set[tuple[date, str]]()
    header, needed = next(rows, "").rstrip("\r\n"), ",".join(FORMATS[source].header)
    if header != needed:
        yield _rejected(source, 1, f"The header must be {needed!r}.", header)
        return
    for number, line in enumerate(rows, start=2):
        text = line.rstrip("\r\n")
        if text.strip():
            try:
                yield from _readings(text, number, source, seen, today)
            except _RowError as error:
                yield _rejected(source, number, str(error), text)


def judge_jumps(readings: Iterable[Reading]) -> tuple[list[Reading], list[Reading]]:
    """Part jumps of Bitcoin's dominance that reversed, the second list, from all other readings.

    Day by day: a reading further than LARGEST_SURE_MOVE from the last one that was taken, and
    from the one before it, is unconfirmed on its day, and stays marked so, since nobody could
    know better then. When the next reading is back where the last sure one was it is a glitch.
    """
    by_series = sorted(readings, key=lambda reading: (reading.name, reading.symbol, reading.date))
    taken, glitches = list[Reading](), list[Reading]()
    for name, series in groupby(by_series, key=lambda reading: reading.name):
        if name == DOMINANCE:
            _judge(list(series), taken, glitches)
        else:
            taken += series
    return taken, glitches


def rejection(glitch: Reading) -> RejectedRow:
    """What the quarantine says of a jump that reversed."""
    reason = (
        f"{glitch.name} jumped to {glitch.value:.4f} on {glitch.date} and was back where it "
        "came from with the next reading."
    )
    return _rejected(glitch.source, glitch.line, reason, glitch.row)


def _judge(series: list[Reading], taken: list[Reading], glitches: list[Reading]) -> None:
    sure, waiting = series[0].value, list[Reading]()
    for reading in series:
        is_back = _near(reading.value, sure)
        if is_back or (waiting and _near(reading.value, waiting[-1].value)):
            (glitches if is_back else taken).extend(waiting)
            waiting, sure = [], reading.value
            taken.append(reading)
        else:
            waiting.append(replace(reading, is_unconfirmed=True))
    taken += waiting


def _near(value: float, other: float) -> bool:
    return abs(value - other) <= LARGEST_SURE_MOVE


def _readings(
    text: str, line: int, source: str, seen: set[tuple[date, str]], today: date
) -> list[Reading]:
    """What one row tells, and that its day and symbol have been seen."""
    expected, fields = FORMATS[source], _fields(text)
    if len(fields) != len(expected.header):
        raise _RowError(f"It has {len(fields)} columns instead of {len(expected.header)}.")
    row = dict(zip(expected.header, fields, strict=True))
    day, symbol = _day(row["date"], today), row.get("symbol", "").strip().upper()
    if "symbol" in row and not symbol:
        raise _RowError("The symbol is blank.")
    _require_all_fundings(row.get("n_intervals", ""))
    figures = [
        (column, value)
        for header, column in expected.columns.items()
        if (value := _figure(row[header], header, column)) is not None
    ]
    if (day, symbol) in seen:
        raise _RowError(f"The day {day} occurs a second time{symbol and f' for {symbol}'}.")
    seen.add((day, symbol))
    excerpt = text[:ROW_EXCERPT_LENGTH]
    return [
        Reading(column.name, symbol or column.symbol, day, value, source, line, excerpt)
        for column, value in figures
    ]


def _fields(text: str) -> Sequence[str]:
    try:
        return next(csv.reader([text], strict=True))
    except (csv.Error, StopIteration):
        raise _RowError("Its quotes do not match.") from None


def _day(text: str, today: date) -> date:
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise _RowError(f"The date {text[:40]!r} is not a date like 2024-12-31.") from None
    if day >= today:
        raise _RowError(f"The day {day} was not complete yet on {today}.")
    return day


def _require_all_fundings(text: str) -> None:
    if text.strip() and _number(text, "n_intervals") < FUNDINGS_A_DAY:
        raise _RowError(f"Only {text.strip()} of the day's {FUNDINGS_A_DAY} rates are in it.")


def _figure(text: str, header: str, column: Column) -> float | None:
    if not text.strip():
        return None
    value = _number(text, header)
    if not column.least <= value <= column.most:
        raise _RowError(
            f"The {header} of {value:g} is not between {column.least:g} and {column.most:g}."
        )
    return value * column.scale


def _number(text: str, header: str) -> float:
    stripped = text.strip()
    try:
        # float() also takes 1_000 and digits of other scripts, which no provider means.
        value = float(stripped) if stripped.isascii() and "_" not in stripped else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _RowError(f"The {header} {text[:40]!r} is not a finite number.")
    return value


def _rejected(source: str, line: int, reason: str, text: str) -> RejectedRow:
    # PostgreSQL cannot store NUL in a text column.
    return RejectedRow(source, line, reason, text[:ROW_EXCERPT_LENGTH].replace("\0", "\ufffd"))
