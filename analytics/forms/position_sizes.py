"""One trade to size: what the calculator asks for."""

from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms

# The article's published case.
EXAMPLE = {
    "account": "10000",
    "risk": "2",
    "entry": "67000",
    "stop": "65500",
    "targets": "72000",
    "fee": "0",
}
MOST_TARGETS = 5
LARGEST = Decimal(10) ** 12


def _positive(label: str, **options: Any) -> forms.DecimalField:
    widget = forms.TextInput(attrs={"inputmode": "decimal", "class": "num"})
    smallest = options.pop("min_value", Decimal(10) ** -12)
    return forms.DecimalField(
        label=label, min_value=smallest, max_value=options.pop("max_value", LARGEST),
        widget=widget, **options,
    )  # fmt: skip


class PositionSizeForm(forms.Form):
    account = _positive("Account, USD")
    risk = _positive("Risk, % of the account", max_value=Decimal(100))
    entry = _positive("Entry, USD")
    stop = _positive("Stop, USD", help_text="Below the entry: a long trade. Above it: a short one.")
    targets = forms.CharField(
        label="Take-profits, USD",
        max_length=200,
        help_text="One to five, separated by spaces; “70000:75 74000:25” closes 75 % and 25 %.",
    )
    fee = _positive(
        "Fee, % of each fill", min_value=Decimal(0), max_value=Decimal("9.99"), required=False
    )

    def clean_targets(self) -> list[tuple[float, float]]:
        """(price, share of the position) of each."""
        typed = self.cleaned_data["targets"].replace(",", " ").replace(";", " ").split()
        if not 1 <= len(typed) <= MOST_TARGETS:
            raise forms.ValidationError(f"Give one to {MOST_TARGETS} prices.")
        prices: list[Decimal] = []
        shares: list[Decimal | None] = []
        for each in typed:
            price, _, share = each.partition(":")
            prices.append(self._number(price, each))
            shares.append(self._number(share, each) if share else None)
        known = [share for share in shares if share is not None]
        if known and len(known) < len(shares):
            raise forms.ValidationError("Give a share to every price, or to none.")
        if known and abs(sum(known, Decimal(-100))) > Decimal("0.01"):
            raise forms.ValidationError(
                f"The shares sum to {sum(known, Decimal(0)):f} %, not to 100 %."
            )
        total = sum(known, Decimal(0))
        return [
            (float(price), float(share / total) if share else 1 / len(prices))
            for price, share in zip(prices, shares, strict=True)
        ]

    def _number(self, text: str, whole: str) -> Decimal:
        try:
            number = Decimal(text)
        except InvalidOperation:
            raise forms.ValidationError(f"“{whole}” is no price above zero.") from None
        if not number.is_finite() or not Decimal(0) < number <= LARGEST:
            raise forms.ValidationError(f"“{whole}” is no price above zero.")
        return number

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        entry, stop = cleaned.get("entry"), cleaned.get("stop")
        if entry and stop and entry == stop:
            self.add_error("stop", "The stop is the entry itself: nothing would be at risk.")
        elif entry and stop:
            is_long = stop < entry
            side = "above" if is_long else "below"
            for price, _ in cleaned.get("targets", ()):
                if (price > entry) != is_long:
                    kind = "long" if is_long else "short"
                    self.add_error(
                        "targets", f"The targets of a {kind} trade lie {side} its entry: {price:g}."
                    )
        return cleaned
