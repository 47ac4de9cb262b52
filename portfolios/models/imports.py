"""Files that people bring their history in, and what they have said about such files."""

from typing import ClassVar, Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import User
from portfolios.models.assets import Asset
from portfolios.models.portfolios import Portfolio


class ImportQuerySet(models.QuerySet["Import"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Those into a user's own portfolios."""
        visible = Portfolio.objects.visible_to(user)
        return self.filter(portfolio__in=visible)


class Import(models.Model):
    """One file, on its way into a portfolio's ledger; its transactions name it.

        asking -> previewed -> importing -> imported -> undone

    Nothing is written to the ledger before `importing`. The file's text is kept in the database
    until then, and nowhere else.
    """

    class State(models.TextChoices):
        ASKING = "asking", "Not imported yet"
        PREVIEWED = "previewed", "Not imported yet"
        IMPORTING = "importing"
        IMPORTED = "imported"
        UNDONE = "undone"

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="imports")
    format = models.CharField(max_length=40)
    file_name = models.CharField(max_length=200)
    state = models.CharField(max_length=12, choices=State, default=State.PREVIEWED)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    text = models.TextField(blank=True, default="", db_default="")
    # What the file does not say itself: see portfolios.services.import_answers.
    answers = models.JSONField(default=dict, db_default={})
    tickers = models.JSONField(default=dict, db_default={}, help_text="Each with its rows' number.")
    seen_revision = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Of the portfolio, when the rows were last looked at."
    )
    total = models.PositiveIntegerField(default=0, db_default=0, help_text="Rows to add.")
    done = models.PositiveIntegerField(default=0, db_default=0, help_text="Rows gone through.")
    attempt = models.PositiveSmallIntegerField(default=0, db_default=0)
    finished_at = models.DateTimeField(null=True)
    outcome = models.TextField(blank=True, default="", db_default="")
    added = models.PositiveIntegerField(default=0)
    already_there = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)

    objects: ClassVar[models.Manager["Import"]] = ImportQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=["id"], condition=Q(state="importing"), name="import_under_way"),
        )

    def __str__(self) -> str:
        return f"{self.file_name} ({self.format})"


class ImportRow(models.Model):
    """What becomes of one row of a file, until some days after the import."""

    class Fate(models.TextChoices):
        NEW = "new", "New"
        KNOWN = "known", "Already there"
        CHOICE = "choice", "Needs a choice"
        SHORT = "short", "More than is there"
        REFUSED = "refused", "Refused"
        LEFT_OUT = "left_out", "Left out"

    import_run = models.ForeignKey(
        Import, on_delete=models.CASCADE, related_name="rows", db_index=False
    )
    position = models.PositiveIntegerField(help_text="In time; in what order rows are added.")
    line = models.PositiveIntegerField(help_text="In the file; 0 is no row of it.")
    fate = models.CharField(max_length=8, choices=Fate)
    column = models.CharField(max_length=80, blank=True, default="")
    reason = models.CharField(max_length=300, blank=True, default="")
    # The moment, the kind and the legs, as portfolios.services.import_rows writes and reads them.
    entry = models.JSONField(null=True)
    fingerprint = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        ordering = ("import_run", "position")
        constraints = (
            models.UniqueConstraint(fields=["import_run", "position"], name="import_row_once"),
        )

    def __str__(self) -> str:
        return f"Line {self.line}: {self.fate}"


class TickerChoice(models.Model):
    """What a ticker in files means to a person; no asset: leave its rows out."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    ticker = models.CharField(max_length=80)
    asset = models.ForeignKey(Asset, null=True, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["owner", "ticker"], name="ticker_choice_once"),
        )

    def __str__(self) -> str:
        return f"{self.ticker}: {self.asset or 'left out'}"


class ColumnMapping(models.Model):
    """What the columns under a header mean, as its owner has said."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    header = models.CharField(max_length=64, help_text="A hash of its titles.")
    columns = models.JSONField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["owner", "header"], name="column_mapping_once"),
        )

    def __str__(self) -> str:
        return ", ".join(f"{role}: {title}" for role, title in self.columns.items())
