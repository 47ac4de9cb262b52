"""What the night measured about the market."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class MarketSnapshot(models.Model):
    """Volatilities and correlations of all priced assets at a UTC close.

    `correlation` and `overlap` hold n × n values row by row, in the order of `asset_ids`.
    """

    as_of = models.DateField(unique=True)
    asset_ids = ArrayField(models.BigIntegerField())
    daily_volatility = ArrayField(models.FloatField())
    correlation = ArrayField(models.FloatField())
    overlap = ArrayField(models.IntegerField())

    class Meta:
        ordering = ("-as_of",)

    def __str__(self) -> str:
        return f"Market at {self.as_of}"


class RegimeDay(models.Model):
    """The regime of Bitcoin's market on one day, and every signal that speaks for or against it.

    Past days are told once and stay as they were told. `signals` maps each name of
    `analytics.core.regime_signals` to {value, percentile, state, judged, high, low, decides}.
    `state` is 1, 0 or -1, and None where the signal is unavailable; `high` and `low` are the
    thresholds [enter, leave] of what is `judged`, its "value" or its "percentile"; alt_share has
    `counted`, too. Days that had a night of their own say `source` and `as_of` of each.
    """

    class Label(models.TextChoices):
        UNKNOWN = "unknown", "unknown"
        NEUTRAL = "neutral", "neutral"
        BULL = "bull", "bull market"
        ALTSEASON = "altseason", "altseason"
        BEAR = "bear", "bear market"
        HIGH_VOLATILITY = "high_volatility", "high volatility"

    date = models.DateField(unique=True)
    label = models.CharField(
        max_length=16, choices=Label, default=Label.UNKNOWN, db_default=Label.UNKNOWN
    )
    days = models.PositiveIntegerField(
        default=0, db_default=0, help_text="In a row, this one included."
    )
    realised_volatility = models.FloatField(null=True)
    percentile = models.FloatField(null=True)
    high_volatility = models.BooleanField(null=True)
    signals = models.JSONField(default=dict)

    class Meta:
        ordering = ("-date",)

    def __str__(self) -> str:
        return f"{self.date}: {self.get_label_display()}"


class SwitchingReview(models.Model):
    """What switching by the labels of RegimeDay would have earned against doing nothing.

    `policies` has a row of figures for each, see `analytics.services.switching`.
    """

    as_of = models.DateField(unique=True)
    since = models.DateField()
    fee_rate = models.FloatField()
    policies = models.JSONField(default=list)

    class Meta:
        ordering = ("-as_of",)

    def __str__(self) -> str:
        return f"Switching from {self.since} to {self.as_of}"


class ClusterDay(models.Model):
    """Which of the largest coins were about one bet at a close, and how surely so.

    `labels` and `shares` follow `asset_ids`: the cluster of each coin, and the share of resampled
    histories in which that cluster came back.
    """

    as_of = models.DateField()
    window = models.PositiveSmallIntegerField(help_text="Days of returns.")
    without_bitcoin = models.BooleanField(help_text="Of what is left of returns without Bitcoin.")
    asset_ids = ArrayField(models.BigIntegerField())
    labels = ArrayField(models.IntegerField())
    shares = ArrayField(models.FloatField())

    class Meta:
        ordering = ("-as_of", "window", "without_bitcoin")
        constraints = (
            models.UniqueConstraint(
                fields=["as_of", "window", "without_bitcoin"], name="cluster_day_once"
            ),
        )

    def __str__(self) -> str:
        return f"Clusters at {self.as_of} over {self.window} days"
