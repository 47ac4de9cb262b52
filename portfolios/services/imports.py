"""Files into a ledger: looked at first, added on a worker in chunks, taken out as a whole.

    upload -> answer … -> confirm -> carry_out … -> undo

A worker that dies leaves the import where its last chunk ended: it is rung for until some worker
ends it. What cannot be added after all is taken out again, and the import is a preview once more,
with a sentence that says why.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from portfolios.importers import files, formats
from portfolios.importers.entries import FileRefused
from portfolios.importers.formats import Questions
from portfolios.models import Import, ImportRow, Portfolio, Transaction
from portfolios.services import import_answers, import_previews, import_rows, transactions
from portfolios.services.errors import (
    ConflictError,
    ImportRefusedError,
    PortfolioError,
    ShortfallError,
)

State, Fate = Import.State, ImportRow.Fate
OPEN = (State.ASKING, State.PREVIEWED)
CHUNK = 1_000
MAX_ATTEMPTS = 5
LONGEST_FILE_NAME = 200
KEPT_UNFINISHED = timedelta(days=2)
ROWS_KEPT = timedelta(days=7)


def most_bytes() -> int:
    """The largest file that is taken."""
    limit: int = settings.IMPORT_MAX_BYTES
    return limit


def too_large() -> str:
    return f"The file is larger than {most_bytes() / 1_000_000:g} MB. Split it by year."


def format_names() -> list[str]:
    """What files are known by their headers."""
    return [formats.name(slug) for slug in formats.FORMATS]


def format_name(import_run: Import) -> str:
    return formats.name(import_run.format)


def questions(import_run: Import) -> tuple[Questions, tuple[str, ...]]:
    """What has to be asked about a file, and its titles."""
    options = import_answers.options(import_run, latest=import_run.created_at)
    asked = formats.questions(import_run.text, options)
    return asked, formats.find(import_run.text).titles


def has_local_times(import_run: Import) -> bool:
    """Whether times in the file are of a time zone that it does not name."""
    options = import_answers.options(import_run, latest=import_run.created_at)
    return formats.has_local_times(import_run.text, options)


def upload(*, portfolio: Portfolio, file_name: str, content: bytes, now: datetime) -> Import:
    """Take a file and look at it; it takes the place of one that was not imported.

    Raises ImportRefusedError, and then nothing is kept of it.
    """
    try:
        text = files.decode(content, most_bytes=most_bytes())
        source = formats.find(text)
        answers: dict[str, Any] = {"time_zone": portfolio.owner.time_zone}
        if source.format == formats.MAPPED:
            columns = import_answers.remembered_columns(portfolio.owner, source.titles)
            answers["columns"] = columns
        with transaction.atomic():
            portfolio.imports.filter(state__in=OPEN).delete()
            import_run = Import.objects.create(
                portfolio=Portfolio.objects.select_related("owner").get(pk=portfolio.pk),
                file_name=_shown(file_name),
                format=source.format,
                text=text,
                answers=answers,
            )
            import_previews.write(import_run, now=now)
    except FileRefused as refusal:
        raise ImportRefusedError(str(refusal)) from None
    return import_run


def answer(*, import_run: Import, now: datetime, **answers: Any) -> Import:
    """Say what the file does not, and look at it again. Idempotent.

    Raises ImportRefusedError, and ConflictError when it is imported already.
    """
    try:
        with transaction.atomic():
            locked = _locked_open(import_run)
            locked.answers = {**locked.answers, **answers}
            if answers.get("format"):
                locked.format = answers["format"]
            if "columns" in answers:
                titles = formats.find(locked.text).titles
                import_answers.remember_columns(locked.portfolio.owner, titles, answers["columns"])
            locked.outcome = ""
            import_previews.write(locked, now=now)
    except FileRefused as refusal:
        raise ImportRefusedError(str(refusal)) from None
    return locked


def refresh(*, import_run: Import, now: datetime) -> Import:
    """Look at the rows again if the portfolio has changed since. Idempotent."""
    if import_run.state in OPEN and import_run.seen_revision != import_run.portfolio.revision:
        with suppress(ConflictError):
            return answer(import_run=import_run, now=now)
    return import_run


def confirm(*, import_run: Import, leave_out_refused: bool, now: datetime) -> None:
    """Ask for the new rows to be added to the ledger. `carry_out` does it.

    Raises ImportRefusedError while something is to be decided, ConflictError when the portfolio
    has changed since the rows were looked at.
    """
    with transaction.atomic():
        locked = _locked_open(import_run)
        if locked.seen_revision != locked.portfolio.revision:
            raise ConflictError(
                "This portfolio has changed since. Look at the rows again before you import them."
            )
        _check_decided(locked, leave_out_refused)
        locked.state = State.IMPORTING
        locked.attempt = locked.done = locked.added = 0
        locked.outcome = ""
        locked.save(update_fields=["state", "attempt", "done", "added", "outcome"])


def discard(*, import_run: Import) -> None:
    """Forget a file that was not imported. Idempotent."""
    Import.objects.filter(pk=import_run.pk, state__in=OPEN).delete()


def undo(*, import_run: Import) -> int:
    """Take everything out again that an import added; how many lines.

    Raises ShortfallError when something later needs them, ConflictError when it is not imported,
    or is undone already.
    """
    with transaction.atomic():
        locked = Import.objects.select_for_update(of=("self",)).filter(pk=import_run.pk).first()
        if locked is None or locked.state != State.IMPORTED:
            raise ConflictError("This import was undone in another tab.")
        removed = transactions.remove_import(import_run=locked)
        locked.state = State.UNDONE
        locked.save(update_fields=["state"])
    return removed


def purge() -> int:
    """Forget files that nobody imported, and the rows of those that somebody did. Idempotent."""
    unfinished = Import.objects.filter(state__in=OPEN, created_at__lt=Now() - KEPT_UNFINISHED)
    _, deleted = unfinished.delete()
    ended = Import.objects.filter(finished_at__lt=Now() - ROWS_KEPT)
    ImportRow.objects.filter(import_run__in=ended).delete()
    ended.exclude(text="", tickers={}, answers={}).update(text="", tickers={}, answers={})
    return deleted.get(Import._meta.label, 0)


# Carrying out


def unfinished() -> list[int]:
    """The imports that wait for a worker, or are with one."""
    return list(Import.objects.filter(state=State.IMPORTING).values_list("pk", flat=True))


def carry_out(*, import_id: int, now: datetime, chunk: int = CHUNK) -> bool:
    """Add the next chunk of rows; whether there is more to do.

    Idempotent: whoever comes second, or while another is at it, does nothing.
    """
    if not _claim(import_id):
        return False
    try:
        with transaction.atomic():
            locked = _lock_if_free(import_id)
            if locked is None:
                return False
            _add(locked, now=now, chunk=chunk)
            return locked.state == State.IMPORTING
    except PortfolioError as refusal:
        _give_up(import_id, str(refusal))
        return False


def _add(locked: Import, *, now: datetime, chunk: int) -> None:
    """Add a chunk of the new rows, or all that are left where a part of them falls short."""
    rows = locked.rows.filter(fate=Fate.NEW).order_by("position")
    taken = list(rows[locked.done : locked.done + chunk])
    try:
        with transaction.atomic():
            added = _add_rows(locked, taken, now=now)
    except ShortfallError:
        taken = list(rows[locked.done :])
        added = _add_rows(locked, taken, now=now)
    locked.added += added
    locked.done += len(taken)
    locked.attempt = 0
    if locked.done >= locked.total:
        locked.state, locked.finished_at, locked.text = State.IMPORTED, now, ""
        locked.already_there += locked.total - locked.added
    locked.save()


def _add_rows(locked: Import, rows: list[ImportRow], *, now: datetime) -> int:
    entries = [_transaction(row) for row in rows]
    return transactions.add_many(
        portfolio=locked.portfolio, entries=entries, now=now, import_run=locked
    ).added


def _transaction(row: ImportRow) -> Transaction:
    assert row.entry is not None
    return import_rows.transaction(row.entry, fingerprint=row.fingerprint)


def _claim(import_id: int) -> bool:
    """Count an attempt, in a transaction of its own: a worker that dies has made one, too."""
    with transaction.atomic():
        locked = _lock_if_free(import_id)
        if locked is None:
            return False
        if locked.attempt < MAX_ATTEMPTS:
            Import.objects.filter(pk=import_id).update(attempt=F("attempt") + 1)
            return True
    _give_up(import_id, f"It was begun {MAX_ATTEMPTS} times and never ended.")
    return False


def _lock_if_free(import_id: int) -> Import | None:
    """The import if it is to be carried out and nobody is at it, locked."""
    waiting = Import.objects.filter(pk=import_id, state=State.IMPORTING)
    locked = waiting.select_for_update(skip_locked=True, of=("self",))
    return locked.select_related("portfolio__owner").first()


def _give_up(import_id: int, reason: str) -> None:
    """Take out again what was added, and say why; the import is a preview once more."""
    with transaction.atomic():
        locked = _lock_if_free(import_id)
        if locked is None:
            return
        with suppress(ConflictError):  # a portfolio that is deleted keeps what it has
            transactions.remove_import(import_run=locked)
        locked.state, locked.done, locked.added = State.PREVIEWED, 0, 0
        locked.seen_revision = 0
        locked.outcome = f"{reason} Nothing was imported."
        locked.save()


def _locked_open(import_run: Import) -> Import:
    rows = Import.objects.select_for_update(of=("self",)).select_related("portfolio__owner")
    locked = rows.filter(pk=import_run.pk, state__in=OPEN).first()
    if locked is None:
        raise ConflictError("This file was imported or discarded in another tab.")
    return locked


def _check_decided(locked: Import, leave_out_refused: bool) -> None:
    """Raise ImportRefusedError while the person has something to decide."""
    if locked.state != State.PREVIEWED:
        raise ImportRefusedError("Answer the questions about the file first.")
    if locked.rows.filter(fate=Fate.CHOICE).exists():
        raise ImportRefusedError("Say first what each ticker is.")
    if locked.rows.filter(fate=Fate.SHORT).exists():
        raise ImportRefusedError("Decide first about the rows that take more than is there.")
    if locked.refused and not leave_out_refused:
        raise ImportRefusedError(
            "Some rows cannot be read. Mend them in the file, or say that they are left out."
        )
    if not locked.total:
        raise ImportRefusedError("There is nothing new in this file.")


def _shown(file_name: str) -> str:
    """A file name for a page, without what cannot be seen."""
    name = "".join(character for character in file_name if character.isprintable())
    return name[:LONGEST_FILE_NAME] or "file"
