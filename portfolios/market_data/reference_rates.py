"""Daily reference rates from CSV: what a unit of a currency was worth in US dollars.

Two headers are known. `date,currency,rate` has US dollars a unit, a row a currency and day. The
European Central Bank's `Date,USD,JPY,…` has units a euro, a row a day; N/A or nothing is unknown.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation, localcontext
from pathlib import Path

LONG = ["date", "currency", "rate"]
DECIMALS = Decimal("1e-12")
LARGEST = Decimal(10) ** 9
UNKNOWN = {"", "n/a"}


class RatesError(ValueError):
    """A file that cannot be believed; nothing of it is taken."""


@dataclass(frozen=True)
class Rate:
    currency: str  # ISO 4217, in small letters: the key of an asset
    date: date
    rate: Decimal  # US dollars a unit


def files(path: Path) -> list[Path]:
    """The file itself, or the CSV files of a directory by name."""
    if path.is_file():
        return [path]
    found = sorted(each for each in path.glob("*.csv") if each.is_file()) if path.is_dir() else []
    if not found:
        raise RatesError(f"There is no CSV file at {path}.")
    return found


def parse(lines: Iterable[str], *, source: str) -> list[Rate]:
    """The rates of one file. Raises RatesError, which names the line and how to mend it."""
    rows = csv.reader(lines)
    header = [cell.strip() for cell in next(rows, [])]
    if [cell.lower() for cell in header] == LONG:
        read = _long
    elif header[:1] == ["Date"] and "USD" in header:
        read = _central_bank
    else:
        raise RatesError(
            f"{source} must begin with “{','.join(LONG)}” (US dollars a unit) or with “Date,USD,…” "
            "(units a euro, as the European Central Bank writes it)."
        )
    found: list[Rate] = []
    for row in rows:
        if any(cell.strip() for cell in row):
            cells = dict(zip(header, (cell.strip() for cell in row), strict=False))
            try:
                found += read({name.lower(): text for name, text in cells.items() if name})
            except (ValueError, InvalidOperation) as error:
                raise RatesError(f"{source}, line {rows.line_num}: {error}") from error
    return found


def _long(cells: Mapping[str, str]) -> Iterator[Rate]:
    currency = cells["currency"].lower() if "currency" in cells else ""
    yield Rate(currency, _day(cells), _number("rate", cells.get("rate", "")))


def _central_bank(cells: Mapping[str, str]) -> Iterator[Rate]:
    if cells.get("usd", "").lower() in UNKNOWN:
        return
    day = _day(cells)
    dollars = _number("USD", cells["usd"])
    yield Rate("eur", day, dollars)
    for currency, text in cells.items():
        if currency not in ("date", "usd") and text.lower() not in UNKNOWN:
            with localcontext(prec=40):
                rate = (dollars / _number(currency.upper(), text)).quantize(DECIMALS)
            yield Rate(currency, day, rate)


def _day(cells: Mapping[str, str]) -> date:
    try:
        return date.fromisoformat(cells.get("date", ""))
    except ValueError:
        raise ValueError(f"“{cells.get('date', '')[:40]}” is no day such as 2025-01-31.") from None


def _number(name: str, text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or not DECIMALS <= number < LARGEST:
        raise ValueError(f"{name} is “{text[:40]}”, but a rate is a number above zero.")
    return number
