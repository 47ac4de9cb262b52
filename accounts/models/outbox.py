"""The outbox: one row for every message that ever leaves, claimed with a lease."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class OutgoingEmail(models.Model):
    """A message to one person. `dedupe_key` makes writing it twice impossible.

    A row either carries its body (`text`, `html`), or a `kind` and a `reference` from which
    the body is rendered when it is first claimed (see `accounts.services.outbox`).
    """

    class State(models.TextChoices):
        PENDING = "pending"
        SENDING = "sending"
        SENT = "sent"
        UNKNOWN = "unknown", "unknown: the connection ended before the server answered"
        FAILED = "failed"
        SUPPRESSED = "suppressed"

    dedupe_key = models.CharField(max_length=200, unique=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    recipient = models.EmailField(max_length=254)
    kind = models.CharField(max_length=40)
    reference = models.BigIntegerField(null=True, blank=True)
    message_id = models.CharField(max_length=200, blank=True, editable=False)
    subject = models.CharField(max_length=200, blank=True)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    headers = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    attempt = models.PositiveSmallIntegerField(default=0, db_default=0)
    due_at = models.DateTimeField(db_default=Now())
    lease_until = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    sent_at = models.DateTimeField(null=True, blank=True)

    # Why no letter goes to its recipient; known of a row that has just been claimed.
    blocked_for: str | None = None

    class Meta:
        verbose_name = "outgoing e-mail"
        constraints = (
            models.CheckConstraint(
                condition=models.Q(
                    state__in=["pending", "sending", "sent", "unknown", "failed", "suppressed"]
                ),
                name="outgoing_email_state_known",
            ),
        )
        indexes = (
            models.Index(
                fields=["due_at"],
                name="outgoing_email_due",
                condition=models.Q(state__in=["pending", "sending", "unknown"]),
            ),
            models.Index(
                fields=["lease_until"],
                name="outgoing_email_held",
                condition=models.Q(lease_until__isnull=False),
            ),
            models.Index(
                fields=["created_at"],
                name="outgoing_email_failed",
                condition=models.Q(state="failed"),
            ),
            models.Index(
                fields=["user"],
                name="outgoing_letters_waiting",
                condition=models.Q(kind="letter", state="pending", attempt=0),
            ),
            models.Index(
                fields=["user", "-sent_at"],
                name="outgoing_letters_sent",
                condition=models.Q(kind="letter", sent_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} to {self.recipient}"
