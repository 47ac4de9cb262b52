"""The ledger: every line of it is written here, and holdings follow in the same transaction.

Callers bring unsaved `Transaction` rows. All or nothing is written, and however many rows change,
the portfolio's revision counts up once.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from portfolios.models import Asset, Import, Portfolio, Transaction
from portfolios.selectors import ledger
from portfolios.services import revisions
from portfolios.services.entries import asset_ids, check
from portfolios.services.errors import ConflictError, LedgerError, QuantityError, ShortfallError
from portfolios.services.quantities import TOO_LARGE

MOST_TRANSACTIONS = 100_000  # of one portfolio
BATCH = 2_000  # rows a statement

FOLLOW = f"""
    WITH total AS MATERIALIZED (
        SELECT asset_id, sum(quantity) AS quantity FROM (
            {ledger.LEGS} AND entry.portfolio_id = %(portfolio)s AND leg.asset_id = ANY(%(assets)s)
        ) AS leg GROUP BY asset_id HAVING sum(quantity) > 0
    ), gone AS (
        DELETE FROM portfolios_holding
        WHERE portfolio_id = %(portfolio)s AND asset_id = ANY(%(assets)s)
            AND asset_id NOT IN (SELECT asset_id FROM total)
    )
    INSERT INTO portfolios_holding AS holding (portfolio_id, asset_id, quantity)
    SELECT %(portfolio)s, asset_id, quantity FROM total
    ON CONFLICT (portfolio_id, asset_id) DO UPDATE SET quantity = EXCLUDED.quantity
    WHERE holding.quantity <> EXCLUDED.quantity
"""


# A copied ledger has its lines in the order of the original, so the n-th is the n-th.
COPY_CHOICES = """
    WITH line AS (
        SELECT portfolio_id, id, row_number() OVER (PARTITION BY portfolio_id ORDER BY id) AS number
        FROM portfolios_transaction WHERE portfolio_id IN (%(original)s, %(copy)s)
    ), twin AS (
        SELECT line.id AS original, other.id AS copy
        FROM line JOIN line AS other USING (number)
        WHERE line.portfolio_id = %(original)s AND other.portfolio_id = %(copy)s
    )
    INSERT INTO portfolios_lotchoice (sale_id, purchase_id, quantity)
    SELECT sale.copy, purchase.copy, choice.quantity
    FROM portfolios_lotchoice AS choice
    JOIN twin AS sale ON sale.original = choice.sale_id
    JOIN twin AS purchase ON purchase.original = choice.purchase_id
"""


@dataclass(frozen=True)
class Added:
    """How many rows were new, and how many the ledger knew by their fingerprints."""

    added: int
    already_there: int


def add(
    *,
    portfolio: Portfolio,
    entry: Transaction,
    now: datetime,
    expected_revision: int | None = None,
) -> Transaction:
    """Add one line to the ledger.

    Raises LedgerError or QuantityError for what is no line of a ledger, ShortfallError when more
    would leave than is held then, and ConflictError as everywhere. Nothing is written then.
    """
    with revisions.changing(portfolio, expected=expected_revision) as locked:
        record(locked, [entry], now=now)
    return entry


def add_many(
    *,
    portfolio: Portfolio,
    entries: Iterable[Transaction],
    now: datetime,
    import_run: Import | None = None,
    expected_revision: int | None = None,
) -> Added:
    """Add many lines at once; those whose fingerprint the ledger has already are left out.

    Idempotent for lines with fingerprints. Raises as `add` does; nothing is written then.
    """
    unique = _once(entries)
    with revisions.changing(portfolio, expected=expected_revision) as locked:
        known = _known(locked, unique)
        fresh = [entry for entry in unique if entry.fingerprint not in known]
        for entry in fresh:
            entry.import_run = import_run
        record(locked, fresh, now=now)
    return Added(added=len(fresh), already_there=len(unique) - len(fresh))


def record(locked: Portfolio, entries: Sequence[Transaction], *, now: datetime) -> None:
    """Write new lines into a portfolio that the caller has locked, and let holdings follow."""
    _insert(locked, entries, now=now)
    follow(locked, moved(entries))


def change(*, entry: Transaction, now: datetime, expected_revision: int | None = None) -> None:
    """Store a line of the ledger that the caller has changed. Raises as `add` does."""
    with revisions.changing(entry.portfolio, expected=expected_revision) as locked:
        before = _stored(locked, [entry.pk])
        check(entry, assets=_usable(locked, [entry]), now=now)
        entry.save()
        follow(locked, moved([*before, entry]))


def remove(
    *, portfolio: Portfolio, ids: Collection[int], expected_revision: int | None = None
) -> list[Transaction]:
    """Take lines out of the ledger, all or none, and return them as they were.

    Raises ShortfallError when something that happened later needs them, and ConflictError when
    one of them is gone already.
    """
    with revisions.changing(portfolio, expected=expected_revision) as locked:
        removed = _stored(locked, ids)
        locked.transactions.filter(pk__in=ids).delete()
        follow(locked, moved(removed))
    return removed


def remove_import(*, import_run: Import, expected_revision: int | None = None) -> int:
    """Take everything out that one import added; how many lines. Idempotent. Raises as `remove`."""
    with revisions.changing(import_run.portfolio, expected=expected_revision) as locked:
        removed = list(import_run.transactions.all())
        import_run.transactions.all().delete()
        follow(locked, moved(removed))
    return len(removed)


def restored(row: Mapping[str, Any]) -> Transaction:
    """The line that a removed one was, from its fields as texts; unsaved and without its id."""
    entry = Transaction()
    for field in Transaction._meta.concrete_fields:
        if field.attname in row and field.attname not in ("id", "created_at", "portfolio_id"):
            setattr(entry, field.attname, field.to_python(row[field.attname]))
    if entry.import_run_id is not None:  # the import may be gone by now
        entry.import_run = Import.objects.filter(pk=entry.import_run_id).first()
    return entry


def follow(locked: Portfolio, assets: Collection[int]) -> None:
    """Let holdings of these assets be what the ledger adds up to; the portfolio is locked.

    Raises ShortfallError where the ledger falls below zero, QuantityError where it exceeds what
    a balance can be.
    """
    found = ledger.extremes(portfolio_id=locked.pk, asset_ids=assets)
    if any(extreme.most >= TOO_LARGE for extreme in found):
        raise QuantityError("The quantity must be below 100,000,000,000,000,000,000.")
    if short := [extreme for extreme in found if extreme.short_at]:
        raise ShortfallError(short)
    with connection.cursor() as cursor:
        cursor.execute(FOLLOW, {"portfolio": locked.pk, "assets": list(assets)})


def rebuild(*, portfolio_id: int) -> None:
    """Let all holdings of a portfolio be what its ledger adds up to. Idempotent.

    Raises ShortfallError when the ledger falls below zero.
    """
    portfolio = Portfolio.objects.get(pk=portfolio_id)
    with revisions.changing(portfolio, even_deleted=True) as locked:
        held = set(locked.holdings.values_list("asset_id", flat=True))
        follow(locked, held | moved(locked.transactions.iterator()))


def copy_all(original: Portfolio, *, to: Portfolio) -> None:
    """Give a new portfolio the ledger of another.

    What a reversed token migration turns back stays as it is in the copy.
    """
    left_out = ("id", "portfolio_id", "import_run_id", "token_migration_id", "created_at")
    names = [field.attname for field in Transaction._meta.concrete_fields]
    columns = ", ".join(name for name in names if name not in left_out)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO portfolios_transaction (portfolio_id, {columns}) "
            f"SELECT %s, {columns} FROM portfolios_transaction WHERE portfolio_id = %s ORDER BY id",
            [to.pk, original.pk],
        )
        cursor.execute(COPY_CHOICES, {"original": original.pk, "copy": to.pk})


def moved(entries: Iterable[Transaction]) -> set[int]:
    """The assets that any leg moves."""
    return {asset_id for entry in entries for asset_id, _ in entry.legs()}


def _insert(locked: Portfolio, entries: Sequence[Transaction], *, now: datetime) -> None:
    if locked.transactions.count() + len(entries) > MOST_TRANSACTIONS:
        raise LedgerError(f"A portfolio has room for {MOST_TRANSACTIONS:,} transactions.")
    assets = _usable(locked, entries)
    for entry in entries:
        check(entry, assets=assets, now=now)
        entry.portfolio = locked
    Transaction.objects.bulk_create(entries, batch_size=BATCH)


def _once(entries: Iterable[Transaction]) -> list[Transaction]:
    """Of lines with the same fingerprint the first."""
    seen: set[str] = set()
    unique = []
    for entry in entries:
        if entry.fingerprint is None or entry.fingerprint not in seen:
            unique.append(entry)
            seen.add(entry.fingerprint or "")
    return unique


def _known(portfolio: Portfolio, entries: Iterable[Transaction]) -> set[str | None]:
    """The fingerprints that the ledger has already."""
    asked = [entry.fingerprint for entry in entries if entry.fingerprint]
    stored = portfolio.transactions.order_by().filter(fingerprint__in=asked)
    return set(stored.values_list("fingerprint", flat=True))


def _usable(portfolio: Portfolio, entries: Iterable[Transaction]) -> dict[int, Asset]:
    """The assets that these lines name and the owner may use, by id."""
    named = {asset_id for entry in entries for asset_id in asset_ids(entry)}
    visible = Asset.of_anybody.filter(Q(owner=None) | Q(owner_id=portfolio.owner_id))
    return visible.in_bulk(named)


def _stored(locked: Portfolio, ids: Collection[int]) -> list[Transaction]:
    """These lines as they are stored; raises ConflictError when one of them is gone."""
    rows = list(locked.transactions.filter(pk__in=ids))
    if len(rows) != len(set(ids)):
        raise ConflictError("This transaction was removed in another tab.")
    return rows
