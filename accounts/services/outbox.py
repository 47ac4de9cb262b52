"""The outbox: every message is a row first, and leaves from there.

    pending -> sending -> sent | failed | suppressed
                       -> unknown (no answer after the body was sent, or a sender that died)

`unknown` is sent once more under the same Message-ID, so that the reader's mail programme may
drop the copy; a second time it becomes `failed`, and staff decide: `send_again` or `give_up`.
A row is claimed with a lease and every outcome is written only if `attempt` is still the
claimer's, so a sender that comes back late changes nothing. All times are the database's.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core import mail
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts.emails import Rendered
from accounts.models import GUEST_DOMAIN, BlockedAddress, OutgoingEmail, User
from accounts.services import addresses, delivery

# Links in these let their reader in: the body goes as soon as it is sent.
ACCOUNT = "account"
# Longer than the mail server's slowest answers together, and than a task's hard time limit.
LEASE = timedelta(minutes=6)
FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=4)
MAX_ATTEMPTS = 10
ADVISORY_LOCK = 0x45564B4D  # "EVKM"
# A sender has a worker to itself for so long; whoever rang rings again (accounts.tasks).
SENDING_SECONDS = 10.0
KEPT_FOR = timedelta(days=30)
# So much of a stall is made up for, so that the rate is kept on a busy machine.
CATCH_UP_SECONDS = 1.0

# The Message-ID is given once and for all; a row whose end is unknown stays so while it is held.
CLAIM = """
    WITH due AS MATERIALIZED (
        SELECT id FROM accounts_outgoingemail
        WHERE state IN ('pending', 'unknown') AND lease_until IS NULL
          AND due_at <= statement_timestamp() AND (%(kind)s = '' OR kind = %(kind)s)
        ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
    UPDATE accounts_outgoingemail AS outgoing
    SET state = CASE state WHEN 'pending' THEN 'sending' ELSE state END, attempt = attempt + 1,
        lease_until = statement_timestamp() + make_interval(secs => %(lease)s),
        message_id = CASE message_id WHEN '' THEN
            format('<outbox-%%s-%%s@%%s>', outgoing.id,
                   replace(gen_random_uuid()::text, '-', ''), %(host)s)
            ELSE message_id END
    FROM due WHERE outgoing.id = due.id
    RETURNING outgoing.*, (
        SELECT reason FROM accounts_blockedaddress
        WHERE address = lower(outgoing.recipient)) AS blocked_for
"""

State = OutgoingEmail.State
Renderer = Callable[[OutgoingEmail], Rendered | None]
logger = structlog.get_logger(__name__)
_renderers: dict[str, Renderer] = {}


@dataclass(frozen=True)
class SendReport:
    """How many messages ended how; `unreachable` when the mail server could not be spoken to.

    `out_of_time`: more may be due.
    """

    sent: int = 0
    deferred: int = 0
    unknown: int = 0
    failed: int = 0
    suppressed: int = 0
    unreachable: bool = False
    out_of_time: bool = False

    def plus(self, outcome: str) -> "SendReport":
        return replace(self, **{outcome: getattr(self, outcome) + 1})


def register(kind: str, render: Renderer) -> None:
    """Have rows of `kind` without a body rendered when first claimed; None suppresses the row."""
    _renderers[kind] = render


def enqueue(
    *,
    dedupe_key: str,
    recipient: str,
    kind: str,
    subject: str,
    text: str,
    html: str = "",
    user: User | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Put a message into the outbox, unless one with this `dedupe_key` is or was there.

    Nothing is written to a guest: that address is nobody's.
    """
    if recipient.lower().endswith(f"@{GUEST_DOMAIN}"):
        return
    row = OutgoingEmail(
        dedupe_key=dedupe_key,
        recipient=recipient,
        kind=kind,
        subject=subject[: OutgoingEmail._meta.get_field("subject").max_length],
        text=text,
        html=html,
        user=user,
        headers=dict(headers or {}),
    )
    OutgoingEmail.objects.bulk_create([row], ignore_conflicts=True)


def claim(*, limit: int, lease: timedelta = LEASE, kind: str = "") -> list[OutgoingEmail]:
    """Take up to `limit` due rows that nobody else has, in one statement; return them."""
    host = urlsplit(settings.SITE_URL).hostname
    numbers = {"lease": lease.total_seconds(), "limit": limit, "kind": kind, "host": host}
    return list(OutgoingEmail.objects.raw(CLAIM, numbers))


@contextmanager
def single_sender(lock: int = ADVISORY_LOCK) -> Iterator[bool]:
    """Whether this process is the only one to send now: two would double the rate."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [lock])
        mine = bool(cursor.fetchone()[0])
    try:
        yield mine
    finally:
        if mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [lock])


def send_due(
    *, limit: int = 10_000, seconds: float = SENDING_SECONDS, kind: str = ""
) -> SendReport:
    """Send what is due, one by one over one connection, until nothing is or time is up.

    Any number of these may run at once. An unreachable server costs no message an attempt.
    """
    _expire_leases()
    report, deadline = SendReport(), time.monotonic() + seconds
    backend = mail.get_connection()
    pace = _Pace(settings.MAILS_PER_SECOND)
    try:
        for _ in range(limit):
            if time.monotonic() > deadline:
                return replace(report, out_of_time=True)
            if not _is_open(backend) and not _due(kind).exists():
                break
            pace.wait()
            try:
                backend.open()
            except OSError as error:
                logger.warning("mail server unreachable", error=str(error))
                return replace(report, unreachable=True)
            claimed = claim(limit=1, kind=kind)
            if not claimed:
                break
            report = report.plus(_send(claimed[0], backend))
    finally:
        _close(backend)
    return report


def purge_bodies(*, older_than: timedelta = KEPT_FOR) -> int:
    """Forget what old messages said, and altogether those that belong to no user."""
    old = OutgoingEmail.objects.filter(
        state__in=[State.SENT, State.FAILED, State.SUPPRESSED], created_at__lt=Now() - older_than
    )
    forgotten, _ = old.filter(user__isnull=True).delete()
    return forgotten + old.exclude(text="", html="").update(text="", html="")


# --- What staff decide ---


def left_to_staff() -> QuerySet[OutgoingEmail]:
    """Messages that the machinery has ended, or does not know the end of, and that nobody holds."""
    return OutgoingEmail.objects.filter(
        state__in=[State.UNKNOWN, State.FAILED], lease_until__isnull=True
    )


@transaction.atomic
def send_again(*, ids: Iterable[int]) -> list[OutgoingEmail]:
    """Queue messages once more, under the Message-ID they had; return those that were.

    What is held, was sent, or has no words any more stays as it is. Idempotent.
    """
    rows = [
        row
        for row in left_to_staff().filter(pk__in=list(ids)).select_for_update(skip_locked=True)
        if row.text or row.kind in _renderers
    ]
    # The attempts go on counting: a sender that comes back late still finds that it is late.
    OutgoingEmail.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=State.PENDING, due_at=Now()
    )
    return rows


@transaction.atomic
def give_up(*, ids: Iterable[int]) -> list[OutgoingEmail]:
    """End messages without sending them, and return those that were ended. Idempotent."""
    rows = list(left_to_staff().filter(pk__in=list(ids)).select_for_update(skip_locked=True))
    OutgoingEmail.objects.filter(pk__in=[row.pk for row in rows]).update(state=State.SUPPRESSED)
    return rows


# --- Claiming ---


def _due(kind: str = "") -> QuerySet[OutgoingEmail]:
    """Rows that nobody holds. An `unknown` row that is held is being sent its second time."""
    rows = OutgoingEmail.objects.filter(
        state__in=[State.PENDING, State.UNKNOWN], lease_until__isnull=True, due_at__lte=Now()
    )
    return rows.filter(kind=kind) if kind else rows


def _expire_leases() -> None:
    """A sender died or was stopped, perhaps after the server had taken its message."""
    expired = OutgoingEmail.objects.filter(lease_until__lt=Now())
    expired.filter(state=State.UNKNOWN).update(
        state=State.FAILED, lease_until=None, last_error="The sender died twice."
    )
    expired.filter(state=State.SENDING).update(
        state=State.UNKNOWN, lease_until=None, last_error="The sender died."
    )


# --- Sending one ---


def _send(row: OutgoingEmail, backend: delivery.Backend) -> str:
    """Send a claimed row, write down how it ended, and return that (a field of SendReport)."""
    if row.kind != ACCOUNT and row.blocked_for:
        why = f"No letters go there: {BlockedAddress.Reason(row.blocked_for).label}."
        return _settle(row, State.SUPPRESSED, why)
    try:
        if not _ensure_body(row):
            return _settle(row, State.SUPPRESSED, "Nothing to say any more.")
    except Exception as error:  # one message that cannot be rendered must not stop the others
        logger.exception("e-mail not rendered", outgoing_email=row.pk, kind=row.kind)
        return _defer(row, f"Not rendered: {type(error).__name__}: {error}")
    try:
        delivery.deliver(backend, message(row))
    except delivery.DeliveryError as error:
        _close(backend)  # whatever state it is in, the next message deserves a fresh one
        return _settle_failure(row, error)
    return _settle(row, State.SENT)


def _ensure_body(row: OutgoingEmail) -> bool:
    """Render and keep the body if there is none yet; False when there is nothing to say."""
    if row.text:
        return True
    rendered = _renderers[row.kind](row)
    if rendered is None:
        return False
    row.subject, row.text, row.html = rendered.subject, rendered.text, rendered.html
    row.headers = dict(rendered.headers)
    _claimed(row).update(subject=row.subject, text=row.text, html=row.html, headers=row.headers)
    return True


def message(row: OutgoingEmail) -> mail.EmailMessage:
    """The row as it leaves, headers and all."""
    written = mail.EmailMultiAlternatives(
        subject=row.subject,
        body=row.text,
        to=[row.recipient],
        headers={**row.headers, "Message-ID": row.message_id},
    )
    if row.html:
        written.attach_alternative(row.html, "text/html")
    return written


# --- Writing down how it ended ---


def _settle_failure(row: OutgoingEmail, error: delivery.DeliveryError) -> str:
    words = str(error)
    match error:
        case delivery.RecipientRefused():
            if error.is_unknown_address:
                addresses.block(
                    address=row.recipient, reason=BlockedAddress.Reason.REFUSED, words=words
                )
            return _settle(row, State.SUPPRESSED, words)
        case delivery.Refused():
            return _settle(row, State.FAILED, words)
        case delivery.Unanswered() if row.state == State.UNKNOWN:
            return _settle(row, State.FAILED, f"Twice without an answer. {words}")
        case delivery.Unanswered():
            return _settle(row, State.UNKNOWN, words)
        case _:
            return _defer(row, words)


def _defer(row: OutgoingEmail, error: str) -> str:
    """Back to the queue, later each time, until it has been tried often enough."""
    if row.attempt >= MAX_ATTEMPTS:
        return _settle(row, State.FAILED, error)
    delay = min(FIRST_RETRY * 2 ** (row.attempt - 1), LONGEST_RETRY)
    waiting = State.UNKNOWN if row.state == State.UNKNOWN else State.PENDING
    _claimed(row).update(state=waiting, lease_until=None, due_at=Now() + delay, last_error=error)
    return "deferred"


def _settle(row: OutgoingEmail, state: "OutgoingEmail.State", error: str = "") -> str:
    changes: dict[str, Any] = {"state": state, "lease_until": None, "last_error": error}
    if state == State.SENT:
        changes["sent_at"] = Now()
        if row.kind == ACCOUNT:
            changes |= {"text": "", "html": ""}
    elif state == State.UNKNOWN:
        changes["due_at"] = Now() + FIRST_RETRY
    if not _claimed(row).update(**changes):
        logger.warning("e-mail settled by another sender", outgoing_email=row.pk, state=state)
    return str(state.value)


def _claimed(row: OutgoingEmail) -> QuerySet[OutgoingEmail]:
    """The row, if this claim is still the latest."""
    return OutgoingEmail.objects.filter(
        pk=row.pk, attempt=row.attempt, state__in=[State.SENDING, State.UNKNOWN]
    )


# --- The connection ---


class _Pace:
    """Spaces messages evenly, `per_second` of them; makes up for what a second's stall cost."""

    def __init__(self, per_second: float) -> None:
        self.interval = 1 / per_second
        self.next = time.monotonic()

    def wait(self) -> None:
        now = time.monotonic()
        time.sleep(max(0.0, self.next - now))
        self.next = max(now - CATCH_UP_SECONDS, self.next) + self.interval


def _is_open(backend: delivery.Backend) -> bool:
    return bool(getattr(backend, "connection", None))


def _close(backend: delivery.Backend) -> None:
    try:
        backend.close()
    except OSError:
        logger.info("mail server hung up first")
