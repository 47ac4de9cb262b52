from celery import shared_task
from django.db import OperationalError

from portfolios.services import portfolios


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def purge_deleted_portfolios() -> None:
    portfolios.purge_deleted()
