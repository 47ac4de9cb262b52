"""The night: one run a UTC day, cut into chunks that workers lease."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class NightlyRun(models.Model):
    """The night that measures the close of `as_of`. Readers see the current run, whole."""

    class State(models.TextChoices):
        CREATED = "created", "waiting for prices"
        PRICED = "priced", "prices are in"
        MEASURED = "measured", "market measured"
        PLANNED = "planned", "computing portfolios"
        PUBLISHED = "published"
        WITHHELD = "withheld", "withheld: too much went wrong"
        CANCELLED = "cancelled"
        SKIPPED = "skipped"

    ENDED = (State.PUBLISHED, State.WITHHELD, State.CANCELLED, State.SKIPPED)

    as_of = models.DateField(unique=True)
    state = models.CharField(max_length=10, choices=State, default=State.CREATED)
    is_current = models.BooleanField(default=False, db_default=False)
    high_volatility = models.BooleanField(null=True)
    portfolios = models.PositiveIntegerField(null=True)
    in_breach = models.PositiveIntegerField(null=True)
    suggestions = models.PositiveIntegerField(null=True)
    emails_queued = models.PositiveIntegerField(null=True)
    problem = models.TextField(blank=True, help_text="Why the night stands still, if it does.")
    letters_since = models.DateField(
        null=True,
        help_text="The first day its letters are about; earlier than its own after an outage.",
    )
    is_silent = models.BooleanField(
        default=False,
        db_default=False,
        help_text="It wrote to nobody, since a newer night was waiting already.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    published_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-as_of",)
        constraints = (
            models.UniqueConstraint(
                fields=["is_current"], condition=Q(is_current=True), name="one_current_run"
            ),
            models.CheckConstraint(
                condition=Q(is_current=False) | Q(state="published"),
                name="current_run_is_published",
            ),
        )

    def __str__(self) -> str:
        return f"Night of {self.as_of}"


class RunStep(models.Model):
    """The moment a run entered a state. A run that is taken up again enters one twice."""

    run = models.ForeignKey(NightlyRun, on_delete=models.CASCADE, related_name="steps")
    state = models.CharField(max_length=10, choices=NightlyRun.State)
    entered_at = models.DateTimeField(db_default=Now())
    heartbeat_at = models.DateTimeField(
        null=True, help_text="When NIGHT_HEARTBEAT_URL was told, if it is."
    )

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.run}: {self.state}"


class RunChunk(models.Model):
    """A range of portfolios. `attempt` fences: a late duplicate finds it changed, and loses."""

    class State(models.TextChoices):
        READY = "ready"
        LEASED = "leased"
        DONE = "done"
        QUARANTINED = "quarantined"

    run = models.ForeignKey(
        NightlyRun, on_delete=models.CASCADE, related_name="chunks", db_index=False
    )
    # A worker leaves chunks of a newer version than its own to others (services/chunks.py).
    version = models.PositiveSmallIntegerField(default=1, db_default=1)
    stage = models.CharField(max_length=20, default="portfolios")
    number = models.PositiveIntegerField()
    first_portfolio_id = models.BigIntegerField()
    last_portfolio_id = models.BigIntegerField()
    state = models.CharField(max_length=12, choices=State, default=State.READY)
    attempt = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    portfolios = models.PositiveIntegerField(default=0)
    in_breach = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(null=True)
    problem = models.TextField(blank=True)

    class Meta:
        ordering = ("run", "stage", "number")
        constraints = (
            models.UniqueConstraint(fields=["run", "stage", "number"], name="run_chunk_once"),
        )
        indexes = (
            models.Index(
                fields=["run", "number"],
                name="run_chunks_left",
                condition=models.Q(state__in=["ready", "leased"]),
            ),
        )

    def __str__(self) -> str:
        return f"{self.run}, {self.stage} {self.number}"
