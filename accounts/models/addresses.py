"""Addresses that no letter goes to any more, since their mail server or their owner said so."""

from django.db import models
from django.db.models.functions import Lower, Now


class BlockedAddress(models.Model):
    """Mail to this address came back, or its reader called it spam.

    Only what somebody asks for at that moment (a password, a confirmation) is still tried.
    """

    class Reason(models.TextChoices):
        BOUNCED = "bounced", "mail came back"
        REFUSED = "refused", "the mail server knows no such address"
        COMPLAINED = "complained", "a message was marked as spam"

    address = models.EmailField(max_length=254, unique=True)
    reason = models.CharField(max_length=10, choices=Reason)
    words = models.TextField(blank=True, help_text="What the mail server or the provider said.")
    since = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name_plural = "blocked addresses"
        ordering = ("-since",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(address=Lower("address")), name="blocked_address_lower_case"
            ),
            models.CheckConstraint(
                condition=models.Q(reason__in=["bounced", "refused", "complained"]),
                name="blocked_address_reason_known",
            ),
        )

    def __str__(self) -> str:
        return f"{self.address}: {self.get_reason_display()}"
