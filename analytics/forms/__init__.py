"""What people ask of a plan, by GET, so that it has an address, and try on the workbench."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms

from analytics.selectors.portfolio_pages import Position
from analytics.services import tilt_proposals
from analytics.services.shown_plans import WAYS, Asked, Mode
from portfolios.forms import LARGEST_AMOUNT, NumberField, PlainField, SeenForm, TargetsForm
from portfolios.models import Asset, AssetCategory, Portfolio, PositionRule, TargetVersion
from portfolios.services import targets
from portfolios.services.targets import Aim
from portfolios.templatetags import figures

TRADING = ("never_sold", "left_alone", "only")
ASKED = "mode"
"""An address that names this has a form's choices; else those of the rules hold."""


class PlanForm(forms.Form):
    """Which way to rebalance, with how much cash, and what not to trade."""

    mode = forms.ChoiceField(label="Way", choices=[*WAYS.items()])
    cash = NumberField(
        label="Cash, US dollars",
        required=False,
        min_value=Decimal("0.01"),
        max_value=LARGEST_AMOUNT,
        decimal_places=2,
    )
    never_sold = forms.TypedMultipleChoiceField(coerce=int, required=False)
    left_alone = forms.TypedMultipleChoiceField(coerce=int, required=False)
    only = forms.TypedMultipleChoiceField(coerce=int, required=False)

    def __init__(
        self, asked: Mapping[str, Any], *, positions: Iterable[Position],
        rules: Iterable[PositionRule],
    ) -> None:  # fmt: skip
        self.by_rules = Asked.by_rules(rules)
        shown = {
            "mode": self.by_rules.mode.value,
            "never_sold": list(self.by_rules.never_sold),
            "left_alone": list(self.by_rules.left_alone),
        }
        super().__init__(asked if ASKED in asked else None, initial=shown)
        ids = [(position.asset.pk, position.name) for position in positions]
        for name in TRADING:
            field = self.fields[name]
            assert isinstance(field, forms.TypedMultipleChoiceField)
            field.choices = ids

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        mode = cleaned.get("mode")
        if mode and Mode(mode).needs_cash and not cleaned.get("cash") and "cash" not in self.errors:
            self.add_error("cash", "Say how much cash.")
        return cleaned

    @property
    def asked(self) -> Asked:
        """What to plan: as asked, or by the rules where nothing, or nothing valid, was."""
        if not (self.is_bound and self.is_valid()):
            return self.by_rules
        chosen = self.cleaned_data
        return Asked(
            mode=Mode(chosen["mode"]),
            cash=chosen.get("cash"),
            never_sold=frozenset(chosen["never_sold"]),
            left_alone=frozenset(chosen["left_alone"]),
            only=frozenset(chosen.get("only", ())),
        )


class WorkbenchForm(TargetsForm):
    """Targets to try, and what their version is to be called."""

    name = PlainField(
        label="Name of this version", required=False, max_length=TargetVersion.NAME_LENGTH
    )

    def __init__(
        self,
        submitted: Mapping[str, Any] | None,
        *,
        portfolio: Portfolio,
        aims: Sequence[Aim],
        weights: Mapping[Aim, Decimal] | None = None,
    ) -> None:
        self.opened_with = dict(weights or {})
        super().__init__(
            submitted,
            initial={"revision": portfolio.revision},
            rows=aims,
            current=targets.rows(portfolio=portfolio, weights=self.opened_with),
        )

    @property
    def tried(self) -> dict[Aim, Decimal]:
        """The weights in the fields, as far as they are numbers."""
        if self.is_bound and self.errors is not None:  # reading the errors cleans the form
            return self.weights
        return self.opened_with

    def filled(self, weights: Mapping[Aim, Decimal]) -> dict[str, str]:
        """What the fields should say for these weights, and nothing else."""
        return {
            name: figures.typed_percent(weights[aim]) if aim in weights else "0"
            for name, aim in self.aims.items()
        }

    def by_category(self) -> list[tuple[AssetCategory, list[tuple[Aim, forms.BoundField]]]]:
        """The fields of each category, in the order of the rows."""
        groups: dict[AssetCategory, list[tuple[Aim, forms.BoundField]]] = {}
        for aim, field in self.rows():
            category = aim.category if isinstance(aim, Asset) else aim
            groups.setdefault(category, []).append((aim, field))
        return list(groups.items())

    @property
    def scale(self) -> int:
        """Where the sliders end, in percent: a fine one for small weights, but never too short."""
        largest = max((float(weight) * 100 for weight in self.tried.values()), default=0.0)
        return next((end for end in (25, 50) if 1.5 * largest <= end), 100)


class VersionNameForm(forms.Form):
    """What a version of the targets is called; nothing: by its number."""

    name = PlainField(required=False, max_length=TargetVersion.NAME_LENGTH)


class TiltForm(SeenForm):
    """For how long a temporary target is in force, and which one was seen."""

    seen = forms.CharField(widget=forms.HiddenInput)
    days = forms.TypedChoiceField(
        label="It ends after",
        coerce=int,
        choices=[(days, f"{days} days") for days in tilt_proposals.DAYS],
        initial=30,
    )
