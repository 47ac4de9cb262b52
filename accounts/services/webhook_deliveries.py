"""Deliveries to webhooks: queued from notifications, claimed with a lease, tried again for a day.

    pending -> sending -> delivered | failed, or back to pending, later each time

At least once: a sender that dies after the other side has answered leaves a lease that runs out,
and the event is told again under the same id. All times are the database's.
"""

import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce, Now

from accounts.models import Webhook, WebhookDelivery
from accounts.services import encryption, notifications, webhook_requests, webhooks
from accounts.services.webhook_requests import Answer

ADVISORY_LOCK = 0x45564B57  # "EVKW"
# Longer than a task's hard time limit.
LEASE = timedelta(minutes=6)
# Ten tries within a day: after 1, 3, 9, 27, 81 minutes, 4 hours, then every 6.
FIRST_RETRY, FACTOR, LONGEST_RETRY = timedelta(minutes=1), 3, timedelta(hours=6)
MAX_ATTEMPTS = 10
# A webhook to which nothing gets through for so long, in so many tries, is switched off.
OFF_AFTER, OFF_AFTER_FAILURES = timedelta(days=3), 5
# Requests under way at the same time, each to another webhook.
AT_ONCE = 8
SENDING_SECONDS = 10.0
KEPT_FOR = timedelta(days=30)

QUEUE = """
    WITH told AS (
        UPDATE accounts_notification SET is_for_webhooks = false
        WHERE is_for_webhooks RETURNING id, user_id, kind)
    INSERT INTO accounts_webhookdelivery (webhook_id, notification_id)
    SELECT webhook.id, told.id FROM told
    JOIN accounts_webhook AS webhook ON webhook.user_id = told.user_id
      AND webhook.state = 'active' AND told.kind = ANY(webhook.kinds)
    ON CONFLICT (webhook_id, notification_id) DO NOTHING
"""
# One of each webhook at a time: who is slow or has much to be told holds up nobody else.
CLAIM = """
    WITH first AS MATERIALIZED (
        SELECT DISTINCT ON (due.webhook_id) due.id
        FROM accounts_webhookdelivery AS due
        JOIN accounts_webhook AS webhook
          ON webhook.id = due.webhook_id AND webhook.state = 'active'
        WHERE due.state = 'pending' AND due.due_at <= statement_timestamp() AND NOT EXISTS (
            SELECT FROM accounts_webhookdelivery AS held
            WHERE held.webhook_id = due.webhook_id AND held.state = 'sending')
        ORDER BY due.webhook_id, due.due_at, due.id),
    mine AS MATERIALIZED (
        SELECT id FROM accounts_webhookdelivery
        WHERE state = 'pending' AND id IN (SELECT id FROM first)
        ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
    UPDATE accounts_webhookdelivery AS delivery
    SET state = 'sending', attempt = attempt + 1,
        lease_until = statement_timestamp() + make_interval(secs => %(lease)s)
    FROM mine WHERE delivery.id = mine.id
    RETURNING delivery.id
"""
State = WebhookDelivery.State
logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Request:
    url: str
    secret: str
    event_id: str
    body: bytes


def queue() -> int:
    """Give every notification that webhooks want its deliveries; how many. Idempotent."""
    with connection.cursor() as cursor:
        cursor.execute(QUEUE)
        return int(cursor.rowcount)


def send_due(*, seconds: float = SENDING_SECONDS) -> bool:
    """Tell what is due until nothing is or time is up; whether more may be due."""
    _expire_leases()
    deadline = time.monotonic() + seconds
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while time.monotonic() < deadline:
            claimed = claim(limit=AT_ONCE)
            if not claimed:
                return False
            requests = {row.pk: _request(row) for row in claimed}
            # Only the requests run in threads; the database is this thread's.
            answers = pool.map(_send, requests.values())
            for row, answer in zip(claimed, answers, strict=True):
                _settle(row, answer)
    return True


def claim(*, limit: int) -> list[WebhookDelivery]:
    """Take due deliveries that nobody has, at most one of each webhook."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"lease": LEASE.total_seconds(), "limit": limit})
        ids = [pk for (pk,) in cursor.fetchall()]
    rows = WebhookDelivery.objects.filter(pk__in=ids)
    return list(rows.select_related("webhook__user", "notification__user"))


def purge(*, older_than: timedelta = KEPT_FOR) -> int:
    """Forget what is long ago, told or not; how many. Idempotent."""
    forgotten, _ = WebhookDelivery.objects.filter(created_at__lt=Now() - older_than).delete()
    return forgotten


def _expire_leases() -> None:
    """A sender died, perhaps after its event was taken: it is told again, under the same id."""
    WebhookDelivery.objects.filter(state=State.SENDING, lease_until__lt=Now()).update(
        state=State.PENDING, lease_until=None, last_error="The sender died."
    )


# --- One request ---


def _request(row: WebhookDelivery) -> _Request | Answer:
    """What is sent; or how it ended, where something of ours is wrong."""
    try:
        if not row.payload:
            row.payload = json.dumps(_event(row), ensure_ascii=False)
            _claimed(row).update(payload=row.payload)
        secret = encryption.decrypt(row.webhook.secret)
    except Exception as error:  # one that cannot be written must not stop the others
        logger.exception("webhook not written", delivery=row.pk)
        return Answer(problem=f"Not written: {type(error).__name__}.")
    return _Request(row.webhook.url, secret, str(row.event_id), row.payload.encode())


def _event(row: WebhookDelivery) -> Mapping[str, object]:
    if row.notification is None:
        told: dict[str, object] = {"subject": "A test", "body": "It arrived."}
        return {"type": "test", "timestamp": row.created_at.isoformat(), "data": told}
    [item] = notifications.with_words([row.notification])
    return {
        "type": f"notification.{item.kind}",
        "timestamp": item.created_at.isoformat(),
        "data": {
            "id": item.pk,
            "kind": item.kind,
            "subject": item.subject,
            "body": item.body,
            "url": f"{settings.SITE_URL.rstrip('/')}{item.link}" if item.link else None,
        },
    }


def _send(request: _Request | Answer) -> Answer:
    if isinstance(request, Answer):
        return request
    headers = webhook_requests.sign(
        secret=request.secret,
        event_id=request.event_id,
        timestamp=int(time.time()),
        body=request.body,
    )
    return webhook_requests.post(request.url, headers=headers, body=request.body)


# --- Writing down how it ended ---


@transaction.atomic
def _settle(row: WebhookDelivery, answer: Answer) -> None:
    fields = {"last_status": answer.status, "last_error": answer.problem, "lease_until": None}
    if answer.is_success:
        if _claimed(row).update(**fields, state=State.DELIVERED, delivered_at=Now()):
            _note_success(row.webhook)
        return
    is_gone = answer.status == HTTPStatus.GONE
    if is_gone or row.is_test or row.attempt >= MAX_ATTEMPTS:
        ended = _claimed(row).update(**fields, state=State.FAILED)
    else:
        delay = min(FIRST_RETRY * FACTOR ** (row.attempt - 1), LONGEST_RETRY)
        ended = _claimed(row).update(**fields, state=State.PENDING, due_at=Now() + delay)
    if ended and is_gone:
        why = "Its server answered 410: there is nothing at this address any more."
        webhooks.switch_off(webhook=row.webhook, state=Webhook.State.GONE, why=why)
    elif ended and not row.is_test:
        _note_failure(row.webhook, answer)


def _note_success(webhook: Webhook) -> None:
    Webhook.objects.filter(pk=webhook.pk).update(
        failures=0, failing_since=None, last_delivered_at=Now()
    )


def _note_failure(webhook: Webhook, answer: Answer) -> None:
    found = Webhook.objects.filter(pk=webhook.pk)
    found.update(failures=F("failures") + 1, failing_since=Coalesce("failing_since", Now()))
    if found.filter(failures__gte=OFF_AFTER_FAILURES, failing_since__lt=Now() - OFF_AFTER).exists():
        why = f"Nothing has arrived there for {OFF_AFTER.days} days. The last try: {answer.problem}"
        webhooks.switch_off(webhook=webhook, state=Webhook.State.FAILING, why=why)


def _claimed(row: WebhookDelivery) -> QuerySet[WebhookDelivery]:
    """The row, if this claim is still the latest."""
    return WebhookDelivery.objects.filter(pk=row.pk, attempt=row.attempt, state=State.SENDING)
