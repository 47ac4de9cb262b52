"""What people own."""

from django.db import models
from django.db.models import Q

from portfolios.models.assets import Asset
from portfolios.models.portfolios import Portfolio


class Holding(models.Model):
    """A balance, exact to 18 decimals (one wei)."""

    portfolio = models.ForeignKey(
        Portfolio, on_delete=models.CASCADE, related_name="holdings", db_index=False
    )
    # Not PROTECT: an own asset goes together with its owner's portfolios.
    asset = models.ForeignKey(Asset, on_delete=models.RESTRICT, related_name="+")
    quantity = models.DecimalField(max_digits=38, decimal_places=18)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["portfolio", "asset"], name="holding_once"),
            models.CheckConstraint(condition=Q(quantity__gte=0), name="holding_not_negative"),
        )

    def __str__(self) -> str:
        return f"{self.quantity.normalize():f} {self.asset}"
