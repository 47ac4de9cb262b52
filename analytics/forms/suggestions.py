"""What people say about a suggestion: for how long it may wait, and what they traded."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import ROUND_DOWN, Decimal
from typing import Any

from django import forms

from analytics.selectors.portfolio_pages import Trade
from analytics.services.suggestions import Fill
from portfolios.forms import LARGEST_AMOUNT, NumberField, SeenForm
from portfolios.models import Asset, Portfolio
from portfolios.services.quantities import DECIMALS, TOO_LARGE
from portfolios.templatetags import figures


class SnoozeForm(forms.Form):
    """For how long a suggestion is put aside."""

    days = forms.TypedChoiceField(
        coerce=int,
        choices=[(7, "a week"), (14, "two weeks"), (30, "30 days"), (90, "90 days")],
    )


FILL = ("quantity", "price", "fee", "on")
"""The fields of each trade that was made."""


class FillsForm(SeenForm):
    """What was traded. It begins with the trades of a plan; an empty quantity was not traded."""

    def __init__(
        self, submitted: Mapping[str, Any] | None, *, portfolio: Portfolio,
        trades: Sequence[Trade], fees: float, today: date,
    ) -> None:  # fmt: skip
        super().__init__(submitted, initial={"revision": portfolio.revision})
        self.trades = _recordable(portfolio, trades)
        fee_rate = fees / (sum(trade.size for trade in trades) or 1.0)
        held = dict(portfolio.holdings.values_list("asset_id", "quantity"))
        for trade in self.trades:
            self._add_fields(trade, fee_rate, held.get(trade.asset.pk), today)

    def _add_fields(self, trade: Trade, fee_rate: float, held: Decimal | None, today: date) -> None:
        pk, name = trade.asset.pk, trade.asset.symbol
        units = _typed(trade.units)
        if trade.amount < 0 and held is not None:
            units = min(units, held)
        self.fields[f"quantity-{pk}"] = NumberField(
            label=f"Units of {name}",
            required=False,
            min_value=Decimal(0),
            max_value=TOO_LARGE - 1,
            decimal_places=DECIMALS,
            initial=figures.typed_quantity(units),
        )
        for kind, words, initial in (
            ("price", "Price", _typed(trade.price or 0.0)),
            ("fee", "Fee", round(_typed(fee_rate * trade.size), 2)),
        ):
            self.fields[f"{kind}-{pk}"] = NumberField(
                label=f"{words} of {name}, US dollars",
                required=False,
                min_value=Decimal(0),
                max_value=LARGEST_AMOUNT,
                decimal_places=DECIMALS,
                initial=figures.typed_quantity(initial),
            )
        self.fields[f"on-{pk}"] = forms.DateField(
            label=f"Day of the trade of {name}, UTC",
            required=False,
            initial=today,
            widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        )
        for kind in FILL:
            field = self.fields[f"{kind}-{pk}"]
            look = "form-control fill-field" if kind == "on" else "form-control fill-field num"
            field.widget.attrs |= {"class": look, "aria-label": field.label}

    def rows(self) -> Iterator[tuple[Trade, Sequence[forms.BoundField]]]:
        """Each trade with its quantity, price, fee and day."""
        for trade in self.trades:
            pk = trade.asset.pk
            yield trade, [self[f"{kind}-{pk}"] for kind in FILL]

    def clean(self) -> dict[str, Any]:
        """What was traded has a price and a day."""
        cleaned = super().clean() or {}
        for trade in self.trades:
            pk = trade.asset.pk
            if cleaned.get(f"quantity-{pk}"):
                for kind, words in (("price", "Enter the price."), ("on", "Enter the day.")):
                    name = f"{kind}-{pk}"
                    if not cleaned.get(name) and name not in self.errors:
                        self.add_error(name, words)
        return cleaned

    @property
    def fills(self) -> list[Fill]:
        typed = self.cleaned_data
        return [
            Fill(
                asset=trade.asset,
                quantity=quantity if trade.amount > 0 else quantity.copy_negate(),
                price=typed[f"price-{trade.asset.pk}"],
                fee=typed.get(f"fee-{trade.asset.pk}") or Decimal(0),
                on=typed[f"on-{trade.asset.pk}"],
            )
            for trade in self.trades
            if (quantity := typed.get(f"quantity-{trade.asset.pk}"))
        ]


def _recordable(portfolio: Portfolio, trades: Sequence[Trade]) -> list[Trade]:
    """All trades; where the portfolio follows its cash, money moves with the others."""
    return [
        trade
        for trade in trades
        if not (portfolio.follows_cash and trade.asset.kind == Asset.Kind.CASH)
    ]


def _typed(figure: float) -> Decimal:
    """A measured figure as one would type it: eight decimals, never more than it is."""
    return Decimal(repr(figure)).quantize(Decimal("1e-8"), rounding=ROUND_DOWN)
