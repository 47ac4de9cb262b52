from celery import shared_task
from django.db import OperationalError
from django.utils import timezone

from portfolios.services import portfolios, token_migrations


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
