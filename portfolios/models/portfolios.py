"""What people want to own: profiles, model portfolios, portfolios and their targets."""

from decimal import Decimal
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from accounts.models import User
from portfolios.models.assets import Asset, AssetCategory
from portfolios.models.venues import Venue


class FractionField(models.DecimalField):
    """A fraction of a portfolio, exact to the billionth."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("max_digits", 10)
        options.setdefault("decimal_places", 9)
        super().__init__(*args, **options)


class RiskProfile(models.Model):
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=40, unique=True)
    position = models.PositiveSmallIntegerField(default=0)
    max_drawdown = FractionField(help_text="The deepest fall this profile tolerates.")
    return_target_min = FractionField()
    return_target_max = FractionField(null=True, blank=True)
    core_min = FractionField(help_text="Least share of Bitcoin and Ether together.")
    core_max = FractionField()
    bitcoin_cap = FractionField()
    ether_cap = FractionField()
    other_cap = FractionField(help_text="Cap of any other position.")
    least_score = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="Of 24 in the risk questions: from here on this profile."
    )

    class Meta:
        ordering = ("position",)
        constraints = (
            models.CheckConstraint(
                condition=Q(core_min__gte=0, core_max__lte=1, core_min__lte=F("core_max")),
                name="risk_profile_core_ordered",
                violation_error_message=(
                    "Give the range of the core between 0 and 1, the lower end first."
                ),
            ),
            models.CheckConstraint(
                condition=Q(return_target_max__isnull=True)
                | Q(return_target_min__lte=F("return_target_max")),
                name="risk_profile_return_ordered",
                violation_error_message="Give the lower end of the return target first.",
            ),
            models.CheckConstraint(
                condition=Q(
                    max_drawdown__range=(0, 1),
                    bitcoin_cap__range=(0, 1),
                    ether_cap__range=(0, 1),
                    other_cap__range=(0, 1),
                ),
                name="risk_profile_fractions",
                violation_error_message=(
                    "The greatest drawdown and the caps are fractions between 0 and 1."
                ),
            ),
        )

    def __str__(self) -> str:
        return self.name


class ModelPortfolio(models.Model):
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=60, unique=True)
    profile = models.ForeignKey(RiskProfile, on_delete=models.PROTECT, related_name="models")
    description = models.TextField(blank=True)

    class Meta:
        ordering = ("profile__position", "name")

    def __str__(self) -> str:
        return self.name


class ModelPortfolioLine(models.Model):
    """A weight for an asset, or for a category slot that its user fills."""

    model_portfolio = models.ForeignKey(
        ModelPortfolio, on_delete=models.CASCADE, related_name="lines"
    )
    asset = models.ForeignKey(
        Asset, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    category = models.ForeignKey(
        AssetCategory, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    slot_name = models.CharField(max_length=60, blank=True, help_text="For a category slot only.")
    weight = FractionField()
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ("position", "id")
        constraints = (
            models.CheckConstraint(
                condition=Q(asset__isnull=False, category__isnull=True)
                | Q(asset__isnull=True, category__isnull=False),
                name="model_line_asset_or_slot",
                violation_error_message="Choose an asset or a category slot, one of the two.",
            ),
            models.CheckConstraint(
                condition=Q(weight__gt=0, weight__lte=1),
                name="model_line_weight_fraction",
                violation_error_message="The weight must be a fraction above 0 and at most 1.",
            ),
            models.UniqueConstraint(
                fields=["model_portfolio", "asset"],
                name="model_line_asset_once",
                violation_error_message="A model portfolio names an asset once.",
            ),
        )

    def __str__(self) -> str:
        return self.slot_name or str(self.asset)


class PortfolioQuerySet(models.QuerySet["Portfolio"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """The only way to a user's rows."""
        return self.owned_by(user).filter(deleted_at=None)

    def owned_by(self, user: User | AnonymousUser) -> Self:
        """Those that were deleted and can still be brought back, too."""
        return self.filter(owner_id=user.pk) if user.is_authenticated else self.none()


class OrderType(models.TextChoices):
    TAKER = "taker", "At once, at the market's price"
    MAKER = "maker", "Patiently, with limit orders"


class Cadence(models.TextChoices):
    """When a portfolio is to be rebalanced: what analytics.services.cadences makes of it."""

    BANDS = "bands", "Whenever something leaves its band"
    MONTHLY = "monthly", "On the first of each month"
    ADAPTIVE = "adaptive", "On the first of each month, or on Mondays while volatility is high"
    QUARTERLY = "quarterly", "On the first of each quarter"


class MoneyRole(models.TextChoices):
    """What stablecoins and cash are for; never both."""

    POSITION = "position", "A position with a target, like any other"
    DRY_POWDER = "dry_powder", "Dry powder: outside the weights, until I spend it"


class Portfolio(models.Model):
    class LotMethod(models.TextChoices):
        FIFO = "fifo", "First in, first out"
        LIFO = "lifo", "Last in, first out"
        HIFO = "hifo", "Highest cost first"
        SPECIFIC = "specific", "Lots chosen sale by sale"

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="portfolios"
    )
    name = models.CharField(max_length=80)
    profile = models.ForeignKey(RiskProfile, null=True, blank=True, on_delete=models.PROTECT)
    tolerance_band = FractionField(
        default=Decimal("0.05"), help_text="How far a position may drift from its target."
    )
    wide_band = FractionField(
        default=Decimal("0.10"), help_text="The band while volatility is high."
    )
    relative_band = FractionField(
        null=True,
        blank=True,
        help_text="Of each target: small positions then have a narrower band. Empty: no such band.",
    )
    fee_rate = FractionField(
        default=Decimal("0.001"), help_text="What an exchange takes of each trade."
    )
    # None: the one fee rate is all that a trade costs.
    venue = models.ForeignKey(
        Venue, null=True, blank=True, on_delete=models.PROTECT, related_name="portfolios"
    )
    order_type = models.CharField(
        max_length=5, choices=OrderType, default=OrderType.TAKER, db_default=OrderType.TAKER
    )
    withdraws = models.BooleanField(default=False, db_default=False)
    cadence = models.CharField(
        max_length=9, choices=Cadence, default=Cadence.BANDS, db_default=Cadence.BANDS
    )
    risk_aversion = models.DecimalField(
        max_digits=4, decimal_places=2, default=Decimal(3), db_default=Decimal(3)
    )
    horizon_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Empty: 30, or 7 while volatility is high."
    )
    # Both or neither; None: tax is not counted.
    short_term_tax = FractionField(null=True, blank=True, help_text="Of a gain.")
    long_term_tax = FractionField(null=True, blank=True)
    long_term_days = models.PositiveSmallIntegerField(
        default=365, db_default=365, help_text="Held for longer, a gain is long-term."
    )
    # What counts, and as what: see portfolios.services.roles.
    money_role = models.CharField(
        max_length=10, choices=MoneyRole, default=MoneyRole.POSITION, db_default=MoneyRole.POSITION
    )
    reserve_amount = models.DecimalField(
        max_digits=15,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="US dollars of stablecoins and cash that are not counted. Empty: none.",
    )
    groups_forms = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Wrapped and staked forms are counted as their coin.",
    )
    notes = models.TextField(blank=True, default="", db_default="")
    # Off: money for purchases comes from outside, and what sales bring leaves.
    follows_cash = models.BooleanField(default=False, db_default=False)
    lot_method = models.CharField(
        max_length=8, choices=LotMethod, default=LotMethod.FIFO, db_default=LotMethod.FIFO
    )
    archived_at = models.DateTimeField(null=True, editable=False)
    # A deleted portfolio can be brought back for some days; then it is purged.
    deleted_at = models.DateTimeField(null=True, editable=False)
    # Bumped by every write to the portfolio, its holdings or its targets.
    revision = models.PositiveIntegerField(default=1, db_default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager["Portfolio"]] = PortfolioQuerySet.as_manager()

    class Meta:
        ordering = ("name", "id")
        constraints = (
            models.CheckConstraint(
                condition=Q(
                    tolerance_band__gt=0, wide_band__gte=F("tolerance_band"), wide_band__lt=1
                ),
                name="portfolio_bands_ordered",
                violation_error_message=(
                    "The band while volatility is high must be at least the normal band."
                ),
            ),
            models.CheckConstraint(
                condition=Q(relative_band__isnull=True)
                | Q(relative_band__gt=0, relative_band__lte=1),
                name="portfolio_relative_band_a_fraction",
                violation_error_message="The band relative to a target is above 0 and at most 1.",
            ),
            models.CheckConstraint(
                condition=Q(risk_aversion__gt=0)
                & (Q(horizon_days__isnull=True) | Q(horizon_days__range=(1, 3650))),
                name="portfolio_verdict_plausible",
                violation_error_message="Risk aversion is above 0, the horizon 1 to 3,650 days.",
            ),
            models.CheckConstraint(
                condition=Q(reserve_amount__isnull=True) | Q(reserve_amount__gt=0),
                name="portfolio_reserve_positive",
                violation_error_message="The reserve is above zero, or empty.",
            ),
            models.CheckConstraint(
                condition=Q(short_term_tax__isnull=True, long_term_tax__isnull=True)
                | Q(
                    short_term_tax__isnull=False,
                    long_term_tax__isnull=False,
                    short_term_tax__range=(0, 1),
                    long_term_tax__range=(0, 1),
                ),
                name="portfolio_tax_whole",
                violation_error_message=(
                    "Give both tax rates, between 0 %% and 100 %%, or neither."
                ),
            ),
            models.CheckConstraint(
                condition=Q(fee_rate__gte=0, fee_rate__lt=Decimal("0.1")),
                name="portfolio_fee_plausible",
                # Django puts the name into this with %, so a percent sign is two.
                violation_error_message="The fee must be between 0 %% and 10 %%.",
            ),
        )

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("analytics:overview", args=[self.pk])

    @property
    def counts_tax(self) -> bool:
        return self.short_term_tax is not None


class AimWeight(models.Model):
    """The share that an asset should have, or all that is held of a category together."""

    # Not PROTECT: an own asset goes together with its owner's portfolios.
    asset = models.ForeignKey(Asset, null=True, on_delete=models.RESTRICT, related_name="+")
    category = models.ForeignKey(
        AssetCategory, null=True, on_delete=models.PROTECT, related_name="+"
    )
    weight = FractionField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.aim}: {self.weight:%}"

    @property
    def aim(self) -> Asset | AssetCategory:
        """What should have the share."""
        aim = self.asset or self.category
        assert aim is not None  # the database sees to it
        return aim


class TargetWeight(AimWeight):
    """What the night measures against: a target, or a temporary one while a tilt lasts."""

    portfolio = models.ForeignKey(
        Portfolio, on_delete=models.CASCADE, related_name="target_weights", db_index=False
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["portfolio", "asset"], name="target_weight_once"),
            # Few rows name a category: the night finds them without the others.
            models.UniqueConstraint(
                fields=["portfolio", "category"],
                condition=Q(category__isnull=False),
                name="target_weight_category_once",
            ),
            models.CheckConstraint(
                condition=Q(asset__isnull=False, category__isnull=True)
                | Q(asset__isnull=True, category__isnull=False),
                name="target_weight_asset_or_category",
            ),
            models.CheckConstraint(
                condition=Q(weight__gt=0, weight__lte=1), name="target_weight_fraction"
            ),
        )
