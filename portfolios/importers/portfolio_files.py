"""Our own files: a portfolio as CSV or JSON, as portfolios.services.portfolio_files writes it."""

import csv
import io
import json
from dataclasses import dataclass, field
from typing import Any

FORMAT, VERSION = "evenkeel-portfolio", 1
MOST_ROWS = 110_000
LISTS = (
    "own_assets", "targets", "tilted_targets", "rules", "target_versions", "transactions",
)  # fmt: skip

Row = dict[str, str]


class PortfolioFileError(ValueError):
    """A file that is none of ours, or was changed beyond reading; says where."""


@dataclass
class PortfolioFile:
    """Everything as texts."""

    settings: Row = field(default_factory=dict)
    own_assets: list[dict[str, Any]] = field(default_factory=list)
    """With a list of `prices`, each a `date` and a `price`."""
    targets: list[Row] = field(default_factory=list)
    tilted_targets: list[Row] = field(default_factory=list)
    """Those in force for a while; each with the `regime` and the day that it `ends_on`."""
    rules: list[Row] = field(default_factory=list)
    target_versions: list[Row] = field(default_factory=list)
    """A row a line of a version."""
    transactions: list[Row] = field(default_factory=list)


def is_ours(text: str) -> bool:
    """Whether a file begins as ours do."""
    start = text[:1000].removeprefix("\ufeff").lstrip()
    return start.startswith("record,") or (start.startswith("{") and FORMAT in start)


def parse(text: str) -> PortfolioFile:
    """Read either kind of file. Raises PortfolioFileError."""
    text = text.removeprefix("\ufeff")
    return _json(text) if text.lstrip().startswith("{") else _csv(text)


def _json(text: str) -> PortfolioFile:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PortfolioFileError("The file is no JSON: it may have been cut short.") from error
    if told.get("format") != FORMAT:
        raise PortfolioFileError("The file is not a portfolio that was exported here.")
    if told.get("version") != VERSION:
        raise PortfolioFileError("The file is of another version. Export it again.")
    found = PortfolioFile(settings=_texts(told.get("settings"), "settings"))
    for name in LISTS:
        rows = told.get(name, [])
        if not isinstance(rows, list) or len(rows) > MOST_ROWS:
            raise PortfolioFileError(f"“{name}” must be a list of at most {MOST_ROWS:,} entries.")
        for number, row in enumerate(rows, start=1):
            where = f"{name}, entry {number}"
            prices = row.pop("prices", []) if isinstance(row, dict) else []
            read: dict[str, Any] = dict(_texts(row, where))
            if name == "own_assets":
                if not isinstance(prices, list):
                    raise PortfolioFileError(f"{where}: “prices” must be a list.")
                read["prices"] = [_texts(price, where) for price in prices]
            getattr(found, name).append(read)
    return found


def _texts(row: Any, where: str) -> Row:
    if not isinstance(row, dict) or not all(isinstance(value, str) for value in row.values()):
        raise PortfolioFileError(f"{where}: every value must be a text in quotes.")
    return row


def _csv(text: str) -> PortfolioFile:
    found = PortfolioFile()
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        if (reader.fieldnames or [""])[0] != "record":
            raise PortfolioFileError("The file is not a portfolio that was exported here.")
        for number, cells in enumerate(reader, start=1):
            if number > MOST_ROWS:
                raise PortfolioFileError(f"The file has more than {MOST_ROWS:,} rows.")
            row = {name: _unguarded(cell) for name, cell in cells.items() if name and cell}
            _sort(found, row, f"Line {reader.line_num}")
    except csv.Error as error:
        raise PortfolioFileError(f"Line {reader.line_num}: {error}.") from error
    return found


def _unguarded(cell: str) -> str:
    return cell.removeprefix("'")


def _sort(found: PortfolioFile, row: Row, where: str) -> None:
    """Put a row of the CSV file where it belongs."""
    record, key, number = row.pop("record", ""), row.get("key", ""), row.get("number", "")
    if record == "setting":
        found.settings[key] = row.get("text", "")
    elif record == "own_asset":
        found.own_assets.append({**row, "name": row.get("text", ""), "prices": []})
    elif record == "own_price":
        owner = next((each for each in found.own_assets if each.get("key") == key), None)
        if owner is None:
            raise PortfolioFileError(f"{where}: there is no own asset “{key[:40]}” above.")
        owner["prices"].append({"date": row.get("at", ""), "price": number})
    elif record == "target":
        found.targets.append({"key": key, "weight": number})
    elif record == "tilted_target":
        until = {"regime": row.get("text", ""), "ends_on": row.get("at", "")}
        found.tilted_targets.append({"key": key, "weight": number, **until})
    elif record == "rule":
        bands = {"band": number, "relative_band": row.get("relative_band", "")}
        found.rules.append({"key": key, "trading": row.get("text", ""), **bands})
    elif record == "target_version":
        said = {"version": row.get("line", ""), "name": row.get("note", "")}
        named = {"key": key, "called": row.get("text", ""), "weight": number}
        found.target_versions.append({**said, "saved_at": row.get("at", ""), **named})
    elif record == "transaction":
        found.transactions.append(row)
    else:
        raise PortfolioFileError(f"{where}: “{record[:40]}” is no kind of record.")
