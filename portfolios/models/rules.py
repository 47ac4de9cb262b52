"""What holds for one position, or one category, instead of what holds for the whole portfolio."""

from django.db import models
from django.db.models import Q

from portfolios.models.assets import Asset, AssetCategory
from portfolios.models.portfolios import FractionField, Portfolio


class PositionRule(models.Model):
    """How far an asset, or a category as a whole, may drift; and what may be traded of an asset.

    Apart from TargetWeight: who sets new targets keeps these.
    """

    class Trading(models.IntegerChoices):
        FREE = 0, "Buy and sell"
        NEVER_SOLD = 1, "Never sell"
        LEFT_ALONE = 2, "Leave alone"
        SET_ASIDE = 3, "Reserve: not counted"

    portfolio = models.ForeignKey(
        Portfolio, on_delete=models.CASCADE, related_name="rules", db_index=False
    )
    asset = models.ForeignKey(Asset, null=True, on_delete=models.CASCADE, related_name="+")
    category = models.ForeignKey(
        AssetCategory, null=True, on_delete=models.CASCADE, related_name="+"
    )
    band = FractionField(null=True, help_text="Of the portfolio, in normal markets.")
    relative_band = FractionField(null=True, help_text="Of the target, in normal markets.")
    trading = models.PositiveSmallIntegerField(choices=Trading, default=Trading.FREE)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["portfolio", "asset"], name="position_rule_once"),
            models.UniqueConstraint(
                fields=["portfolio", "category"], name="position_rule_category_once"
            ),
            models.CheckConstraint(
                condition=Q(asset__isnull=False, category__isnull=True)
                | Q(asset__isnull=True, category__isnull=False, trading=0),
                name="position_rule_asset_or_category",
            ),
            models.CheckConstraint(
                condition=(Q(band__isnull=True) | Q(band__gt=0, band__lt=1))
                & (Q(relative_band__isnull=True) | Q(relative_band__gt=0, relative_band__lte=1)),
                name="position_rule_bands_are_fractions",
            ),
        )

    def __str__(self) -> str:
        return f"{self.aim}: {self.get_trading_display()}"

    @property
    def aim(self) -> Asset | AssetCategory:
        """What the rule is about."""
        aim = self.asset or self.category
        assert aim is not None  # the database sees to it
        return aim
