"""What to do about a breach, and what it costs."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from analytics.models.alerts import BreachEpisode
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
        NOT_DUE = 4, "In breach, but not due by its calendar"

    QUIET: ClassVar = (Answer.NOT_WORTH_IT, Answer.NOT_DUE)
    """Answers that call for nothing tonight."""

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


class SuggestionLife(models.Model):
    """What became of a suggestion, however many nights renew it.

    A night that still calls for action renews the suggestion there is. It is another one in another
    episode, or once the portfolio is a whole band further off than when this one was made, or
    after trades were recorded for this one. Until then what its owner said of it holds. Where a
    calendar calls for it, each of its days has a suggestion of its own, and one only.

    `run` and `revision` say which Suggestion it was when it was made, as for an AlertEvent.
    """

    class State(models.TextChoices):
        OPEN = "open", "Open"
        DONE = "done", "Done"
        DISMISSED = "dismissed", "Dismissed"
        SNOOZED = "snoozed", "Snoozed"
        SUPERSEDED = "superseded", "Superseded"

    PUT_ASIDE: ClassVar = (State.DISMISSED, State.SNOOZED)

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="lives")
    run = models.ForeignKey(NightlyRun, on_delete=models.CASCADE, related_name="lives")
    revision = models.IntegerField()
    episode = models.ForeignKey(
        BreachEpisode,
        null=True,
        on_delete=models.CASCADE,
        related_name="lives",
        help_text="None until a night opens one, and for guests.",
    )
    due_on = models.DateField(
        null=True, help_text="The day of the calendar that called for it; empty: a breach did."
    )
    level = models.PositiveIntegerField(
        help_text="How many whole bands its worst position was from target."
    )
    letter = models.PositiveSmallIntegerField(
        default=1, db_default=1, help_text="Which letter of the episode it calls for."
    )
    state = models.CharField(
        max_length=10, choices=State, default=State.OPEN, db_default=State.OPEN
    )
    state_at = models.DateTimeField(db_default=Now())
    state_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    snoozed_until = models.DateField(null=True, help_text="The first day on which it is back.")
    ended_on = models.DateField(null=True, help_text="As of which it was over; empty: current.")
    # What was traded instead, as its owner recorded it. Parallel; a positive quantity was bought.
    fills_on = models.DateField(null=True)
    fill_asset_ids = ArrayField(models.BigIntegerField(), default=list, db_default=[])
    fill_quantities = ArrayField(models.FloatField(), default=list, db_default=[])
    fill_prices = ArrayField(
        models.FloatField(), default=list, db_default=[], help_text="US dollars."
    )
    fill_fees = ArrayField(
        models.FloatField(), default=list, db_default=[], help_text="US dollars."
    )

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.UniqueConstraint(
                fields=["portfolio"],
                condition=Q(ended_on__isnull=True),
                name="one_current_suggestion_life",
            ),
            models.UniqueConstraint(
                fields=["portfolio", "due_on"], name="one_suggestion_life_a_due_day"
            ),
            models.CheckConstraint(
                condition=Q(state="snoozed", snoozed_until__isnull=False)
                | (~Q(state="snoozed") & Q(snoozed_until__isnull=True)),
                name="only_snoozed_until_a_day",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_state_display()}: suggestion for portfolio {self.portfolio_id}"

    @property
    def is_put_aside(self) -> bool:
        return self.state in self.PUT_ASIDE
