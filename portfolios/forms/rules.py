"""What people type about how a portfolio is rebalanced."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Q
from django.http import QueryDict

from portfolios.forms import NumberField, NumberInput, PercentField, SeenForm, field_name
from portfolios.models import Asset, Portfolio, PositionRule, Venue
from portfolios.models.portfolios import Cadence, OrderType
from portfolios.services import rules as position_rules
from portfolios.services.rules import Rule
from portfolios.services.targets import Aim

# Short enough to be read whole in a field on a phone; elsewhere the models' own words stand.
CADENCES = [
    (Cadence.BANDS, "When a band is left"),
    (Cadence.MONTHLY, "Monthly"),
    (Cadence.ADAPTIVE, "Monthly, weekly if volatile"),
    (Cadence.QUARTERLY, "Quarterly"),
]
ORDER_TYPES = [
    (OrderType.TAKER, "At once, at market price"),
    (OrderType.MAKER, "Patiently, with limits"),
]


class RulesForm(SeenForm):
    """How the portfolio is rebalanced, and what holds for single positions and categories."""

    cadence = forms.ChoiceField(
        label="When you rebalance",
        required=False,
        choices=CADENCES,
        help_text="By the calendar: on the first of a month or a quarter, on Mondays while "
        "volatility is high if you choose so. On these days the targets are returned to wherever "
        "that pays, and between them nobody writes to you, whatever leaves its band. A day is due "
        "for a week.",
    )
    relative_band = PercentField(
        label="Band relative to each target, %",
        required=False,
        decimal_places=2,
        min_value=Decimal("0.01"),
        max_value=100,
        help_text="Narrower for small positions: with 25, a target of 4 % may be from 3 to 5 %. "
        "Empty: none.",
    )
    venue = forms.ModelChoiceField(
        Venue.objects.none(),
        label="Where you trade",
        required=False,
        empty_label="Anywhere, at your own fee",
        help_text="Anywhere, the fee of the settings is the whole cost. A venue's preset brings "
        "its fees, assumed spreads, price impact by volume, the smallest order and lots.",
    )
    order_type = forms.ChoiceField(label="How you trade there", choices=ORDER_TYPES)
    withdraws = forms.BooleanField(
        label="I move what I buy to a wallet of my own, and pay for each withdrawal",
        required=False,
    )
    risk_aversion = NumberField(
        label="Risk aversion γ",
        min_value=position_rules.LEAST_AVERSION,
        max_value=position_rules.MOST_AVERSION,
        decimal_places=2,
        help_text="How much calm is worth to you. 3 is common; the benefit grows with it.",
    )
    horizon_days = forms.IntegerField(
        label="A rebalance must pay within, days",
        required=False,
        min_value=1,
        max_value=3650,
        widget=NumberInput,
        help_text="Empty: 30, or 7 while volatility is high.",
    )
    short_term_tax = PercentField(
        label="Tax on a short-term gain, %",
        required=False,
        decimal_places=2,
        min_value=0,
        max_value=100,
        help_text="Both rates, or neither: empty, tax is not counted.",
    )
    long_term_tax = PercentField(
        label="Tax on a long-term gain, %",
        required=False,
        decimal_places=2,
        min_value=0,
        max_value=100,
        help_text="Where time changes nothing, the same again; 0 where it is free of tax.",
    )
    long_term_days = forms.IntegerField(
        label="Long-term is held for more than, days",
        min_value=0,
        max_value=10_000,
        widget=NumberInput,
    )

    def __init__(
        self, submitted: QueryDict | None, *, portfolio: Portfolio, aims: Iterable[Aim],
        rules: Iterable[PositionRule],
    ) -> None:  # fmt: skip
        saved = {name: getattr(portfolio, name) for name in position_rules.FIELDS}
        super().__init__(submitted, initial={"revision": portfolio.revision, **saved})
        venue = self.fields["venue"]
        assert isinstance(venue, forms.ModelChoiceField)
        chosen = Q(is_active=True) | Q(pk=portfolio.venue_id)
        venue.queryset = Venue.objects.filter(chosen)
        present = {rule.aim: rule for rule in rules}
        self.aims = list(aims)
        for aim in self.aims:
            self._add_fields(aim, present.get(aim))

    def _add_fields(self, aim: Aim, rule: PositionRule | None) -> None:
        name = field_name(aim)
        for kind, most, words in (("band", 99, "points"), ("relative_band", 100, "% of target")):
            self.fields[f"{kind}-{name}"] = PercentField(
                label=f"Band of {aim}, {words}",
                required=False,
                decimal_places=2,
                min_value=Decimal("0.01"),
                max_value=most,
                initial=getattr(rule, kind, None),
            )
        if isinstance(aim, Asset):
            self.fields[f"trading-{name}"] = forms.TypedChoiceField(
                label=f"What may be traded of {aim}",
                choices=PositionRule.Trading.choices,
                coerce=lambda value: PositionRule.Trading(int(value)),
                required=False,
                initial=rule.trading if rule else PositionRule.Trading.FREE,
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        names = ("short_term_tax", "long_term_tax")
        if not self.errors.keys() & set(names):
            missing = [name for name in names if cleaned.get(name) is None]
            if len(missing) == 1:
                self.add_error(missing[0], "Give both rates, or neither. 0 is a rate, too.")
        return cleaned

    @property
    def of_portfolio(self) -> list[forms.BoundField]:
        return [
            self[name] for name in position_rules.FIELDS if name not in position_rules.TAX_FIELDS
        ]

    @property
    def of_tax(self) -> list[forms.BoundField]:
        return [self[name] for name in position_rules.TAX_FIELDS]

    def rows(self) -> list[tuple[Aim, forms.BoundField, forms.BoundField, forms.BoundField | None]]:
        """Each asset or category with its two bands, and what may be traded of an asset."""
        return [
            (
                aim,
                self[f"band-{field_name(aim)}"],
                self[f"relative_band-{field_name(aim)}"],
                self[f"trading-{field_name(aim)}"] if isinstance(aim, Asset) else None,
            )
            for aim in self.aims
        ]

    @property
    def rules(self) -> dict[Aim, Rule]:
        return {
            aim: Rule(
                band=self.cleaned_data.get(f"band-{field_name(aim)}"),
                relative_band=self.cleaned_data.get(f"relative_band-{field_name(aim)}"),
                trading=self.cleaned_data.get(f"trading-{field_name(aim)}") or Rule.trading,
            )
            for aim in self.aims
        }

    def clean_cadence(self) -> str:
        """Who does not say when keeps what there is."""
        return self.cleaned_data["cadence"] or str(self.initial["cadence"])

    @property
    def chosen(self) -> dict[str, Any]:
        """What was chosen for the portfolio as a whole."""
        return {name: self.cleaned_data[name] for name in position_rules.FIELDS}
