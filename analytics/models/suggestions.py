"""What to do about a breach, and what it costs."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from analytics.models.runs import NightlyRun
from portfolios.models import Portfolio


class Suggestion(models.Model):
    """Trades that return a portfolio to its targets, and whether they are worth it.

    No trades are executed.

    Parallel arrays, one entry per trade; a positive amount buys. The fees are paid out of
    the portfolio: the amounts sum to minus the cost of the trades.
    """

    class Answer(models.IntegerChoices):
        ACT = 1, "Act"
        NOT_WORTH_IT = 2, "In breach, but not worth its cost"
        UNMEASURED = 3, "In breach; what acting brings cannot be measured yet"

    run = models.ForeignKey(
        NightlyRun, on_delete=models.CASCADE, related_name="suggested", db_index=False
    )
    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="suggestions")
    revision = models.IntegerField()
    answer = models.SmallIntegerField(
        choices=Answer, default=Answer.UNMEASURED, db_default=Answer.UNMEASURED
    )
    cost = models.FloatField(help_text="All of it, in US dollars.")
    spread_cost = models.FloatField(default=0.0, db_default=0.0)
    impact_cost = models.FloatField(default=0.0, db_default=0.0)
    withdrawal_cost = models.FloatField(default=0.0, db_default=0.0)
    tax = models.FloatField(
        default=0.0, db_default=0.0, help_text="As far as it is known; counted where it is wanted."
    )
    taxes = ArrayField(
        models.FloatField(),
        default=list,
        db_default=[],
        help_text="Of each trade; NaN: nobody knows what it had cost. Empty: not counted.",
    )
    # NaN where the risk was not measured, NULL where nobody asked.
    benefit_per_year = models.FloatField(null=True, help_text="A fraction of the value.")
    volatility_change = models.FloatField(null=True)
    cvar_change = models.FloatField(
        null=True, help_text="Of the mean loss on the worst 5 % of days, a fraction of the value."
    )
    break_even_days = models.FloatField(null=True)
    horizon_days = models.IntegerField(default=30, db_default=30)
    risk_aversion = models.FloatField(default=3.0, db_default=3.0)
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

    @property
    def fees(self) -> float:
        """US dollars."""
        others = self.spread_cost + self.impact_cost + self.withdrawal_cost + self.tax
        return self.cost - others

    @property
    def counts_tax(self) -> bool:
        return bool(self.taxes)
