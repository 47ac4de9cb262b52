"""What would become of each row of a file, before anything of it is written to the ledger."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connection

from portfolios.importers import formats
from portfolios.importers.entries import Entry, Kind, Reading
from portfolios.models import Asset, Import, ImportRow, Portfolio, Transaction
from portfolios.selectors import imports as selectors
from portfolios.services import import_answers, import_rows, shortfalls, tickers, transactions
from portfolios.services.import_answers import LEAVE_OUT, OPENING
from portfolios.services.tickers import Meaning

Fate = ImportRow.Fate
BEFORE = timedelta(seconds=1)
LONGEST_REASON, LONGEST_COLUMN = 300, 80


@dataclass
class _Staged:
    """A row of the file with what would become of it."""

    line: int
    fate: Fate
    reason: str = ""
    column: str = ""
    stored: import_rows.Stored | None = None
    transaction: Transaction | None = None
    fingerprint: str = ""


def write(locked: Import, *, now: datetime) -> None:
    """Write down each row's fate, in the light of all that is known now; the import is locked.

    Or, where only its owner knows how to read the file, that there are questions. Raises
    FileRefused.
    """
    options = import_answers.options(locked, latest=now)
    locked.rows.all().delete()
    locked.tickers, locked.refused, locked.already_there, locked.total = {}, 0, 0, 0
    locked.seen_revision = locked.portfolio.revision
    if formats.questions(locked.text, options):
        locked.state = Import.State.ASKING
    else:
        locked.state = Import.State.PREVIEWED
        _stage(locked, formats.read(locked.text, options))
    locked.save()


def tickers_of(import_run: Import) -> dict[str, Meaning]:
    """The tickers of a file with what they mean, as they are now."""
    found = tickers.meanings(
        owner=import_run.portfolio.owner,
        tickers=import_run.tickers,
        asked=import_run.answers.get("asked", ()),
    )
    return {
        ticker: replace(meaning, count=import_run.tickers[ticker])
        for ticker, meaning in found.items()
    }


def _stage(locked: Import, reading: Reading) -> None:
    locked.tickers = _tickers(reading.entries)
    meanings = tickers_of(locked) | _currencies(locked, reading.entries)
    rows = [_row(entry, meanings) for entry in reading.entries]
    _tell_known(locked, rows)
    openings: list[_Staged] = []
    if not any(row.fate == Fate.CHOICE for row in rows):
        openings = _tell_short(locked, rows)
    rows = openings + rows
    rows += [_Staged(row.line, Fate.REFUSED, row.reason, row.column) for row in reading.refused]
    rows += [_Staged(row.line, Fate.LEFT_OUT, row.reason) for row in reading.left_out]
    counts = Counter(row.fate for row in rows)
    locked.refused, locked.already_there = counts[Fate.REFUSED], counts[Fate.KNOWN]
    locked.total = counts[Fate.NEW]
    _insert(locked, rows)


def _tickers(entries: Collection[Entry]) -> dict[str, int]:
    """How many rows have each ticker."""
    counts: Counter[str] = Counter()
    for entry in entries:
        counts.update({leg.symbol for leg in entry.legs})
    return dict(sorted(counts.items()))


def _currencies(locked: Import, entries: Collection[Entry]) -> dict[str, Meaning]:
    """What values are in. Nobody is asked about these: unknown ones are left out."""
    named = {entry.value.symbol for entry in entries if entry.value} - locked.tickers.keys()
    return tickers.meanings(owner=locked.portfolio.owner, tickers=named) if named else {}


def _row(entry: Entry, meanings: Mapping[str, Meaning]) -> _Staged:
    """A row by what its tickers mean."""
    stored = import_rows.stored(entry, meanings)
    value = meanings[entry.value.symbol].asset if entry.value else None
    if value is None or value.kind != Asset.Kind.CASH:
        stored.pop("value", None)
    if entry.fee and meanings[entry.fee.symbol].is_left_out and (entry.received or entry.sent):
        del stored["fee"]
    for name in ("received", "sent", "fee"):
        if leg := stored.get(name):
            meaning = meanings[leg["ticker"]]
            if meaning.is_left_out:
                reason = f"You leave {meaning.ticker} out."
                return _Staged(entry.line, Fate.LEFT_OUT, reason, stored=stored)
            if not meaning.is_settled:
                reason = f"Say what {meaning.ticker} is."
                return _Staged(entry.line, Fate.CHOICE, reason, stored=stored)
    return _settled(entry, stored)


def _settled(entry: Entry, stored: import_rows.Stored) -> _Staged:
    received, sent = stored.get("received"), stored.get("sent")
    is_transfer = entry.kind == Kind.TRANSFER
    if received and sent and received["asset"] == sent["asset"] and not is_transfer:
        if Decimal(received["quantity"]) == Decimal(sent["quantity"]) and "fee" not in stored:
            reason = f"{received['ticker']} and {sent['ticker']} are the same to you."
            return _Staged(entry.line, Fate.LEFT_OUT, reason, stored=stored)
        reason = f"{received['ticker']} and {sent['ticker']} cannot be traded: they are the same."
        return _Staged(entry.line, Fate.REFUSED, reason, stored=stored)
    transaction = import_rows.transaction(stored, fingerprint="")
    return _Staged(entry.line, Fate.NEW, stored=stored, transaction=transaction)


def _tell_known(locked: Import, rows: list[_Staged]) -> None:
    """Mark the rows that the ledger has already."""
    fresh = [(row, row.transaction) for row in rows if row.transaction is not None]
    known = import_rows.Known(locked.portfolio, [transaction for _, transaction in fresh])
    for row, transaction in fresh:
        id_alone = locked.format != formats.MAPPED
        row.fingerprint, is_known = known.ask(transaction, id_alone=id_alone)
        transaction.fingerprint = row.fingerprint
        if is_known:
            row.fate = Fate.KNOWN


def _tell_short(locked: Import, rows: list[_Staged]) -> list[_Staged]:
    """Mark the rows that take more than is there, or find the balances to open with."""
    fresh = [row for row in rows if row.fate == Fate.NEW]
    entries = [row.transaction for row in fresh if row.transaction is not None]
    moving = transactions.moved(entries)
    assets = Asset.of_anybody.in_bulk(moving)
    moves = [_move(locked.portfolio, entry, assets) for entry in entries]
    ledger = selectors.moves(portfolio_id=locked.portfolio_id, asset_ids=moving)
    short = shortfalls.find(moves, ledger)
    way_out = locked.answers.get("shortfalls")
    if short and way_out == OPENING:
        return _openings(locked, shortfalls.openings(moves, ledger), assets)
    for place, shortfall in short.items():
        row, entry = fresh[place], entries[place]
        row.fate = Fate.LEFT_OUT if way_out == LEAVE_OUT else Fate.SHORT
        row.reason = (
            f"On {entry.at:%-d %B %Y at %H:%M} UTC it takes {shortfall.missing.normalize():f} "
            f"{assets[shortfall.asset_id].symbol} more than is there."
        )
    return []


def _move(portfolio: Portfolio, entry: Transaction, assets: Mapping[int, Asset]) -> shortfalls.Move:
    brings: dict[int, Decimal] = {}
    takes: dict[int, Decimal] = {}
    for asset_id, quantity in entry.legs():
        if _counts(portfolio, entry, assets[asset_id]):
            side = brings if quantity > 0 else takes
            before = side.get(asset_id, Decimal(0))
            side[asset_id] = shortfalls.EXACT.add(before, quantity.copy_abs())
    return shortfalls.Move(entry.at, brings, takes)


def _counts(portfolio: Portfolio, entry: Transaction, asset: Asset) -> bool:
    """Whether a leg moves a holding: see portfolios.selectors.ledger."""
    is_balance = entry.kind == Transaction.Kind.BALANCE
    return asset.kind != Asset.Kind.CASH or portfolio.follows_cash or is_balance


def _openings(
    locked: Import, missing: Mapping[int, tuple[datetime, Decimal]], assets: Mapping[int, Asset]
) -> list[_Staged]:
    """A balance to open with for each asset of which the file takes more than is there."""
    rows = []
    for asset_id, (at, quantity) in missing.items():
        stored: import_rows.Stored = {
            "at": (at - BEFORE).isoformat(),
            "kind": Transaction.Kind.BALANCE,
            "note": "What was there before the file begins",
            "external_id": "",
            "received": {
                "ticker": assets[asset_id].symbol,
                "quantity": f"{quantity:f}",
                "asset": asset_id,
            },
        }
        fingerprint = f"opening {locked.pk} {asset_id}"
        rows.append(_Staged(0, Fate.NEW, stored=stored, fingerprint=fingerprint))
    return rows


def _insert(locked: Import, rows: Iterable[_Staged]) -> None:
    """Store all rows at once: COPY takes a tenth of the time of INSERT."""
    columns = 'import_run_id, position, line, fate, "column", reason, entry, fingerprint'
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {ImportRow._meta.db_table} ({columns}) FROM STDIN") as copy,
    ):
        for position, row in enumerate(rows):
            copy.write_row(
                (
                    locked.pk,
                    position,
                    row.line,
                    row.fate.value,
                    row.column[:LONGEST_COLUMN],
                    row.reason[:LONGEST_REASON],
                    None if row.stored is None else json.dumps(row.stored),
                    row.fingerprint,
                )
            )
