"""What a portfolio's targets were, each time they were saved."""

from django.db import models
from django.db.models.functions import Now

from portfolios.models.portfolios import Portfolio


class TargetVersion(models.Model):
    """Targets as they were saved once. Never changed, but for the name.

    `lines` is a list of {"asset": id} or {"category": id}, each with the `name` it had then and
    its `weight`, an exact decimal as text: a version says what it said, whatever becomes of assets.
    """

    NAME_LENGTH = 60

    portfolio = models.ForeignKey(
        Portfolio, on_delete=models.CASCADE, related_name="target_versions", db_index=False
    )
    number = models.PositiveIntegerField(help_text="From 1, in the order of saving.")
    name = models.CharField(max_length=NAME_LENGTH, blank=True, default="")
    saved_at = models.DateTimeField(db_default=Now())
    lines = models.JSONField()

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(
                fields=["portfolio", "number"], name="target_version_number_once"
            ),
        )

    def __str__(self) -> str:
        return self.name or f"Version {self.number}"
