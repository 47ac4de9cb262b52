"""Tokens that replaced others: holdings, targets, model lines and prices move along, and back."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal, localcontext
from typing import Any

from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone

from portfolios.models import (
    Asset,
    Holding,
    MigratedAmount,
    ModelPortfolioLine,
    TargetWeight,
    TokenMigration,
)
from portfolios.services import price_continuations, revisions
from portfolios.services.errors import TokenMigrationError
from portfolios.services.holdings import SMALLEST, TOO_LARGE

Kind = MigratedAmount.Kind
BATCH_ROWS = 5000


@dataclass(frozen=True)
class Place:
    """A table that says how much of an asset somebody holds or wants."""

    kind: Kind
    model: type[Model]
    owner: str
    amount: str

    def owners(self, asset_id: int) -> set[int]:
        rows = self.model._default_manager.filter(asset_id=asset_id)
        return set(rows.values_list(f"{self.owner}_id", flat=True))

    def rows(self, asset_id: int, owners: Collection[int]) -> dict[int, Any]:
        """The rows of an asset by owner."""
        rows = self.model._default_manager.filter(
            **{"asset_id": asset_id, f"{self.owner}__in": owners}
        )
        return {getattr(row, f"{self.owner}_id"): row for row in rows}

    def amount_of(self, row: Any) -> Decimal:
        amount: Decimal = getattr(row, self.amount) if row else Decimal(0)
        return amount

    def write(self, asset_id: int, amounts: Mapping[int, Decimal]) -> None:
        """Make rows, by id, amounts of this asset. One statement for however many rows."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {self.model._meta.db_table} AS row"
                f" SET asset_id = %s, {self.amount} = written.amount"
                " FROM unnest(%s::bigint[], %s::numeric[]) AS written (id, amount)"
                " WHERE row.id = written.id",
                [asset_id, list(amounts), list(amounts.values())],
            )


HOLDINGS = Place(Kind.HOLDING, Holding, "portfolio", "quantity")
TARGETS = Place(Kind.TARGET, TargetWeight, "portfolio", "weight")
MODEL_LINES = Place(Kind.MODEL_LINE, ModelPortfolioLine, "model_portfolio", "weight")


@dataclass(frozen=True)
class MigrationReport:
    """What an application or a reversal touched."""

    portfolios: int
    model_portfolios: int
    left_alone: int
    """Holdings that would have become larger than a balance can be, so they stay."""


@transaction.atomic
def apply(*, migration: TokenMigration, today: date) -> MigrationReport:
    """Turn the old token into the new one wherever it is held, wanted or named.

    Holdings are multiplied exactly and rounded down to the smallest unit; weights move as they
    are and join the new token's own. The old token is superseded, and its prices continue the
    new one's history backwards. Idempotent: applied again, it moves only what came to the old
    token since. Raises TokenMigrationError, and then nothing has changed.
    """
    locked = TokenMigration.objects.select_for_update().get(pk=migration.pk)
    _hold_assets(locked)
    if locked.state != locked.State.APPLIED:
        _check_applicable(locked, today)
        locked.state = locked.State.APPLIED
        locked.applied_at = timezone.now()
        locked.old_was_active = locked.old_asset.is_active
        locked.save(update_fields=["state", "applied_at", "old_was_active"])
        Asset.objects.filter(pk=locked.old_asset_id).update(is_active=False)
    with localcontext(prec=60):  # the usual 28 digits would round large balances
        report = _move_all(locked)
    price_continuations.add(migration=locked)
    return report


@transaction.atomic
def reverse(*, migration: TokenMigration) -> MigrationReport:
    """Turn back what an application moved, to the last decimal.

    Where an owner has less of the new token by now than was moved, what is left is turned back.
    Idempotent. Raises TokenMigrationError, and then nothing has changed.
    """
    locked = TokenMigration.objects.select_for_update().get(pk=migration.pk)
    if locked.state != locked.State.APPLIED:
        return MigrationReport(0, 0, 0)
    _hold_assets(locked)
    later = TokenMigration.objects.filter(
        old_asset=locked.new_asset_id, state=locked.State.APPLIED
    ).first()
    if later is not None:
        raise TokenMigrationError(f"Reverse {later} first: it moved the new token on.")
    with localcontext(prec=60):
        report = _move_all_back(locked)
    price_continuations.remove(migration=locked)
    Asset.objects.filter(pk=locked.old_asset_id).update(is_active=locked.old_was_active)
    locked.state = locked.State.PREPARED
    locked.applied_at = None
    locked.save(update_fields=["state", "applied_at"])
    return report


def convert(quantity: Decimal, *, from_units: Decimal, to_units: Decimal) -> Decimal:
    """`quantity` in units of the other token, rounded down to the smallest unit."""
    with localcontext(prec=60, rounding=ROUND_DOWN):
        return (quantity * to_units / from_units).quantize(SMALLEST)


def _check_applicable(migration: TokenMigration, today: date) -> None:
    if migration.effective_on > today:
        raise TokenMigrationError(
            f"{migration} takes effect on {migration.effective_on}. Apply it then."
        )
    if not migration.new_asset.is_active:
        raise TokenMigrationError(f"{migration.new_asset} is not active. Activate it first.")
    others = TokenMigration.objects.filter(
        old_asset=migration.old_asset, state=TokenMigration.State.APPLIED
    )
    if other := others.first():
        raise TokenMigrationError(f"{other} is applied already. Reverse it first.")


def _hold_assets(migration: TokenMigration) -> None:
    """Keep both tokens from other migrations, but not from people who write holdings."""
    ids = [migration.old_asset_id, migration.new_asset_id]
    assets = Asset.objects.select_for_update(no_key=True).order_by("pk").in_bulk(ids)
    migration.old_asset, migration.new_asset = (assets[pk] for pk in ids)


# There


def _move_all(migration: TokenMigration) -> MigrationReport:
    owners = HOLDINGS.owners(migration.old_asset_id) | TARGETS.owners(migration.old_asset_id)
    portfolios = revisions.count_up(portfolio_ids=owners)
    models = MODEL_LINES.owners(migration.old_asset_id)
    left_alone = _move(HOLDINGS, migration, portfolios)
    _move(TARGETS, migration, portfolios)
    _move(MODEL_LINES, migration, models)
    return MigrationReport(len(portfolios), len(models), left_alone)


def _move(place: Place, migration: TokenMigration, owners: set[int]) -> int:
    """Move a place's rows to the new token and remember them; return how many had to stay."""
    present = place.rows(migration.new_asset_id, owners)
    remembered: list[MigratedAmount] = []
    amounts: dict[int, Decimal] = {}
    gone: list[int] = []
    left_alone = 0
    for owner, row in place.rows(migration.old_asset_id, owners).items():
        existing = present.get(owner)
        added = _in_new_units(place, migration, place.amount_of(row))
        total = added + place.amount_of(existing)
        if total >= TOO_LARGE:
            left_alone += 1
            continue
        moved = MigratedAmount(
            migration=migration,
            kind=place.kind,
            old_amount=place.amount_of(row),
            new_amount=added,
            **{f"{place.owner}_id": owner},
        )
        if existing or not total:
            moved.removed_row = _fields(row)
            gone.append(row.pk)
        if existing or total:
            amounts[(existing or row).pk] = total
        remembered.append(moved)
    MigratedAmount.objects.bulk_create(remembered, batch_size=BATCH_ROWS)
    place.model._default_manager.filter(pk__in=gone).delete()
    place.write(migration.new_asset_id, amounts)
    return left_alone


def _in_new_units(place: Place, migration: TokenMigration, amount: Decimal) -> Decimal:
    """Quantities are converted, weights are not."""
    if place is not HOLDINGS:
        return amount
    return convert(amount, from_units=migration.old_units, to_units=migration.new_units)


def _fields(row: Model) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


# And back


def _move_all_back(migration: TokenMigration) -> MigrationReport:
    rows = list(migration.moved.order_by("pk"))
    portfolios = revisions.count_up(
        portfolio_ids={row.portfolio_id for row in rows if row.portfolio_id is not None}
    )
    models = {row.model_portfolio_id for row in rows if row.model_portfolio_id is not None}
    left_alone = 0
    for place, owners in ((HOLDINGS, portfolios), (TARGETS, portfolios), (MODEL_LINES, models)):
        remembered = _by_owner(place, (row for row in rows if row.kind == place.kind))
        left_alone += _move_back(place, migration, remembered, owners)
    migration.moved.all().delete()
    return MigrationReport(len(portfolios), len(models), left_alone)


def _by_owner(place: Place, rows: Iterable[MigratedAmount]) -> dict[int, MigratedAmount]:
    """One remembered amount an owner: what a repeated application moved joins the first."""
    owners: dict[int, MigratedAmount] = {}
    for row in rows:
        first = owners.setdefault(getattr(row, f"{place.owner}_id"), row)
        if first is not row:
            first.old_amount += row.old_amount
            first.new_amount += row.new_amount
            first.removed_row = first.removed_row or row.removed_row
    return owners


def _move_back(
    place: Place,
    migration: TokenMigration,
    remembered: Mapping[int, MigratedAmount],
    owners: Collection[int],
) -> int:
    """Turn back what is still there of each amount; return how many had to stay."""
    present = place.rows(migration.new_asset_id, owners)
    returned = place.rows(migration.old_asset_id, owners)
    left: dict[int, Decimal] = {}
    back: dict[int, Decimal] = {}
    gone: list[int] = []
    recreated: list[Model] = []
    left_alone = 0
    for owner, moved in remembered.items():
        row, existing = present.get(owner), returned.get(owner)
        given = min(place.amount_of(row), moved.new_amount)
        total = place.amount_of(existing) + _in_old_units(place, migration, moved, given)
        if total >= TOO_LARGE:
            left_alone += 1
            continue
        remaining = place.amount_of(row) - given
        if row and remaining:
            left[row.pk] = remaining
        elif row and (existing or not total):
            gone.append(row.pk)
        elif row:
            existing = row
        if existing:
            back[existing.pk] = total
        elif total or given == moved.new_amount:
            recreated.append(_recreate(place, moved, migration.old_asset_id, total))
    place.model._default_manager.filter(pk__in=gone).delete()
    place.model._default_manager.bulk_create(recreated, batch_size=BATCH_ROWS)
    place.write(migration.new_asset_id, left)
    place.write(migration.old_asset_id, back)
    return left_alone


def _in_old_units(
    place: Place, migration: TokenMigration, moved: MigratedAmount, given: Decimal
) -> Decimal:
    """What `given` of the new token was in the old one: exactly, when all of it is given."""
    if given == moved.new_amount:
        return moved.old_amount
    if place is not HOLDINGS:
        return given
    return convert(given, from_units=migration.new_units, to_units=migration.old_units)


def _recreate(place: Place, moved: MigratedAmount, asset_id: int, amount: Decimal) -> Model:
    owner = f"{place.owner}_id"
    fields = moved.removed_row or {owner: getattr(moved, owner)}
    return place.model(**fields | {"asset_id": asset_id, place.amount: amount})
