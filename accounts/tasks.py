from celery import shared_task
from django.db import OperationalError

from accounts.services import guests, outbox, sessions


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def send_due_mail(kind: str = "") -> None:
    """Send all that is due; account mail, which somebody waits for, does not queue up for it."""
    if kind:
        outbox.send_due(kind=kind)
        return
    with outbox.single_sender() as mine:
        if mine:
            outbox.send_due()


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def purge_mail() -> None:
    outbox.purge_bodies()


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def purge_sessions() -> None:
    sessions.purge()


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def purge_guests() -> None:
    guests.purge()
