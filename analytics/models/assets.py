"""What the night measured of single assets."""

from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models

from portfolios.models import Asset

# Relative strength is told over these, in this order.
PERIODS = (30, 90, 180)
LOOKBACK_DAYS = 365
# What changed is told since so long ago.
QUARTER = timedelta(days=91)


class AssetDay(models.Model):
    """One listed asset at one UTC close. NULL where its history does not tell.

    Fractions and US dollars. A change is the price's; `against_…` says how much more than that
    was gained, `(1 + change) / (1 + the other's) - 1`.
    """

    pk = models.CompositePrimaryKey("as_of", "asset_id")
    as_of = models.DateField()
    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="days")
    close = models.FloatField(help_text="The newest.")
    close_on = models.DateField()
    first_close_on = models.DateField()
    observed_days = models.PositiveSmallIntegerField(help_text="With a close, of the last 365.")
    volatility = models.FloatField(null=True, help_text="A year; as in MarketSnapshot.")
    correlation = models.FloatField(null=True, help_text="To Bitcoin; as in MarketSnapshot.")
    common_days = models.PositiveSmallIntegerField(help_text="Returns in common with Bitcoin.")
    correlation_180d = models.FloatField(
        null=True, help_text="To Bitcoin, over the last 180 days, each alike."
    )
    drawdown = models.FloatField(help_text="From its highest close.")
    max_drawdown = models.FloatField(help_text="Of the last 365 days.")
    changes = ArrayField(models.FloatField(null=True), size=len(PERIODS))
    against_bitcoin = ArrayField(models.FloatField(null=True), size=len(PERIODS))
    against_category = ArrayField(
        models.FloatField(null=True),
        size=len(PERIODS),
        help_text="The category's others, in equal parts, held.",
    )
    rank = models.PositiveSmallIntegerField(
        null=True, help_text="Among coins, by the change over 90 days."
    )
    volume = models.FloatField(null=True, help_text="A day, on average of 30.")
    market_cap = models.FloatField(null=True, help_text="The newest that is known.")
    market_cap_on = models.DateField(null=True)
    supply = models.FloatField(null=True, help_text="Units in circulation: cap over close.")

    class Meta:
        ordering = ("-as_of", "asset")

    def __str__(self) -> str:
        return f"Asset {self.asset_id} at {self.as_of}"

    @property
    def age(self) -> int:
        """Days since its first known price."""
        return (self.as_of - self.first_close_on).days

    @property
    def is_stale(self) -> bool:
        return self.close_on < self.as_of

    @property
    def coverage(self) -> float:
        """The share of days with a close, of the last 365 or of its life."""
        return self.observed_days / min(LOOKBACK_DAYS, self.age + 1)
