"""What people type about what happened: a form for each kind of transaction."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

from django import forms

from portfolios.forms import AssetField, NumberField, SeenForm
from portfolios.lots import Lot
from portfolios.models import Asset, Portfolio, Transaction
from portfolios.models.assets import DOLLAR
from portfolios.selectors import assets

Kind = Transaction.Kind

# How the legs of each kind are called on screen, and in which order they stand.
LEGS: Mapping[str, Mapping[str, str]] = {
    Kind.BUY: {"received": "Bought", "sent": "Paid with", "fee": "Fee"},
    Kind.SELL: {"sent": "Sold", "received": "Got", "fee": "Fee"},
    Kind.SWAP: {"sent": "Given", "received": "Got", "value": "Worth", "fee": "Fee"},
    Kind.DEPOSIT: {"received": "Came in", "value": "Had cost", "fee": "Fee"},
    Kind.WITHDRAWAL: {"sent": "Went out", "fee": "Fee"},
    Kind.TRANSFER: {"sent": "Moved", "fee": "Fee"},
    Kind.INCOME: {"received": "Earned", "value": "Worth", "fee": "Fee"},
    Kind.FEE: {"fee": "Fee"},
    Kind.BALANCE: {"received": "More by", "sent": "Less by", "value": "Had cost"},
}
NEEDED: Mapping[str, frozenset[str]] = {
    Kind.BUY: frozenset({"received"}),
    Kind.SELL: frozenset({"sent"}),
    Kind.SWAP: frozenset({"sent", "received"}),
    Kind.DEPOSIT: frozenset({"received"}),
    Kind.WITHDRAWAL: frozenset({"sent"}),
    Kind.TRANSFER: frozenset({"sent"}),
    Kind.INCOME: frozenset({"received"}),
    Kind.FEE: frozenset({"fee"}),
    Kind.BALANCE: frozenset(),
}
EXPLAINED: Mapping[str, str] = {
    Kind.BUY: "Bought for money, or for another coin. Without what was paid the cost is unknown.",
    Kind.SELL: "Sold for money, or for another coin.",
    Kind.SWAP: "One coin for another. Without a worth, the close of the day counts.",
    Kind.DEPOSIT: "Came from outside this portfolio. Say what it had cost, if you know.",
    Kind.WITHDRAWAL: "Left this portfolio: spent, given away or moved elsewhere. No gain.",
    Kind.TRANSFER: "Between places of your own: only the fee leaves, and lots stay.",
    Kind.INCOME: "Interest, rewards, airdrops. Without a worth, the close of the day counts.",
    Kind.FEE: "A fee by itself.",
    Kind.BALANCE: "A balance that was entered by hand.",
}
OFFERED = (
    Kind.BUY, Kind.SELL, Kind.SWAP, Kind.DEPOSIT, Kind.WITHDRAWAL, Kind.TRANSFER, Kind.INCOME,
    Kind.FEE,
)  # fmt: skip
MONEY = ("value",)
SECONDS = "%Y-%m-%dT%H:%M:%S"


class MomentField(forms.DateTimeField):
    """A moment in UTC, to the second."""

    widget = forms.DateTimeInput({"type": "datetime-local", "step": "1"}, format=SECONDS)
    default_error_messages: ClassVar = {"invalid": "Enter a moment such as 2025-01-31 09:30."}

    def prepare_value(self, value: Any) -> Any:
        return value.astimezone(UTC).strftime(SECONDS) if isinstance(value, datetime) else value


class TransactionForm(SeenForm):
    """One line of the ledger. The fields are those of its kind."""

    at = MomentField(label="When, UTC")
    note = forms.CharField(max_length=500, required=False)

    def __init__(self, submitted: Any, *, portfolio: Portfolio, entry: Transaction) -> None:
        super().__init__(submitted, initial={"revision": portfolio.revision, **_initial(entry)})
        self.entry = entry
        offered = assets.offered(portfolio.owner)
        currencies = offered.filter(kind=Asset.Kind.CASH)
        for leg, label in LEGS[entry.kind].items():
            needed = leg in NEEDED[entry.kind]
            self.fields[_quantity(leg)] = NumberField(label=label, required=needed)
            self.fields[f"{leg}_asset"] = AssetField(
                queryset=currencies if leg in MONEY else offered,
                label=f"{label}: asset" if leg not in MONEY else f"{label}: currency",
                required=needed,
                empty_label="Choose…",
            )
        self.order_fields(["at", *self.leg_names, "note"])

    @property
    def leg_names(self) -> list[str]:
        legs = LEGS[self.entry.kind]
        return [name for leg in legs for name in (_quantity(leg), f"{leg}_asset")]

    def legs(self) -> list[tuple[str, forms.BoundField, forms.BoundField]]:
        """(label, quantity, asset) of each leg, in the order of the kind."""
        return [
            (label, self[_quantity(leg)], self[f"{leg}_asset"])
            for leg, label in LEGS[self.entry.kind].items()
        ]

    def clean(self) -> dict[str, Any]:
        """What has an asset chosen beforehand and no quantity is left out."""
        cleaned = super().clean()
        for leg in LEGS[self.entry.kind]:
            if cleaned.get(_quantity(leg)) is None and leg not in NEEDED[self.entry.kind]:
                cleaned[f"{leg}_asset"] = None
            elif cleaned.get(f"{leg}_asset") is None and f"{leg}_asset" not in self.errors:
                self.add_error(f"{leg}_asset", "Choose an asset.")
        return cleaned

    def filled(self) -> Transaction:
        """The entry with what was typed."""
        entry, typed = self.entry, self.cleaned_data
        if entry.at is None or typed["at"] != entry.at.replace(microsecond=0):
            entry.at = typed["at"]
        entry.note = typed["note"]
        for name in self.leg_names:
            setattr(entry, name, typed[name])
        if entry.kind == Kind.TRANSFER:
            entry.received_asset, entry.received_quantity = entry.sent_asset, entry.sent_quantity
        return entry


def _quantity(leg: str) -> str:
    return leg if leg in MONEY else f"{leg}_quantity"


def _initial(entry: Transaction) -> dict[str, Any]:
    """What the entry says already; a new one is paid for in dollars."""
    initial: dict[str, Any] = {"at": entry.at, "note": entry.note}
    dollar = Asset.objects.filter(coingecko_id=DOLLAR).values_list("pk", flat=True).first()
    bought_with = {Kind.BUY: "sent", Kind.SELL: "received"}.get(Kind(entry.kind))
    for leg in LEGS[entry.kind]:
        quantity = getattr(entry, _quantity(leg))
        initial[_quantity(leg)] = None if quantity is None else _plain(quantity)
        chosen = getattr(entry, f"{leg}_asset_id")
        usual = dollar if leg in MONEY or leg in (bought_with, "fee") else None
        initial[f"{leg}_asset"] = chosen or usual
    return initial


def _plain(quantity: Any) -> str:
    text = f"{quantity:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class LedgerForm(SeenForm):
    """How a ledger is read: which lots a sale takes, and whether cash is held."""

    lot_method = forms.ChoiceField(label="A sale takes", choices=Portfolio.LotMethod)
    follows_cash = forms.BooleanField(
        label="This portfolio follows its cash", required=False,
        help_text="Money that is paid must have been deposited, and what sales bring stays. "
        "Off, money comes from outside and leaves.",
    )  # fmt: skip


class LotChoicesForm(SeenForm):
    """How much a sale takes of each lot; what is left empty is for the oldest lots to give."""

    def __init__(self, submitted: Any, *, sale: Transaction, lots: Sequence[Lot]) -> None:
        super().__init__(submitted, initial={"revision": sale.portfolio.revision})
        chosen = {choice.purchase_id: choice.quantity for choice in sale.lot_choices.all()}
        self.lots = {f"lot-{lot.line}": lot for lot in lots}
        for name, lot in self.lots.items():
            quantity = chosen.get(lot.line)
            self.fields[name] = NumberField(
                label=f"Of the lot of {lot.acquired_at:%-d %B %Y}",
                required=False,
                initial=None if quantity is None else _plain(quantity),
            )

    def rows(self) -> list[tuple[Lot, forms.BoundField]]:
        return [(lot, self[name]) for name, lot in self.lots.items()]

    @property
    def quantities(self) -> dict[int, Decimal]:
        """By purchase."""
        typed = {lot.line: self.cleaned_data.get(name) for name, lot in self.lots.items()}
        return {line: quantity for line, quantity in typed.items() if quantity}


class ActivityFilter(forms.Form):
    """Which transactions to show; what makes no sense filters nothing."""

    kind = forms.ChoiceField(choices=[("", "All kinds"), *Kind.choices], required=False)
    asset = forms.ChoiceField(required=False)
    year = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, assets: Any, years: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["asset"].choices = [  # type: ignore[attr-defined]
            ("", "All assets"),
            *((str(asset.pk), str(asset)) for asset in assets),
        ]
        self.fields["year"].choices = [  # type: ignore[attr-defined]
            ("", "All years"),
            *((str(year), str(year)) for year in years),
        ]

    @property
    def chosen(self) -> dict[str, str]:
        """What filters, by the name of its field."""
        self.full_clean()
        return {name: value for name, value in self.cleaned_data.items() if value}
