"""What the article's claims come to in the prices of one night."""

from django.db import models


class ClaimDay(models.Model):
    """Figures that answer the article's questions, measured over the closes from `since` on.

    Without a year of Bitcoin's closes there is none. What `figures` holds is told by
    `analytics.services.claim_days`; whatever could not be measured is missing from it.
    """

    as_of = models.DateField(unique=True)
    since = models.DateField()
    fee_rate = models.FloatField(help_text="Of each amount traded in the backtests.")
    figures = models.JSONField(default=dict)

    class Meta:
        ordering = ("-as_of",)

    def __str__(self) -> str:
        return f"Claims from {self.since} to {self.as_of}"
