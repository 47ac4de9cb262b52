"""What is going to happen and may move markets: curated by admins."""

from django.db import models


class MarketEvent(models.Model):
    class Kind(models.TextChoices):
        RATES = "rates", "Interest rates"
        INFLATION = "inflation", "Inflation"
        UPGRADE = "upgrade", "Network upgrade"
        OTHER = "other", "Other"

    date = models.DateField(db_index=True, help_text="The UTC day.")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.OTHER)
    title = models.CharField(max_length=80, help_text="For example: FOMC decision.")
    link = models.URLField(blank=True, help_text="Where it is announced.")

    class Meta:
        ordering = ("date", "title")
        constraints = (
            models.UniqueConstraint(
                fields=["date", "title"],
                name="market_event_once",
                violation_error_message="This event is in the calendar already.",
            ),
        )

    def __str__(self) -> str:
        return f"{self.date}: {self.title}"
