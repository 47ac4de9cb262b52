"""The catalogue: assets and the categories that admins curate."""

from django.db import models
from django.db.models import F, Q


class AssetCategory(models.Model):
    class RiskLevel(models.TextChoices):
        VERY_LOW = "very_low", "Very low"
        LOWER = "lower", "Lower"
        MEDIUM = "medium", "Medium"
        MEDIUM_HIGH = "medium_high", "Medium-high"
        HIGHER = "higher", "Higher"

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=60, unique=True)
    risk_level = models.CharField(max_length=12, choices=RiskLevel)
    recommended_min = models.DecimalField(
        max_digits=4, decimal_places=3, null=True, blank=True, help_text="A fraction: 0.05 is 5 %."
    )
    recommended_max = models.DecimalField(
        max_digits=4, decimal_places=3, null=True, blank=True, help_text="A fraction: 0.15 is 15 %."
    )
    colour = models.PositiveSmallIntegerField(
        unique=True, help_text="Which of the twelve category colours, 1 to 12."
    )
    position = models.PositiveSmallIntegerField(default=0, help_text="Order in lists.")

    class Meta:
        ordering = ("position", "name")
        verbose_name_plural = "asset categories"
        constraints = (
            models.CheckConstraint(
                condition=Q(recommended_min__isnull=True, recommended_max__isnull=True)
                | Q(
                    recommended_min__gte=0,
                    recommended_max__lte=1,
                    recommended_min__lte=F("recommended_max"),
                ),
                name="category_range_ordered",
                violation_error_message=(
                    "Give both ends of the recommended range, between 0 and 1, "
                    "the lower one first; or leave both empty."
                ),
            ),
            models.CheckConstraint(
                condition=Q(colour__gte=1, colour__lte=12), name="category_colour_known"
            ),
        )

    def __str__(self) -> str:
        return self.name


class Asset(models.Model):
    """A coin, a stablecoin or cash. Known by its provider's id: ticker symbols collide."""

    class Kind(models.TextChoices):
        COIN = "coin"
        STABLECOIN = "stablecoin"
        CASH = "cash"

    coingecko_id = models.SlugField("CoinGecko id", max_length=80, unique=True)
    symbol = models.CharField(max_length=20, db_index=True)
    name = models.CharField(max_length=80)
    category = models.ForeignKey(AssetCategory, on_delete=models.PROTECT, related_name="assets")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.COIN)
    cap_rank = models.PositiveIntegerField(
        "market cap rank", null=True, blank=True, help_text="At the catalogue's last curation."
    )
    is_active = models.BooleanField(
        "active", default=True, help_text="Offered in pickers. Assets in use are never deleted."
    )

    class Meta:
        ordering = (F("cap_rank").asc(nulls_last=True), "symbol")

    def __str__(self) -> str:
        return f"{self.symbol} · {self.name}"
