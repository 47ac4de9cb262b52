"""What trading costs at exchanges: presets that admins curate, assumptions with a date."""

from typing import Any

from django.db import models
from django.db.models import Q


class RateField(models.DecimalField):
    """A small fraction of a trade, exact to a hundredth of a basis point."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("max_digits", 7)
        options.setdefault("decimal_places", 6)
        super().__init__(*args, **options)


class DollarsField(models.DecimalField):
    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("max_digits", 10)
        options.setdefault("decimal_places", 2)
        options.setdefault("default", 0)
        super().__init__(*args, **options)


RATES = (
    "maker_fee", "taker_fee", "half_spread_stable", "half_spread_core", "half_spread_large",
    "half_spread_mid", "half_spread_other",
)  # fmt: skip
DOLLARS = ("minimum_order", "lot_value", "withdrawal_cost")


class Venue(models.Model):
    """Fees as published for small accounts; spreads, lots and withdrawals are assumptions."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=60, unique=True)
    maker_fee = RateField(help_text="A fraction of the trade: 0.001 is 0.1 %.")
    taker_fee = RateField()
    half_spread_stable = RateField("half spread, stablecoins and cash")
    half_spread_core = RateField("half spread, core")
    half_spread_large = RateField("half spread, large")
    half_spread_mid = RateField("half spread, mid")
    half_spread_other = RateField("half spread, beyond, and unknown")
    minimum_order = DollarsField(help_text="US dollars; nothing smaller is traded.")
    lot_value = DollarsField(
        help_text="US dollars. An asset trades in the power of ten of its units that is worth this "
        "or less; 0: any quantity."
    )
    withdrawal_cost = DollarsField(help_text="US dollars, for each asset that is moved away.")
    source = models.CharField(max_length=200, help_text="Where the fees are published.")
    as_of = models.DateField(help_text="The day of the assumption.")
    is_active = models.BooleanField("active", default=True, help_text="Offered to choose from.")
    position = models.PositiveSmallIntegerField(default=0, help_text="Order in lists.")

    class Meta:
        ordering = ("position", "name")
        constraints = (
            models.CheckConstraint(
                condition=Q(**{f"{rate}__gte": 0 for rate in RATES})
                & Q(**{f"{rate}__lt": 0.1 for rate in RATES}),
                name="venue_rates_plausible",
                violation_error_message="Fees and spreads are fractions from 0 to below 0.1.",
            ),
            models.CheckConstraint(
                condition=Q(**{f"{dollars}__gte": 0 for dollars in DOLLARS}),
                name="venue_dollars_not_negative",
                violation_error_message="Dollars cannot be below zero.",
            ),
        )

    def __str__(self) -> str:
        return self.name
