from time import monotonic

from celery import shared_task
from django.db import OperationalError
from django.utils import timezone

from portfolios.services import imports, portfolios, token_migrations

# A ring works this long and rings again: a worker that is stopped waits longer for it.
WORKING_SECONDS = 20


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def purge_deleted_portfolios() -> None:
    portfolios.purge_deleted()


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def ring_for_token_migrations() -> None:
    """Ring for every change that was started and did not end: its worker may have died."""
    for migration_id in token_migrations.unfinished():
        carry_out_token_migration.delay(migration_id)


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def carry_out_token_migration(migration_id: int) -> None:
    token_migrations.carry_out(migration_id=migration_id, today=timezone.now().date())


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def ring_for_imports() -> None:
    """Ring for every import that was begun and did not end: its worker may have died."""
    for import_id in imports.unfinished():
        carry_out_import.delay(import_id)


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def carry_out_import(import_id: int) -> None:
    """Add rows for a while, and ring again for the rest."""
    started = monotonic()
    while imports.carry_out(import_id=import_id, now=timezone.now()):
        if monotonic() - started > WORKING_SECONDS:
            carry_out_import.delay(import_id)
            return


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def purge_imports() -> None:
    imports.purge()
