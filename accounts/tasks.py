from celery import shared_task
from django.db import OperationalError

from accounts.services import (
    guests,
    letters,
    notifications,
    outbox,
    sessions,
    webhook_deliveries,
)


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def send_due_mail(kind: str = "") -> None:
    """Begin letters about what is new, and send for a while what is due; ring again for the rest.

    Account mail, which somebody waits for, does not queue up for it.
    """
    if kind:
        outbox.send_due(kind=kind)
        return
    letters.queue()
    with outbox.single_sender() as mine:
        report = outbox.send_due() if mine else None
    if report and report.out_of_time:
        send_due_mail.delay()


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def send_webhooks() -> None:
    """Queue what webhooks are to be told, and tell for a while what is due; ring for the rest."""
    webhook_deliveries.queue()
    with outbox.single_sender(webhook_deliveries.ADVISORY_LOCK) as mine:
        more = webhook_deliveries.send_due() if mine else False
    if more:
        send_webhooks.delay()


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def purge_webhooks() -> None:
    webhook_deliveries.purge()


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def purge_mail() -> None:
    outbox.purge_bodies()


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def purge_notifications() -> None:
    notifications.purge()


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def purge_sessions() -> None:
    sessions.purge()


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def purge_guests() -> None:
    guests.purge()
