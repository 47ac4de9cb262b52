"""An upload as a table: bytes in; a header, and rows that know their line, out.

Bounded in bytes, in rows and in time. What is not text, or no table, is refused with a sentence.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import cached_property
from time import monotonic

from portfolios.importers import cells
from portfolios.importers.entries import FileRefused, Leg, RowRefused

MAX_BYTES = 1_000_000
MAX_ROWS = 10_000
MAX_SECONDS = 10.0
MAX_COLUMNS = 100
LONGEST_CELL = 2_000
SEARCHED_LINES = 20  # for a header below lines about whose account it is
DELIMITERS = ",;\t"
ARCHIVES = {
    b"PK": "a ZIP archive or a spreadsheet",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
}


@dataclass(frozen=True)
class Options:
    """What a person says about a file that the file does not say itself."""

    latest: datetime
    """No transaction is later than this."""
    most_rows: int = MAX_ROWS
    time_zone: tzinfo = UTC
    day_first: bool | None = None
    decimal_comma: bool | None = None
    format: str = ""
    """Of a file without a header: whose rows they are."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Of a file of no known format: what (portfolios.importers.mapped) → its column."""


def decode(content: bytes, *, most_bytes: int = MAX_BYTES) -> str:
    """The text of an upload: UTF-8, else Windows' own (cp1252). Raises FileRefused."""
    if len(content) > most_bytes:
        raise FileRefused(
            f"The file is larger than {most_bytes / 1_000_000:g} MB. Split it by year."
        )
    for magic, name in ARCHIVES.items():
        if content.startswith(magic):
            raise FileRefused(f"This is {name}. Choose the CSV file itself.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = content.decode("cp1252")
        except UnicodeDecodeError:
            raise FileRefused("This is not text. Save it as CSV in UTF-8.") from None
    if "\x00" in text:
        raise FileRefused("This is not text. Save it as CSV in UTF-8.")
    if not text.strip():
        raise FileRefused("The file is empty.")
    return text


@dataclass(frozen=True)
class Row:
    """One line of a table. A cell that cannot be read raises RowRefused with its column."""

    line: int
    cells: Sequence[str]
    table: "Table"

    def text(self, column: str) -> str:
        """What the cell says; empty when there is no such column, or a dash."""
        index = self.table.index.get(column.casefold())
        if index is None or index >= len(self.cells):
            return ""
        text = self.cells[index].strip()
        return "" if text in cells.EMPTY else text

    def required(self, column: str) -> str:
        if text := self.text(column):
            return text
        raise RowRefused("It is empty.", column=self.table.title(column))

    def number(self, column: str) -> Decimal | None:
        """The number of the cell, None when it is empty."""
        text = self.text(column)
        if not text:
            return None
        with self._named(column):
            return cells.number(text, decimal_comma=self.table.decimal_comma)

    def quantity(self, column: str) -> Decimal:
        """A number that is there and not zero, its sign left."""
        self.required(column)
        number = self.number(column)
        if not number:
            raise RowRefused("It is zero.", column=self.table.title(column))
        return number

    def symbol(self, column: str) -> str:
        text = self.required(column)
        with self._named(column):
            return cells.symbol(text)

    def moment(self, column: str) -> datetime:
        text = self.required(column)
        with self._named(column):
            return self.table.moment(text, column)

    def leg(self, quantity: str, symbol: str) -> Leg | None:
        """What two cells say together; None when there is no quantity, or none of anything."""
        number = self.number(quantity)
        if not number:
            return None
        if number < 0:
            raise RowRefused("It is below zero.", column=self.table.title(quantity))
        return Leg(self.symbol(symbol), number)

    def refuse(self, column: str, reason: str) -> RowRefused:
        return RowRefused(reason, column=self.table.title(column))

    def _named(self, column: str) -> "_Named":
        return _Named(self.table.title(column))


class _Named:
    """Says of which column a refusal is."""

    def __init__(self, column: str) -> None:
        self.column = column

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, RowRefused) and not error.column:
            error.column = self.column


@dataclass(frozen=True)
class Table:
    """The lines of a file under its header. Equal titles are told apart: Cur., Cur. 2, Cur. 3."""

    text: str
    delimiter: str
    header_line: int
    """0: the file has none, and the titles are those of its format."""
    titles: tuple[str, ...]
    index: Mapping[str, int]
    """The place of each column, by what its format calls it, in small letters."""
    options: Options
    decimal_comma: bool = False

    def title(self, column: str) -> str:
        """What the file itself calls a column."""
        place = self.index.get(column.casefold())
        return column if place is None else self.titles[place]

    def rows(self) -> Iterator[Row]:
        """The lines that are not blank. Raises FileRefused beyond the bounds."""
        started, count = monotonic(), 0
        for line, found in _lines(self.text, self.delimiter):
            if line <= self.header_line or not any(cell.strip() for cell in found):
                continue
            count += 1
            if count > self.options.most_rows:
                most = f"{self.options.most_rows:,}"
                raise FileRefused(f"The file has more than {most} rows. Split it by year.")
            if monotonic() - started > MAX_SECONDS:
                raise FileRefused("The file takes too long to read. Split it by year.")
            yield Row(line, found, self)

    def column(self, name: str) -> list[str]:
        """Every cell of one column that says something."""
        return [text for row in self.rows() if (text := row.text(name))]

    def moment(self, text: str, column: str) -> datetime:
        return cells.moment(
            text,
            zone=self.options.time_zone,
            day_first=self._day_first(column),
            latest=self.options.latest,
        )

    def _day_first(self, column: str) -> bool:
        if self.options.day_first is not None:
            return self.options.day_first
        if column not in self._day_orders:
            self._day_orders[column] = cells.day_order(self.column(column)) is not False
        return self._day_orders[column]

    @cached_property
    def _day_orders(self) -> dict[str, bool]:
        return {}


def _lines(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with the number of the line that it starts on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    line = 1
    try:
        for found in reader:
            if len(found) > MAX_COLUMNS:
                raise FileRefused(f"Line {line} has more than {MAX_COLUMNS} columns.")
            if any(len(cell) > LONGEST_CELL for cell in found):
                raise FileRefused(
                    f"Line {line} has a cell of more than {LONGEST_CELL:,} characters. "
                    "Perhaps a quotation mark is missing at its end."
                )
            yield line, found
            line = reader.line_num + 1
    except csv.Error:
        raise FileRefused(f"Line {line} is not CSV. Look at its quotation marks.") from None


def headers(text: str) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """What may be the header, the likeliest first: its delimiter, its line and its titles."""
    start = "\n".join(text.splitlines()[: SEARCHED_LINES + 1])
    for delimiter in sorted(DELIMITERS, key=start.count, reverse=True):
        for line, found in _beginning(start, delimiter):
            titles = tuple(cell.strip().lstrip("\ufeff") for cell in found)
            if line <= SEARCHED_LINES and len(titles) > 1 and any(titles):
                yield delimiter, line, _told_apart(titles)


def _beginning(start: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The first lines, as far as they are CSV; the rest is for `rows` to complain about."""
    lines = _lines(start, delimiter)
    while True:
        try:
            yield next(lines)
        except (StopIteration, FileRefused):
            return


def _told_apart(titles: Sequence[str]) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    apart = []
    for place, title in enumerate(titles, start=1):
        name = title[:80] or f"Column {place}"
        count = seen[name.casefold()] = seen.get(name.casefold(), 0) + 1
        apart.append(name if count == 1 else f"{name} {count}")
    return tuple(apart)
