"""Reading text as an upload is read."""

from datetime import UTC, datetime
from typing import Any

from portfolios.importers import formats
from portfolios.importers.entries import Entry, Reading
from portfolios.importers.files import Options

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def options(**fields: Any) -> Options:
    return Options(latest=NOW, **fields)


def read(text: str, **fields: Any) -> Reading:
    asked = formats.questions(text, options(**fields))
    assert not asked, asked
    return formats.read(text, options(**fields))


def told(entry: Entry) -> str:
    """An entry in a line: buy +0.5 BTC -100 EUR fee 1 EUR."""
    words: list[str] = [entry.kind.value]
    for sign, leg in (("+", entry.received), ("-", entry.sent), ("fee ", entry.fee)):
        if leg is not None:
            words.append(f"{sign}{leg.quantity.normalize():f} {leg.symbol}")
    if entry.value is not None:
        words.append(f"worth {entry.value.quantity.normalize():f} {entry.value.symbol}")
    return " ".join(words)


def lines(text: str, **fields: Any) -> list[str]:
    """All entries of a file of which nothing is refused."""
    reading = read(text, **fields)
    assert reading.refused == []
    return [told(entry) for entry in reading.entries]


def refusals(text: str, **fields: Any) -> list[tuple[int, str, str]]:
    reading = read(text, **fields)
    return [(refusal.line, refusal.column, refusal.reason) for refusal in reading.refused]
