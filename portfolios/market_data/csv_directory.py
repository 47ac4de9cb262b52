"""Daily prices from a directory of SYMBOL.csv files, one row a UTC day, blank for unknown.

Fetching (`files`, `open_text`) is apart from parsing (`parse`, pure). A row is either a
`Candle` or a `RejectedRow`: one bad row never costs the rest of its file.
"""

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TextIO

from portfolios.market_data.candles import Candle, RejectedRow

COLUMNS = ("date", "open", "high", "low", "close", "volume", "market_cap")
# Providers round the four prices of a candle separately; more than this is an error, not rounding.
ROUNDING_TOLERANCE = 1e-6
ROW_EXCERPT_LENGTH = 500
VALUE_EXCERPT_LENGTH = 40


class MissingFilesError(ValueError):
    """There is nothing to import where the operator pointed."""


class HeaderError(ValueError):
    """The file is not in the expected format, so none of its rows can be trusted."""


class _RowError(ValueError):
    """Why one row cannot become a candle."""


def files(directory: Path) -> list[Path]:
    """The CSV files of a directory, by name."""
    if not directory.is_dir():
        raise MissingFilesError(f"There is no directory {directory}.")
    found = [path for path in directory.iterdir() if _is_daily_file(path)]
    if not found:
        raise MissingFilesError(f"The directory {directory} has no .csv file.")
    return sorted(found)


def open_text(path: Path) -> TextIO:
    """Open one file for `parse`. An undecodable byte spoils its row only, not the file."""
    return path.open(encoding="utf-8-sig", errors="replace")


def check_headers(paths: Iterable[Path]) -> None:
    """Raise HeaderError for the first file of another format, before any row is read."""
    for path in paths:
        with open_text(path) as lines:
            _check_header(next(iter(lines), ""), path.name)


def parse(lines: Iterable[str], *, source: str, today: date) -> Iterator[Candle | RejectedRow]:
    """Stream the rows of one file in their order; the header is line 1.

    The header is checked at once, by this call, not at the first row. A day from `today` on is
    rejected: its candle is still open. Of two good rows with one date the first counts. Blank
    lines are no rows. A market cap of zero is a provider's way to say unknown.
    """
    rows = iter(lines)
    _check_header(next(rows, ""), source)
    return _rows(rows, source, today)


def _is_daily_file(path: Path) -> bool:
    return path.suffix.lower() == ".csv" and not path.name.startswith(".") and path.is_file()


def _check_header(header: str, source: str) -> None:
    needed = ",".join(COLUMNS)
    found = header.rstrip("\r\n")
    if found != needed:
        raise HeaderError(
            f"{source} starts with {_excerpt(found, 200)!r} but its header must be {needed!r}."
        )


def _rows(rows: Iterator[str], source: str, today: date) -> Iterator[Candle | RejectedRow]:
    # The fast path takes good rows in one expression; whatever it does not take,
    # `_candle` decides, and it alone defines what a good row is. Lines are split by hand
    # because a csv.reader would swallow the rest of the file after one stray quote.
    seen: set[date] = set()
    parse_day, number, new, infinity = date.fromisoformat, float, tuple.__new__, math.inf
    for line_number, line in enumerate(rows, start=2):
        try:
            day_text, o, h, lo, c, v, cap = line.rstrip().split(",")
            day = parse_day(day_text)
            opened, high, low, close = number(o), number(h), number(lo), number(c)
            volume = number(v) if v else None
            market_cap = (number(cap) or None) if cap else None
            good = (
                0.0 < low <= opened <= high < infinity
                and low <= close <= high
                and (volume is None or 0.0 <= volume < infinity)
                and (market_cap is None or 0.0 <= market_cap < infinity)
                and day < today
                and day not in seen
                and "_" not in line
                and line.isascii()
            )
        except ValueError:
            good = False
        if good:
            seen.add(day)
            yield new(Candle, (day, opened, high, low, close, volume, market_cap))
        elif line.strip():
            yield _examine(line.rstrip("\r\n"), line_number, source, today, seen)


def _examine(
    line: str, line_number: int, source: str, today: date, seen: set[date]
) -> Candle | RejectedRow:
    try:
        candle = _candle(line, today, seen)
    except _RowError as error:
        return RejectedRow(source, line_number, str(error), _excerpt(line))
    seen.add(candle.date)
    return candle


def _candle(line: str, today: date, seen: set[date]) -> Candle:
    fields = _fields(line)
    if len(fields) != len(COLUMNS):
        raise _RowError(f"It has {len(fields)} columns instead of {len(COLUMNS)}.")
    day = _day(fields[0], today, seen)
    numbers = [_number(text, column) for text, column in zip(fields[1:], COLUMNS[1:], strict=True)]
    opened, high, low, close, volume, market_cap = numbers
    if close is None:
        raise _RowError("The close is blank.")
    for column, price in zip(COLUMNS[1:5], numbers[:4], strict=True):
        if price is not None and price <= 0:
            raise _RowError(f"The {column} of {price} is not positive.")
    for column, amount in (("volume", volume), ("market_cap", market_cap)):
        if amount is not None and amount < 0:
            raise _RowError(f"The {column} of {amount} is negative.")
    high, low = _price_range(opened, high, low, close)
    return Candle(day, opened, high, low, close, volume, market_cap or None)


def _fields(line: str) -> Sequence[str]:
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line], strict=True))
    except (csv.Error, StopIteration):
        raise _RowError("Its quotes do not match.") from None


def _day(text: str, today: date, seen: set[date]) -> date:
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise _RowError(f"The date {_quote(text)} is not a date like 2024-12-31.") from None
    if day >= today:
        raise _RowError(f"The day {day} was not complete yet on {today}.")
    if day in seen:
        raise _RowError(f"The day {day} occurs a second time.")
    return day


def _number(text: str, column: str) -> float | None:
    stripped = text.strip()
    if not stripped:
        return None
    try:
        # float() also takes 1_000 and digits of other scripts, which no provider means.
        value = float(stripped) if stripped.isascii() and "_" not in stripped else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _RowError(f"The {column} {_quote(text)} is not a finite number.")
    return value


def _price_range(
    opened: float | None, high: float | None, low: float | None, close: float
) -> tuple[float | None, float | None]:
    """High and low, widened by no more than rounding so that open and close lie between them."""
    if high is not None and low is not None and high < low:
        raise _RowError(f"The high of {high} is below the low of {low}.")
    for column, price in (("open", opened), ("close", close)):
        if price is None:
            continue
        if high is not None and price > high:
            high = _widened(high, price, f"The {column} of {price} is above the high of {high}.")
        if low is not None and price < low:
            low = _widened(low, price, f"The {column} of {price} is below the low of {low}.")
    return high, low


def _widened(limit: float, price: float, reason: str) -> float:
    if abs(price - limit) > ROUNDING_TOLERANCE * limit:
        raise _RowError(reason)
    return price


def _excerpt(text: str, length: int = ROW_EXCERPT_LENGTH) -> str:
    # PostgreSQL cannot store NUL in a text column.
    return text[:length].replace("\0", "\ufffd")


def _quote(text: str) -> str:
    return repr(text[:VALUE_EXCERPT_LENGTH])
