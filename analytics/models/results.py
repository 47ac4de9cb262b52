"""What the night computed for one portfolio."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from analytics.models.runs import NightlyRun
from portfolios.models import Portfolio


class PortfolioResult(models.Model):
    """One portfolio at one close. Positions are parallel arrays, one entry per asset.

    A position is an asset that is held or has a target. Arrays keep a night of 100,000
    portfolios 100,000 rows. The target of a category as a whole is split over the positions in
    it: it is the sum of those that are `from_category`. A later revision of the portfolio gets a
    row of its own, so what an e-mail was written about is never overwritten.
    """

    class Status(models.TextChoices):
        IN_BALANCE = "in_balance", "In balance"
        IN_BREACH = "in_breach", "Out of its bands"
        NO_TARGETS = "no_targets", "No targets yet"
        EMPTY = "empty", "Nothing held yet"
        UNPRICED = "unpriced", "Price missing"

    pk = models.CompositePrimaryKey("run_id", "portfolio_id", "revision")
    run = models.ForeignKey(
        NightlyRun, on_delete=models.CASCADE, related_name="results", db_index=False
    )
    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="results")
    revision = models.IntegerField()
    status = models.CharField(max_length=10, choices=Status)
    value = models.FloatField(help_text="US dollars.")
    outside_value = models.FloatField(
        default=0.0,
        db_default=0.0,
        help_text="US dollars outside the weights: dry powder and reserves. Not in the value.",
    )
    # Today's holdings at the closes before; NaN when one of them had no price, or a stale one.
    value_1d = models.FloatField(null=True, help_text="US dollars, at the close a day before.")
    value_7d = models.FloatField(null=True)
    value_30d = models.FloatField(null=True)
    volatility = models.FloatField(help_text="A year, as a fraction of the measured part.")
    risk_coverage = models.FloatField(
        help_text="Share of the value whose risk could be measured; young assets have none yet."
    )
    # Of what strayed furthest in terms of its own band: it decides about breach and calm.
    band = models.FloatField(help_text="The half-width in force that night.")
    worst_drift = models.FloatField(help_text="The distance from target, unsigned.")
    asset_ids = ArrayField(models.BigIntegerField())
    values = ArrayField(models.FloatField())
    weights = ArrayField(models.FloatField())
    target_weights = ArrayField(models.FloatField())
    from_category = ArrayField(
        models.BooleanField(),
        default=list,
        db_default=[],
        help_text="Whose target is a part of its category's; empty when no target is.",
    )
    half_widths = ArrayField(
        models.FloatField(),
        default=list,
        db_default=[],
        help_text="Of the band of each position; empty when all have `band`.",
    )
    category_ids = ArrayField(
        models.BigIntegerField(),
        default=list,
        db_default=[],
        help_text="Categories that are judged as a whole, where bands differ.",
    )
    category_half_widths = ArrayField(models.FloatField(), default=list, db_default=[])
    risk_contributions = ArrayField(models.FloatField(), help_text="They sum to the volatility.")

    def __str__(self) -> str:
        return f"Portfolio {self.portfolio_id} in run {self.run_id}"
