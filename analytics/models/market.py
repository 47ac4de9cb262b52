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
    """Bitcoin's volatility axis on one day. Unknown until a year of closes is there."""

    date = models.DateField(unique=True)
    realised_volatility = models.FloatField(null=True)
    percentile = models.FloatField(null=True)
    high_volatility = models.BooleanField(null=True)

    class Meta:
        ordering = ("-date",)

    def __str__(self) -> str:
        return f"{self.date}: {self.label}"

    @property
    def label(self) -> str:
        return {True: "high volatility", False: "normal", None: "unknown"}[self.high_volatility]
