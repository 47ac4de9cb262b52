"""Files that people bring their history in."""

from django.db import models
from django.db.models.functions import Now

from portfolios.models.portfolios import Portfolio


class Import(models.Model):
    """One file, on its way into a portfolio's ledger; its transactions name it."""

    class State(models.TextChoices):
        PREVIEWED = "previewed"
        IMPORTED = "imported"
        UNDONE = "undone"
        FAILED = "failed"

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="imports")
    format = models.CharField(max_length=40)
    file_name = models.CharField(max_length=200)
    state = models.CharField(max_length=12, choices=State, default=State.PREVIEWED)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    added = models.PositiveIntegerField(default=0)
    already_there = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return f"{self.file_name} ({self.format})"
