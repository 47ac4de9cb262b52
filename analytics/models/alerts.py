"""When a portfolio leaves its bands, and what was said about it."""

from django.db import models
from django.db.models import Q

from analytics.models.runs import NightlyRun
from portfolios.models import Portfolio


class BreachEpisode(models.Model):
    """From the breach to the second night in a row below 80 % of the band."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="episodes")
    opened_on = models.DateField()
    closed_on = models.DateField(null=True)
    calm_nights = models.PositiveSmallIntegerField(default=0, db_default=0)

    class Meta:
        ordering = ("-opened_on",)
        constraints = (
            models.UniqueConstraint(
                fields=["portfolio"], condition=Q(closed_on__isnull=True), name="one_open_episode"
            ),
        )

    def __str__(self) -> str:
        return f"Portfolio {self.portfolio_id} since {self.opened_on}"


class AlertEvent(models.Model):
    """Something worth a message: once per episode and kind, and again when it is worse.

    `number` is that of the suggestion's letter (SuggestionLife.letter).
    """

    class Kind(models.TextChoices):
        DRIFT = "drift"
        DUE = "due"  # by the portfolio's calendar
        CLOSED = "closed", "back in balance"

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="alerts")
    episode = models.ForeignKey(
        BreachEpisode, null=True, on_delete=models.CASCADE, related_name="alerts"
    )
    due_on = models.DateField(null=True, help_text="Of the calendar; empty: a breach called.")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.DRIFT)
    run = models.ForeignKey(NightlyRun, on_delete=models.CASCADE, related_name="alerts")
    number = models.PositiveSmallIntegerField(
        default=1, db_default=1, help_text="Of its kind, in the episode."
    )
    revision = models.IntegerField(help_text="Of the portfolio, as the night saw it.")
    departed_on = models.DateField(
        null=True, help_text="The day digests count it to: earlier than the run's after an outage."
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["portfolio", "episode", "kind", "number"], name="alert_once_per_episode"
            ),
            models.UniqueConstraint(
                fields=["portfolio", "due_on", "number"], name="alert_once_per_due_day"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} of portfolio {self.portfolio_id} in run {self.run_id}"
