"""A quarter's review of a portfolio: what was computed on its day, and what its owner concluded."""

from django.db import models
from django.db.models import Q

from portfolios.models import Portfolio


class QuarterlyReview(models.Model):
    """Begun with figures that stay as they are; a document once all questions are answered.

    `figures` maps each question to its lines of {key, label, kind, value}, `conclusions` to
    {changes, note}.
    """

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="reviews")
    as_of = models.DateField(help_text="The close that the figures are of.")
    figures = models.JSONField(default=dict)
    conclusions = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=["portfolio"],
                condition=Q(finished_at__isnull=True),
                name="one_unfinished_review",
            ),
        )

    def __str__(self) -> str:
        return f"Review of portfolio {self.portfolio_id} at {self.as_of}"
