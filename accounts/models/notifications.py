"""What a person should know: each item once, on the site and in the mail alike."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from accounts.models.outbox import OutgoingEmail


class Kind(models.TextChoices):
    """What items are about; letters about each can be switched off alone."""

    DRIFT = "drift", "A portfolio leaves its bands"
    BALANCE = "balance", "A portfolio is back in balance"
    DEPEG = "depeg", "A stablecoin you hold has lost its peg"
    STALE_PRICE = "stale_price", "A price you rely on is out of date"
    REVIEW = "review", "A review is due"
    SUMMARY = "summary", "The month in figures"
    GENERAL = "general", "News about your account"


class Notification(models.Model):
    """One item of the notification centre. `key` makes telling somebody twice impossible.

    A row carries its words, or a `reference` from which they are written when they are first
    read (see `accounts.services.notifications`). It goes into one letter at most.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications"
    )
    key = models.CharField(max_length=200)
    kind = models.CharField(max_length=20)
    reference = models.BigIntegerField(null=True)
    subject = models.CharField(max_length=200, blank=True)
    body = models.TextField(blank=True)
    link = models.CharField(max_length=500, blank=True, help_text="A path of this site.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    read_at = models.DateTimeField(null=True)
    is_for_mail = models.BooleanField(
        default=True,
        db_default=True,
        help_text="Whether its person wanted letters about this when it came.",
    )
    is_for_webhooks = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Whether a webhook of its person's is still to be told.",
    )
    letter = models.ForeignKey(
        OutgoingEmail,
        null=True,
        on_delete=models.SET_NULL,
        related_name="notifications",
        help_text="The letter that said it, or would have.",
    )

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.UniqueConstraint(fields=["user", "key"], name="notification_once"),
            models.CheckConstraint(
                condition=models.Q(link__regex=r"^(/([^/\\].*)?)?$"),
                name="notification_link_is_a_path",
            ),
        )
        indexes = (
            models.Index(fields=["user", "-id"], name="notifications_of_user"),
            models.Index(
                fields=["user"],
                name="notifications_unread",
                condition=models.Q(read_at__isnull=True),
            ),
            models.Index(
                fields=["user", "id"],
                name="notifications_unmailed",
                condition=models.Q(is_for_mail=True, letter__isnull=True),
            ),
            models.Index(
                fields=["id"],
                name="notifications_for_webhooks",
                condition=models.Q(is_for_webhooks=True),
            ),
        )

    def __str__(self) -> str:
        return self.subject or f"{self.kind} {self.key}"

    @property
    def is_unread(self) -> bool:
        return self.read_at is None

    @property
    def about(self) -> str:
        """Its kind, in words."""
        return str(Kind(self.kind).label) if self.kind in Kind.values else self.kind
