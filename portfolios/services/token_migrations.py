"""Tokens that replaced others: holdings, targets, model lines and prices move along, and back.

    prepared -> applying -> applied -> reversing -> prepared

Staff start a change, and it is carried out in one transaction, by a worker when it is large. A
worker that dies leaves nothing half done: the change stays started, and is rung for until some
worker ends it. What cannot be done says so in `outcome`, and the migration is what it was before.
"""

from dataclasses import dataclass
from datetime import date

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from portfolios.models import Asset, TokenMigration
from portfolios.services import price_continuations, revisions, token_moves
from portfolios.services.errors import TokenMigrationError
from portfolios.services.token_moves import HOLDINGS, MODEL_LINES, STRATEGIC, TARGETS

State = TokenMigration.State
UNDER_WAY = (State.APPLYING, State.REVERSING)
MAX_ATTEMPTS = 5


@dataclass(frozen=True)
class MigrationReport:
    """What an application or a reversal touched."""

    portfolios: int
    model_portfolios: int
    left_alone: int
    """Holdings that would have become larger than a balance can be, so they stay."""

    def __str__(self) -> str:
        return (
            f"{_count(self.portfolios, 'portfolio')} and "
            f"{_count(self.model_portfolios, 'model portfolio')} changed."
        )

    @property
    def warning(self) -> str:
        if not self.left_alone:
            return ""
        holdings = _count(self.left_alone, "holding")
        return f"{holdings} would have become too large for a balance, and stayed."


def start(*, migration: TokenMigration, change: State, today: date, by: User) -> None:
    """Ask for a change: State.APPLYING or State.REVERSING. `carry_out` does it.

    Raises TokenMigrationError when it cannot be done now or one is under way; nothing is asked
    for then.
    """
    with transaction.atomic():
        locked = TokenMigration.objects.select_for_update(of=("self",)).get(pk=migration.pk)
        if locked.state in UNDER_WAY:
            raise TokenMigrationError(f"{locked} is {locked.state} already. Wait until it is done.")
        if change == State.APPLYING and locked.applied_at is None:
            _check_applicable(locked, today)
        if change == State.REVERSING:
            _check_reversible(locked)
        locked.state, locked.started_at, locked.started_by = change, timezone.now(), by
        locked.attempt, locked.outcome = 0, ""
        locked.save(update_fields=["state", "started_at", "started_by", "attempt", "outcome"])


def unfinished() -> list[int]:
    """The migrations that wait for a worker, or are with one."""
    return list(TokenMigration.objects.filter(state__in=UNDER_WAY).values_list("pk", flat=True))


def carry_out(*, migration_id: int, today: date) -> None:
    """Do what was asked for, all or nothing, and write down what came of it.

    Idempotent: whoever comes second, or while another is at it, does nothing.
    """
    if not _claim(migration_id):
        return
    try:
        with transaction.atomic():
            locked = _lock_if_free(migration_id)
            if locked is None:
                return
            verb = "Applied" if locked.state == State.APPLYING else "Reversed"
            if locked.state == State.APPLYING:
                report = apply(migration=locked, today=today)
            else:
                report = reverse(migration=locked)
            _note(locked, f"{verb} {locked}: {report} {report.warning}".rstrip())
    except TokenMigrationError as refusal:
        _give_up(migration_id, str(refusal))


@transaction.atomic
def apply(*, migration: TokenMigration, today: date) -> MigrationReport:
    """Turn the old token into the new one wherever it is held, wanted or named.

    Holdings are multiplied exactly and rounded down to the smallest unit; weights move as they
    are and join the new token's own. The old token is superseded, and its prices continue the
    new one's history backwards. Idempotent: applied again, it moves only what came to the old
    token since. Raises TokenMigrationError, and then nothing has changed.
    """
    locked = TokenMigration.objects.select_for_update(of=("self",)).get(pk=migration.pk)
    _hold_assets(locked)
    if locked.applied_at is None:
        _check_applicable(locked, today)
        locked.applied_at = timezone.now()
        locked.old_was_active = locked.old_asset.is_active
        Asset.objects.filter(pk=locked.old_asset_id).update(is_active=False)
    locked.state = State.APPLIED
    locked.save(update_fields=["state", "applied_at", "old_was_active"])
    report = _move_all(locked)
    price_continuations.add(migration=locked)
    return report


@transaction.atomic
def reverse(*, migration: TokenMigration) -> MigrationReport:
    """Turn back what an application moved, to the last decimal.

    Where an owner has less of the new token by now than was moved, what is left is turned back.
    Idempotent. Raises TokenMigrationError, and then nothing has changed.
    """
    locked = TokenMigration.objects.select_for_update(of=("self",)).get(pk=migration.pk)
    _hold_assets(locked)
    was_applied = locked.applied_at is not None
    locked.state, locked.applied_at = State.PREPARED, None
    locked.save(update_fields=["state", "applied_at"])
    if not was_applied:
        return MigrationReport(0, 0, 0)
    _check_reversible(locked)
    report = _move_all_back(locked)
    price_continuations.remove(migration=locked)
    Asset.objects.filter(pk=locked.old_asset_id).update(is_active=locked.old_was_active)
    return report


def _check_applicable(migration: TokenMigration, today: date) -> None:
    if migration.effective_on > today:
        raise TokenMigrationError(
            f"{migration} takes effect on {migration.effective_on}. Apply it then."
        )
    if not migration.new_asset.is_active:
        raise TokenMigrationError(f"{migration.new_asset} is not active. Activate it first.")
    others = TokenMigration.objects.filter(old_asset=migration.old_asset, applied_at__isnull=False)
    if other := others.first():
        raise TokenMigrationError(f"{other} is applied already. Reverse it first.")


def _check_reversible(migration: TokenMigration) -> None:
    later = TokenMigration.objects.filter(
        old_asset=migration.new_asset_id, applied_at__isnull=False
    ).first()
    if later is not None:
        raise TokenMigrationError(f"Reverse {later} first: it moved the new token on.")


def _hold_assets(migration: TokenMigration) -> None:
    """Keep both tokens from other migrations, but not from people who write holdings."""
    ids = [migration.old_asset_id, migration.new_asset_id]
    assets = Asset.objects.select_for_update(no_key=True).order_by("pk").in_bulk(ids)
    migration.old_asset, migration.new_asset = (assets[pk] for pk in ids)


def _move_all(migration: TokenMigration) -> MigrationReport:
    places = (HOLDINGS, TARGETS, STRATEGIC)
    owners = {pk for place in places for pk in place.owners(migration.old_asset_id)}
    portfolios = revisions.count_up(portfolio_ids=owners)
    models = MODEL_LINES.owners(migration.old_asset_id)
    left_alone = token_moves.move(HOLDINGS, migration, portfolios)
    token_moves.move(TARGETS, migration, portfolios)
    token_moves.move(STRATEGIC, migration, portfolios)
    token_moves.move(MODEL_LINES, migration, models)
    token_moves.extend_rules(migration, portfolios)
    return MigrationReport(len(portfolios), len(models), left_alone)


def _move_all_back(migration: TokenMigration) -> MigrationReport:
    moved = migration.moved.order_by()
    owners = moved.filter(portfolio__isnull=False).values_list("portfolio_id", flat=True)
    portfolios = revisions.count_up(portfolio_ids=set(owners))
    named = moved.filter(model_portfolio__isnull=False)
    models = set(named.values_list("model_portfolio_id", flat=True))
    left_alone = token_moves.move_back(HOLDINGS, migration, portfolios)
    token_moves.move_back(TARGETS, migration, portfolios)
    token_moves.move_back(STRATEGIC, migration, portfolios)
    token_moves.move_back(MODEL_LINES, migration, models)
    token_moves.withdraw_rules(migration, portfolios)
    moved.delete()
    return MigrationReport(len(portfolios), len(models), left_alone)


# Carrying out


def _lock_if_free(migration_id: int) -> TokenMigration | None:
    """The migration if a change is asked for and nobody is at it, locked."""
    waiting = TokenMigration.objects.filter(pk=migration_id, state__in=UNDER_WAY)
    return waiting.select_for_update(skip_locked=True, of=("self",)).first()


def _claim(migration_id: int) -> bool:
    """Count an attempt, in a transaction of its own: a worker that dies has made one, too."""
    with transaction.atomic():
        locked = _lock_if_free(migration_id)
        if locked is None:
            return False
        if locked.attempt < MAX_ATTEMPTS:
            TokenMigration.objects.filter(pk=migration_id).update(attempt=F("attempt") + 1)
            return True
    _give_up(migration_id, f"It was begun {MAX_ATTEMPTS} times and never ended.")
    return False


def _give_up(migration_id: int, reason: str) -> None:
    """Back to what the migration was before, with a sentence that says why."""
    with transaction.atomic():
        locked = _lock_if_free(migration_id)
        if locked is not None:
            locked.state = State.PREPARED if locked.applied_at is None else State.APPLIED
            locked.save(update_fields=["state"])
            _note(locked, f"{reason} Nothing has changed.")


def _note(migration: TokenMigration, outcome: str) -> None:
    """Say what came of a change on the migration, and in its history."""
    TokenMigration.objects.filter(pk=migration.pk).update(outcome=outcome)
    if by := migration.started_by_id:
        LogEntry.objects.log_actions(by, [migration], CHANGE, outcome, single_object=True)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun if number == 1 else noun + 's'}"
