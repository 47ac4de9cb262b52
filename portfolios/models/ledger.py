"""What happened to a portfolio, and what it therefore holds."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from portfolios.models.assets import Asset, TokenMigration
from portfolios.models.imports import Import
from portfolios.models.portfolios import Portfolio


class QuantityField(models.DecimalField):
    """Units of an asset, exact to 18 decimals (one wei)."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("max_digits", 38)
        options.setdefault("decimal_places", 18)
        super().__init__(*args, **options)


def _has(*legs: str) -> Q:
    return Q(**{f"{leg}_asset__isnull": False for leg in legs})


def _has_no(*legs: str) -> Q:
    return Q(**{f"{leg}_asset__isnull": True for leg in legs})


def _whole(leg: str) -> Q:
    """An asset and a quantity above zero, or neither."""
    both = {f"{leg}_asset__isnull": False, f"{leg}_quantity__isnull": False}
    neither = {f"{leg}_asset__isnull": True, f"{leg}_quantity__isnull": True}
    return Q(**both, **{f"{leg}_quantity__gt": 0}) | Q(**neither)


# Which legs a kind has; those not named may be there or not.
LEGS_OF_KINDS = (
    Q(_has("received"), kind="buy")
    | Q(_has("sent"), kind="sell")
    | Q(_has("received", "sent"), kind="swap")
    | Q(_has("received"), _has_no("sent"), kind__in=["deposit", "income"])
    | Q(_has("sent"), _has_no("received"), kind="withdrawal")
    | Q(
        _has("received", "sent"),
        kind="transfer",
        received_asset=F("sent_asset"),
        received_quantity=F("sent_quantity"),
    )
    | Q(_has("fee"), _has_no("received", "sent"), kind="fee")
    | Q(_has("received") | _has("sent"), _has_no("fee"), kind="migration")
    | Q(_has("received"), _has_no("sent", "fee"), kind="balance")
    | Q(_has("sent"), _has_no("received", "fee"), kind="balance")
)


class Transaction(models.Model):
    """One line of a portfolio's ledger, with up to three legs: received, sent, and the fee.

    The fee goes in addition to what was sent, never as a part of it. What the kinds mean is in
    docs/ledger.md; portfolios.services.transactions writes them.
    """

    class Kind(models.TextChoices):
        BUY = "buy"
        SELL = "sell"
        SWAP = "swap"
        DEPOSIT = "deposit"
        WITHDRAWAL = "withdrawal"
        TRANSFER = "transfer"
        INCOME = "income"
        FEE = "fee"
        MIGRATION = "migration", "Token migration"
        BALANCE = "balance", "Balance entered"

    portfolio = models.ForeignKey(
        Portfolio, on_delete=models.CASCADE, related_name="transactions", db_index=False
    )
    kind = models.CharField(max_length=10, choices=Kind)
    at = models.DateTimeField(help_text="When it happened, in UTC.")
    # Not PROTECT: an own asset goes together with its owner's portfolios. Indexed below.
    received_asset = models.ForeignKey(
        Asset, null=True, on_delete=models.RESTRICT, related_name="+", db_index=False
    )
    received_quantity = QuantityField(null=True)
    sent_asset = models.ForeignKey(
        Asset, null=True, on_delete=models.RESTRICT, related_name="+", db_index=False
    )
    sent_quantity = QuantityField(null=True)
    fee_asset = models.ForeignKey(
        Asset, null=True, on_delete=models.RESTRICT, related_name="+", db_index=False
    )
    fee_quantity = QuantityField(null=True)
    # What it was worth in a currency, as far as the person or the exchange says so: what was
    # received, or else what was sent. Zero is a gift; NULL is unknown.
    value_asset = models.ForeignKey(
        Asset, null=True, on_delete=models.RESTRICT, related_name="+", db_index=False
    )
    value = QuantityField(null=True)
    note = models.CharField(max_length=500, blank=True, default="", db_default="")
    external_id = models.CharField(
        max_length=200, blank=True, default="", db_default="", help_text="At the exchange."
    )
    # What an import knows a row by, so that the same row is never added twice.
    fingerprint = models.CharField(max_length=64, null=True, editable=False)  # noqa: DJ001
    import_run = models.ForeignKey(
        Import, null=True, editable=False, on_delete=models.CASCADE, related_name="transactions"
    )
    token_migration = models.ForeignKey(
        TokenMigration, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("-at", "-id")
        indexes = (
            models.Index(fields=["portfolio", "at", "id"], name="transaction_in_order"),
            # Whether anything refers to an asset, when it is to be removed.
            *(
                models.Index(
                    fields=[f"{leg}_asset"], condition=_has(leg), name=f"transaction_{leg}"
                )
                for leg in ("received", "sent", "fee", "value")
            ),
        )
        constraints = (
            models.CheckConstraint(condition=LEGS_OF_KINDS, name="transaction_legs_of_kind"),
            *(
                models.CheckConstraint(condition=_whole(leg), name=f"transaction_{leg}_whole")
                for leg in ("received", "sent", "fee")
            ),
            models.CheckConstraint(
                condition=Q(value_asset__isnull=False, value__isnull=False, value__gte=0)
                | Q(value_asset__isnull=True, value__isnull=True),
                name="transaction_value_whole",
            ),
            models.CheckConstraint(
                condition=Q(kind="transfer")
                | Q(received_asset__isnull=True)
                | Q(sent_asset__isnull=True)
                | ~Q(received_asset=F("sent_asset")),
                name="transaction_two_assets",
            ),
            models.UniqueConstraint(
                fields=["portfolio", "fingerprint"],
                condition=Q(fingerprint__isnull=False),
                name="transaction_imported_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.at:%Y-%m-%d}"

    def legs(self) -> Iterator[tuple[int, Decimal]]:
        """(asset id, quantity) of each leg; what goes out is negative."""
        if self.received_asset_id is not None and self.received_quantity is not None:
            yield self.received_asset_id, self.received_quantity
        if self.sent_asset_id is not None and self.sent_quantity is not None:
            yield self.sent_asset_id, self.sent_quantity.copy_negate()  # exact; `-` would round
        if self.fee_asset_id is not None and self.fee_quantity is not None:
            yield self.fee_asset_id, self.fee_quantity.copy_negate()


class LotChoice(models.Model):
    """From which purchase a sale takes how much, in a portfolio whose lots are chosen by hand."""

    sale = models.ForeignKey(
        Transaction, on_delete=models.CASCADE, related_name="lot_choices", db_index=False
    )
    purchase = models.ForeignKey(Transaction, on_delete=models.CASCADE, related_name="+")
    quantity = QuantityField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["sale", "purchase"], name="lot_choice_once"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="lot_choice_positive"),
            models.CheckConstraint(condition=~Q(sale=F("purchase")), name="lot_choice_of_another"),
        )

    def __str__(self) -> str:
        return f"{self.quantity.normalize():f} of {self.purchase_id} for {self.sale_id}"


class Holding(models.Model):
    """What the ledger adds up to, kept beside it for the night."""

    portfolio = models.ForeignKey(
        Portfolio, on_delete=models.CASCADE, related_name="holdings", db_index=False
    )
    # Not PROTECT: an own asset goes together with its owner's portfolios.
    asset = models.ForeignKey(Asset, on_delete=models.RESTRICT, related_name="+")
    quantity = QuantityField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["portfolio", "asset"], name="holding_once"),
            models.CheckConstraint(condition=Q(quantity__gte=0), name="holding_not_negative"),
        )

    def __str__(self) -> str:
        return f"{self.quantity.normalize():f} {self.asset}"
