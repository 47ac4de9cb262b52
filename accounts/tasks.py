from celery import shared_task
from django.db import OperationalError

from accounts.services import outbox


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def send_due_mail(kind: str = "") -> None:
    outbox.send_due(kind=kind)


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def purge_mail() -> None:
    outbox.purge_bodies()
