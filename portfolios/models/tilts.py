"""A temporary target, and the strategic one that waits until it is over."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from portfolios.models.portfolios import AimWeight, Portfolio


class Tilt(models.Model):
    """While it lasts, the portfolio's target weights are the temporary ones.

    The night of `ends_on`, its owner, or a save of new targets ends it.
    """

    portfolio = models.OneToOneField(Portfolio, on_delete=models.CASCADE, related_name="tilt")
    regime = models.CharField(max_length=40, help_text="What it was proposed for, in words.")
    applied_at = models.DateTimeField(db_default=Now(), editable=False)
    ends_on = models.DateField(db_index=True)

    def __str__(self) -> str:
        return f"Tilt for {self.regime} until {self.ends_on}"


class StrategicWeight(AimWeight):
    """A target of the portfolio as it was before its tilt, and will be after it."""

    portfolio = models.ForeignKey(
        Portfolio, on_delete=models.CASCADE, related_name="strategic_weights", db_index=False
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["portfolio", "asset"], name="strategic_weight_once"),
            models.UniqueConstraint(
                fields=["portfolio", "category"],
                condition=Q(category__isnull=False),
                name="strategic_weight_category_once",
            ),
            models.CheckConstraint(
                condition=Q(asset__isnull=False, category__isnull=True)
                | Q(asset__isnull=True, category__isnull=False),
                name="strategic_weight_asset_or_category",
            ),
            models.CheckConstraint(
                condition=Q(weight__gt=0, weight__lte=1), name="strategic_weight_fraction"
            ),
        )
