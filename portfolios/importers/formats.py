"""Whose a file is, told by its header, and what it says.

source = formats.find(text)
asked = formats.questions(text, options)
reading = formats.read(text, options)
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from decimal import localcontext
from types import ModuleType

from portfolios.importers import (
    binance_statement,
    binance_trades,
    cells,
    coinbase,
    coinbase_pro,
    cointracking,
    files,
    ghostfolio,
    kraken_ledgers,
    kraken_trades,
    mapped,
    portfolio_files,
    rotki,
)
from portfolios.importers.entries import FileRefused, Reading
from portfolios.importers.files import Options, Table

FORMATS: Mapping[str, ModuleType] = {
    "coinbase": coinbase,
    "coinbase-pro": coinbase_pro,
    "kraken-ledgers": kraken_ledgers,
    "kraken-trades": kraken_trades,
    "binance-statement": binance_statement,
    "binance-trades": binance_trades,
    "cointracking": cointracking,
    "ghostfolio": ghostfolio,
    "rotki": rotki,
}
MAPPED = "mapped"
EXAMPLES = 3


@dataclass(frozen=True)
class Source:
    """Where the header is, and whose it is; without a header, whose the rows may be."""

    format: str
    delimiter: str
    header_line: int
    titles: tuple[str, ...]
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Questions:
    """What only its owner knows about a file."""

    formats: tuple[str, ...] = ()
    columns: bool = False
    days: tuple[str, ...] = ()
    """Dates that may be either, such as 03/04/2021."""
    numbers: tuple[str, ...] = ()
    """Numbers that may be either, such as 1,234."""

    def __bool__(self) -> bool:
        return bool(self.formats or self.columns or self.days or self.numbers)


def name(slug: str) -> str:
    """What a format is called on a page."""
    module = mapped if slug == MAPPED else FORMATS.get(slug)
    return str(module.NAME) if module else "Unknown"


def find(text: str) -> Source:
    """The source of a text by its header. Raises FileRefused when it is no history."""
    if portfolio_files.is_ours(text):
        raise FileRefused(
            "This is a portfolio that was exported here. Open it as a new one: New portfolio, "
            "then From a file."
        )
    candidates = list(files.headers(text))
    for delimiter, line, titles in candidates:
        names = frozenset(title.casefold() for title in titles)
        for slug, module in FORMATS.items():
            if module.matches(names):
                return Source(slug, delimiter, line, titles)
    if not candidates:
        raise FileRefused("This is not a table. Choose a CSV file with a line of column names.")
    delimiter, line, titles = candidates[0]
    if _is_row(titles):
        return _without_header(delimiter, titles)
    return Source(MAPPED, delimiter, line, titles)


def _is_row(titles: tuple[str, ...]) -> bool:
    return any(
        cells.YEAR_FIRST.fullmatch(title) or cells.YEAR_LAST.fullmatch(title) for title in titles
    )


def _without_header(delimiter: str, titles: tuple[str, ...]) -> Source:
    fitting = tuple(
        slug
        for slug, module in FORMATS.items()
        if any(len(header) == len(titles) for header in getattr(module, "HEADERS", ()))
    )
    if not fitting:
        raise FileRefused("The first line is no line of column names. Export the file with them.")
    return Source("", delimiter, 0, titles, candidates=fitting)


def questions(text: str, options: Options) -> Questions:
    """What has to be asked before the file can be read. Raises FileRefused."""
    source = _chosen(find(text), options)
    if not source.format:
        return Questions(formats=source.candidates)
    if source.format == MAPPED and (mapped.missing(options.columns) or _unknown(source, options)):
        return Questions(columns=True)
    table = _table(text, source, options)
    return Questions(days=_doubtful_days(table, source), numbers=_doubtful_numbers(table, source))


def read(text: str, options: Options) -> Reading:
    """Every row of the file as an entry, a refusal or left out. Raises FileRefused.

    What `questions` asks should be answered by then.
    """
    source = _chosen(find(text), options)
    if not source.format:
        raise FileRefused("Say whose file this is: it has no line of column names.")
    with localcontext(cells.EXACT):  # sums and signs keep every digit that a balance has
        return _in_order(_module(source.format).read(_table(text, source, options)))


def has_local_times(text: str, options: Options) -> bool:
    """Whether times of day in the file are of a time zone that it does not name."""
    source = _chosen(find(text), options)
    if not source.format or not getattr(_module(source.format), "LOCAL_TIMES", False):
        return False
    table = _table(text, source, options)
    return any(cells.is_local(cell) for cell in table.column(_module(source.format).TIME))


def _module(slug: str) -> ModuleType:
    return mapped if slug == MAPPED else FORMATS[slug]


def _chosen(source: Source, options: Options) -> Source:
    """The source with the format that its owner names, where the file has no header."""
    if source.format or options.format not in source.candidates:
        return source
    headers = FORMATS[options.format].HEADERS
    titles = next(header for header in headers if len(header) == len(source.titles))
    return replace(source, format=options.format, titles=titles)


def _unknown(source: Source, options: Options) -> bool:
    return any(column not in source.titles for column in options.columns.values() if column)


def _table(text: str, source: Source, options: Options) -> Table:
    module = _module(source.format)
    if not getattr(module, "LOCAL_TIMES", False):
        options = replace(options, time_zone=UTC)
    table = Table(
        text=text,
        delimiter=source.delimiter,
        header_line=source.header_line,
        titles=source.titles,
        index=_index(source, options),
        options=options,
    )
    if options.decimal_comma is not None:
        return replace(table, decimal_comma=options.decimal_comma)
    if source.format == MAPPED or source.delimiter != ",":
        return replace(table, decimal_comma=bool(cells.writes_decimal_commas(_numbers(table))))
    return table


def _index(source: Source, options: Options) -> dict[str, int]:
    places = {title.casefold(): place for place, title in enumerate(source.titles)}
    if source.format == MAPPED:
        return {role: places[title.casefold()] for role, title in options.columns.items() if title}
    module = _module(source.format)
    aliases = getattr(module, "ALIASES", {})
    if hasattr(module, "aliases"):
        aliases = module.aliases(source.titles)
    for title, its_name in aliases.items():
        if title.casefold() in places:
            places.setdefault(its_name.casefold(), places[title.casefold()])
    return places


def _numbers(table: Table) -> list[str]:
    """Cells that are numbers: of a mapped file its columns of numbers, else all that look so."""
    roles = [role for role in ("quantity", "price", "total", "received_quantity", "sent_quantity",
                               "fee_quantity") if role in table.index]  # fmt: skip
    rows = table.rows()
    if table.index.keys() <= mapped.ROLES.keys():
        return [text for row in rows for role in roles if (text := row.text(role))]
    return [cell.strip() for row in rows for cell in row.cells if cell.strip()]


def _doubtful_days(table: Table, source: Source) -> tuple[str, ...]:
    if table.options.day_first is not None:
        return ()
    texts = table.column(_module(source.format).TIME)
    if cells.day_order(texts) is not None:
        return ()
    doubtful = [text for text in texts if cells.is_doubtful_day(text)]
    return tuple(dict.fromkeys(doubtful))[:EXAMPLES]


def _doubtful_numbers(table: Table, source: Source) -> tuple[str, ...]:
    if table.options.decimal_comma is not None:
        return ()
    if source.format != MAPPED and source.delimiter == ",":
        return ()
    texts = _numbers(table)
    if cells.writes_decimal_commas(texts) is not None:
        return ()
    return tuple(dict.fromkeys(text for text in texts if "," in text))[:EXAMPLES]


def _in_order(reading: Reading) -> Reading:
    """The same reading, its entries in time, what came in before what went out."""
    reading.entries.sort(key=lambda entry: (entry.at, entry.received is None, entry.line))
    reading.refused.sort(key=lambda refusal: refusal.line)
    reading.left_out.sort(key=lambda row: row.line)
    return reading
