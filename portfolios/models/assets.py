"""The catalogue: assets, the categories that admins curate, and tokens that replace others."""

from decimal import Decimal
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q

from accounts.models import User

# The core is named, not ranked; the other tiers go by market capitalisation (METHODS.md).
CORE = ("bitcoin", "ethereum")
LARGE_TO_RANK, MID_TO_RANK = 30, 100


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
                condition=Q(colour__gte=1, colour__lte=12),
                name="category_colour_known",
                violation_error_message="Choose one of the twelve colours, 1 to 12.",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def is_money(self) -> bool:
        """Stablecoins or cash."""
        return self.risk_level == self.RiskLevel.VERY_LOW


class AssetQuerySet(models.QuerySet["Asset"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """The catalogue, and what the user has added for themselves."""
        own = Q(owner_id=user.pk) if user.is_authenticated else Q()
        return self.filter(Q(owner=None) | own)

    def owned_by(self, user: User | AnonymousUser) -> Self:
        """What the user has added for themselves."""
        return self.filter(owner_id=user.pk) if user.is_authenticated else self.none()


DOLLAR = "usd"  # the key of the currency that everything is measured in


class Catalogue(models.Manager["Asset"]):
    """What everybody may see; what people have added for themselves is not in it."""

    def get_queryset(self) -> AssetQuerySet:
        return AssetQuerySet(self.model, using=self._db).filter(owner=None)


class Asset(models.Model):
    """A coin, a stablecoin or cash. Known by its provider's id: ticker symbols collide.

    Or something that the catalogue does not list: a person's own, at prices of their own
    (OwnPrice), and nobody else's business. So `objects` is the catalogue alone.
    """

    class Kind(models.TextChoices):
        COIN = "coin"
        WRAPPED = "wrapped", "token that stands for another asset"
        STABLECOIN = "stablecoin"
        CASH = "cash"

    class Tier(models.TextChoices):
        CORE = "core", "Core"
        LARGE = "large", "Large"
        MID = "mid", "Mid"
        HIGH_GROWTH = "high_growth", "High-growth"

    coingecko_id = models.SlugField("CoinGecko id", max_length=80, unique=True, null=True)  # noqa: DJ001
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.CASCADE,
        related_name="+",
    )
    symbol = models.CharField(max_length=20, db_index=True)
    name = models.CharField(max_length=80)
    category = models.ForeignKey(AssetCategory, on_delete=models.PROTECT, related_name="assets")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.COIN)
    cap_rank = models.PositiveIntegerField(
        "market cap rank", null=True, blank=True, help_text="At the catalogue's last curation."
    )
    curated_tier = models.CharField(
        "tier",
        max_length=11,
        choices=Tier,
        blank=True,
        default="",
        db_default="",
        help_text="Goes before the one that follows from the rank. Leave it empty to follow that.",
    )
    assumed_yield = models.DecimalField(
        max_digits=5,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="A year, as a fraction: 0.03 is 3 %. An assumption, and shown as one.",
    )
    form_of = models.ForeignKey(
        "self",
        verbose_name="is a form of",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="forms",
        help_text="The coin that a wrapped or staked token stands for. Portfolios may count the "
        "two as one.",
    )
    is_active = models.BooleanField(
        "active", default=True, help_text="Offered in pickers. Assets in use are never deleted."
    )

    objects = Catalogue()
    of_anybody: ClassVar[models.Manager["Asset"]] = AssetQuerySet.as_manager()

    class Meta:
        ordering = (F("cap_rank").asc(nulls_last=True), "symbol")
        constraints = (
            models.CheckConstraint(
                condition=Q(owner__isnull=True, coingecko_id__isnull=False)
                | Q(owner__isnull=False, coingecko_id__isnull=True),
                name="asset_listed_or_own",
                violation_error_message="Give the id by which CoinGecko knows the asset.",
            ),
            # Cash has reference rates; what has a price of its own is none.
            models.CheckConstraint(
                condition=Q(owner__isnull=True) | ~Q(kind="cash"), name="asset_own_is_no_cash"
            ),
            models.CheckConstraint(
                condition=Q(form_of__isnull=True) | (Q(owner__isnull=True) & ~Q(form_of=F("id"))),
                name="asset_form_of_another",
                violation_error_message="An asset cannot be a form of itself.",
            ),
            models.CheckConstraint(
                condition=Q(assumed_yield__gte=0, assumed_yield__lte=1),
                name="asset_yield_a_fraction",
                violation_error_message="Give the yield as a fraction between 0 and 1.",
            ),
        )

    def __str__(self) -> str:
        return f"{self.symbol} · {self.name}"

    def clean(self) -> None:
        """A form stands for the coin itself: chains of forms would be counted halfway."""
        super().clean()
        if self.form_of is None:
            return
        if self.form_of.form_of_id is not None:
            raise ValidationError({"form_of": f"{self.form_of} is a form itself. Choose its coin."})
        if self.pk and Asset.objects.filter(form_of=self.pk).exists():
            raise ValidationError({"form_of": "Other assets are forms of this one."})

    @property
    def is_own(self) -> bool:
        return self.owner_id is not None

    @property
    def tier(self) -> "Asset.Tier | None":
        """Its place in a portfolio's structure: curated, else by its rank; None when unknown."""
        if self.curated_tier:
            return self.Tier(self.curated_tier)
        if self.kind != self.Kind.COIN or self.cap_rank is None:
            return None
        if self.coingecko_id in CORE:
            return self.Tier.CORE
        if self.cap_rank <= LARGE_TO_RANK:
            return self.Tier.LARGE
        return self.Tier.MID if self.cap_rank <= MID_TO_RANK else self.Tier.HIGH_GROWTH

    @property
    def is_money(self) -> bool:
        """A stablecoin or a currency: held to be spent, not to rise."""
        return self.kind in (self.Kind.STABLECOIN, self.Kind.CASH)

    @property
    def is_dollar(self) -> bool:
        """Always worth one, and without risk where everything is measured in dollars."""
        return self.coingecko_id == DOLLAR


class UnitsField(models.DecimalField):
    """A number of units in a ratio, above zero."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("max_digits", 30)
        options.setdefault("decimal_places", 12)
        super().__init__(*args, **options)


class TokenMigration(models.Model):
    """A token replaced by another: `old_units` of the old one become `new_units` of the new one.

    Two numbers and not one ratio, so that neither its direction nor a third is ever in doubt:
    1 MKR became 24,000 SKY. See portfolios.services.token_migrations.
    """

    class State(models.TextChoices):
        PREPARED = "prepared"
        APPLYING = "applying"
        APPLIED = "applied"
        REVERSING = "reversing"

    old_asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="replacements")
    new_asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="predecessors")
    old_units = UnitsField(default=Decimal(1), help_text="So many of the old token …")
    new_units = UnitsField(default=Decimal(1), help_text="… become so many of the new one.")
    effective_on = models.DateField(help_text="The first day on which it may be applied.")
    state = models.CharField(max_length=10, choices=State, default=State.PREPARED, editable=False)
    applied_at = models.DateTimeField(null=True, editable=False)
    old_was_active = models.BooleanField(default=True, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL,
        related_name="+",
    )  # fmt: skip
    attempt = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    outcome = models.TextField(
        blank=True, default="", db_default="", editable=False, help_text="Of the latest change."
    )

    class Meta:
        ordering = ("-effective_on", "id")
        constraints = (
            models.CheckConstraint(
                condition=~Q(old_asset=F("new_asset")),
                name="token_migration_to_another",
                violation_error_message="A token cannot be replaced by itself.",
            ),
            models.CheckConstraint(
                condition=Q(old_units__gt=0, new_units__gt=0),
                name="token_migration_units_positive",
                violation_error_message="Both numbers of units must be above zero.",
            ),
            models.UniqueConstraint(
                fields=["old_asset", "new_asset"],
                name="token_migration_once",
                violation_error_message="There is a migration of this token to that one already.",
            ),
            models.UniqueConstraint(
                fields=["old_asset"],
                condition=Q(state="applied"),
                name="token_migration_applied_once",
            ),
        )

    def __str__(self) -> str:
        return (
            f"{self.old_units.normalize():,f} {self.old_asset.symbol} → "
            f"{self.new_units.normalize():,f} {self.new_asset.symbol}"
        )


class MigratedAmount(models.Model):
    """What a migration moved in one place, so that it can be moved back to the last decimal."""

    class Kind(models.TextChoices):
        HOLDING = "holding"
        TARGET = "target", "target weight"
        STRATEGIC = "strategic", "target weight that waits while a tilt lasts"
        MODEL_LINE = "model_line", "line of a model portfolio"

    migration = models.ForeignKey(TokenMigration, on_delete=models.CASCADE, related_name="moved")
    kind = models.CharField(max_length=10, choices=Kind)
    portfolio = models.ForeignKey(
        "portfolios.Portfolio", null=True, on_delete=models.CASCADE, related_name="+"
    )
    model_portfolio = models.ForeignKey(
        "portfolios.ModelPortfolio", null=True, on_delete=models.CASCADE, related_name="+"
    )
    old_amount = models.DecimalField(max_digits=38, decimal_places=18)
    new_amount = models.DecimalField(max_digits=38, decimal_places=18)
    removed_row = models.JSONField(
        null=True, encoder=DjangoJSONEncoder, help_text="The row that joined one of the new token."
    )

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(portfolio__isnull=False, model_portfolio__isnull=True)
                | Q(portfolio__isnull=True, model_portfolio__isnull=False),
                name="migrated_amount_in_one_place",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} of {self.migration_id}: {self.old_amount} → {self.new_amount}"
