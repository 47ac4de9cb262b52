"""What to do about a breach, and what it costs."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from analytics.models.runs import NightlyRun
from portfolios.models import Portfolio


class Suggestion(models.Model):
    """Trades that return a portfolio to its targets. No trades are executed.

    Parallel arrays, one entry per trade; a positive amount buys. The fees are paid out of
    the portfolio: the amounts sum to minus the cost.
    """

    run = models.ForeignKey(
        NightlyRun, on_delete=models.CASCADE, related_name="suggested", db_index=False
    )
    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="suggestions")
    revision = models.IntegerField()
    cost = models.FloatField(help_text="Fees, in US dollars.")
    one_way_turnover = models.FloatField()
    asset_ids = ArrayField(models.BigIntegerField())
    amounts = ArrayField(models.FloatField(), help_text="US dollars.")
    quantities = ArrayField(models.FloatField(), help_text="Units of the asset.")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["run", "portfolio", "revision"], name="suggestion_once"
            ),
        )

    def __str__(self) -> str:
        return f"Suggestion for portfolio {self.portfolio_id} in run {self.run_id}"
