"""A DeFi allocation to look at: up to eight assets with amounts and yields."""

from decimal import Decimal
from typing import Any

from django import forms

from analytics.services import defi
from portfolios.models import Asset

ROWS = 8
# The article's tool shows an allocation whose assets it does not name; this is one of ours.
EXAMPLE = (
    ("usd-coin", "10000", ""), ("ethereum", "15000", ""), ("aave", "8000", ""),
    ("uniswap", "7000", ""),
)  # fmt: skip


class DefiForm(forms.Form):
    """Fields asset-0, amount-0, yield-0 and so on; a row without an amount is left out."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        listed = list(defi.offered())
        self.assets = {asset.coingecko_id: asset for asset in listed}
        choices = [("", "—"), *((each.coingecko_id, str(each)) for each in listed)]
        for n in range(ROWS):
            self.fields[f"asset-{n}"] = forms.ChoiceField(choices=choices, required=False)
            self.fields[f"amount-{n}"] = self._number(Decimal(10) ** 12)
            self.fields[f"yield-{n}"] = self._number(Decimal(1000))
            for name in ("asset", "amount", "yield"):
                widget = self.fields[f"{name}-{n}"].widget
                widget.attrs["aria-label"] = f"{name.capitalize()}, row {n + 1}"
                widget.attrs["class"] = "form-select" if name == "asset" else "form-control num"

    def _number(self, largest: Decimal) -> forms.DecimalField:
        widget = forms.TextInput(attrs={"inputmode": "decimal"})
        return forms.DecimalField(min_value=0, max_value=largest, required=False, widget=widget)

    @property
    def rows(self) -> list[tuple[forms.BoundField, forms.BoundField, forms.BoundField]]:
        return [(self[f"asset-{n}"], self[f"amount-{n}"], self[f"yield-{n}"]) for n in range(ROWS)]

    def positions(self) -> list[tuple[Asset, float, float | None]]:
        """(asset, US dollars, yield a year as a fraction, if typed) of each row of a valid form."""
        found = []
        for n in range(ROWS):
            asset = self.assets.get(self.cleaned_data[f"asset-{n}"])
            amount, typed = self.cleaned_data[f"amount-{n}"], self.cleaned_data[f"yield-{n}"]
            if asset and amount:
                rate = None if typed is None else float(typed) / 100
                found.append((asset, float(amount), rate))
        return found
