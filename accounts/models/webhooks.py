"""Addresses of machines that are told what their person is told, and each telling."""

from uuid import uuid4

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models.functions import Now

from accounts.models.notifications import Kind, Notification


class Webhook(models.Model):
    """Where a person's own programme wants to be told of notifications of these kinds."""

    class State(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"
        GONE = "gone", "switched off: its server said that it is gone"
        FAILING = "failing", "switched off: nothing arrived for days"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhooks"
    )
    url = models.CharField("address", max_length=500)
    kinds = ArrayField(models.CharField(max_length=20), help_text="What it is told of.")
    secret = models.TextField(editable=False, help_text="Encrypted; its deliveries are signed.")
    state = models.CharField(max_length=8, choices=State, default=State.ACTIVE)
    failures = models.PositiveIntegerField(default=0, help_text="Tries in a row that failed.")
    failing_since = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    last_delivered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(state__in=["active", "paused", "gone", "failing"]),
                name="webhook_state_known",
            ),
            models.CheckConstraint(
                condition=models.Q(url__startswith="https://"), name="webhook_is_https"
            ),
        )

    def __str__(self) -> str:
        return self.url

    @property
    def kind_labels(self) -> list[str]:
        return [str(Kind(kind).label) for kind in self.kinds]

    @property
    def is_active(self) -> bool:
        return self.state == self.State.ACTIVE


class WebhookDelivery(models.Model):
    """One event for one webhook, told at least once, always under the same `event_id`.

    The payload is written when the row is first claimed, and stays the same for every try.
    A row without a notification is a test.
    """

    class State(models.TextChoices):
        PENDING = "pending", "waiting"
        SENDING = "sending"
        DELIVERED = "delivered"
        FAILED = "failed", "given up"

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    notification = models.ForeignKey(
        Notification, null=True, on_delete=models.CASCADE, related_name="webhook_deliveries"
    )
    event_id = models.UUIDField(default=uuid4, db_default=RandomUUID(), unique=True)
    payload = models.TextField(default="", db_default="")
    state = models.CharField(
        max_length=9, choices=State, default=State.PENDING, db_default=State.PENDING
    )
    attempt = models.PositiveSmallIntegerField(default=0, db_default=0)
    due_at = models.DateTimeField(db_default=Now())
    lease_until = models.DateTimeField(null=True)
    last_status = models.PositiveSmallIntegerField(null=True)
    last_error = models.TextField(default="", db_default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        ordering = ("-pk",)
        constraints = (
            models.UniqueConstraint(
                fields=["webhook", "notification"], name="webhook_delivery_once"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["pending", "sending", "delivered", "failed"]),
                name="webhook_delivery_state_known",
            ),
        )
        indexes = (
            models.Index(fields=["webhook", "-id"], name="deliveries_of_webhook"),
            models.Index(
                fields=["webhook", "due_at"],
                name="webhook_delivery_due",
                condition=models.Q(state__in=["pending", "sending"]),
            ),
        )

    def __str__(self) -> str:
        return f"{self.event_id} to {self.webhook}"

    @property
    def is_test(self) -> bool:
        return self.notification_id is None
