"""What people type about their portfolios. A percentage on the screen is a fraction inside."""

from collections.abc import Container, Iterable, Iterator, Sequence
from copy import copy
from decimal import Decimal
from itertools import groupby
from typing import Any, ClassVar

from django import forms
from django.core.validators import MaxLengthValidator
from django.db.models import QuerySet
from django.forms.models import ModelChoiceIterator
from django.http import QueryDict

from portfolios.models import (
    Asset,
    AssetCategory,
    ModelPortfolio,
    ModelPortfolioLine,
    Portfolio,
    StrategicWeight,
    TargetWeight,
)
from portfolios.selectors import assets, model_portfolios
from portfolios.services import targets
from portfolios.services.errors import PortfolioError
from portfolios.services.quantities import check_quantity
from portfolios.services.targets import Aim
from portfolios.templatetags import figures

LARGEST_AMOUNT = Decimal(10) ** 12
LONGEST_NOTES = 5000
NOT_A_NUMBER = "Enter a number such as 1250.75, with a point and without separators."
EMPTY, FILE = "", "file"


class NumberInput(forms.TextInput):
    """Text with a numeric keyboard: browsers' number fields round, scroll and localise."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"inputmode": "decimal", "autocomplete": "off", **(attrs or {})})


class NumberField(forms.DecimalField):
    widget = NumberInput
    default_error_messages = {"invalid": NOT_A_NUMBER}


class PercentField(NumberField):
    """Shows 12.5 for the fraction 0.125, and takes it back."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("decimal_places", targets.DECIMALS - 2)
        super().__init__(**options)

    def prepare_value(self, value: Any) -> Any:
        return figures.typed_percent(value) if isinstance(value, Decimal) else value

    def clean(self, value: Any) -> Decimal | None:
        percentage = super().clean(value)
        return None if percentage is None else percentage / 100


class AssetsByCategory(ModelChoiceIterator):
    """The options of an asset picker, one group a category."""

    def __iter__(self) -> Iterator[Any]:
        if self.field.empty_label is not None:
            yield ("", self.field.empty_label)
        for category, group in groupby(self.queryset, key=lambda asset: asset.category):
            yield category.name, [self.choice(asset) for asset in group]


class AssetField(forms.ModelChoiceField):
    iterator = AssetsByCategory
    default_error_messages = {
        "required": "Choose an asset.",
        "invalid_choice": "Choose an asset from the list.",
    }

    def __init__(self, *, queryset: QuerySet[Asset] | None = None, **options: Any) -> None:
        options.setdefault("empty_label", "Choose an asset…")
        super().__init__(Asset.objects.none() if queryset is None else queryset, **options)


class PlainField(forms.CharField):
    """A line of text without invisible characters at its ends or inside."""

    def to_python(self, value: Any) -> str:
        text = str(super().to_python(value) or "")
        if any(not character.isprintable() for character in text):
            raise forms.ValidationError("Leave out characters that cannot be seen.")
        return " ".join(text.split())


class NewPortfolioForm(forms.Form):
    """A name, and whether to start empty, from a file, or from a model and an amount."""

    name = forms.CharField(max_length=80)
    start = forms.ChoiceField(required=False)
    amount = NumberField(
        label="Amount for a model, US dollars",
        required=False,
        min_value=1,
        max_value=LARGEST_AMOUNT,
        max_digits=15,
        decimal_places=2,
    )

    def __init__(
        self,
        *args: Any,
        models: Iterable[ModelPortfolio],
        priced: Container[int],
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.models = {model.slug: model for model in models}
        start = self.fields["start"]
        assert isinstance(start, forms.ChoiceField)
        start.choices = [
            (EMPTY, "Empty"),
            (FILE, "From a file"),
            *((slug, model.name) for slug, model in self.models.items()),
        ]
        for model in self.models.values():
            taken = {line.asset for line in model.lines.all() if line.asset}
            for line in model.lines.all():
                if line.asset is None:
                    self.fields[slot_name(line)] = _slot_field(line, taken, priced)
            for category, weight in _whole_categories(model).items():
                self.fields[whole_name(model, category)] = forms.BooleanField(
                    required=False,
                    label=f"One target of {figures.exact_percent(weight)} % for all of {category}",
                    help_text="Judged as a whole, whichever of its assets you hold.",
                )

    def offers(self) -> list[tuple[ModelPortfolio, list[forms.BoundField]]]:
        """Each model with the fields of its category slots."""
        return [
            (
                model,
                [self[slot_name(line)] for line in model.lines.all() if line.asset is None]
                + [self[whole_name(model, category)] for category in _whole_categories(model)],
            )
            for model in self.models.values()
        ]

    @property
    def whole_categories(self) -> list[AssetCategory]:
        """Those whose slots are kept as a target of the category."""
        model = self.model_portfolio
        return [
            category
            for category in (_whole_categories(model) if model else {})
            if model and self.cleaned_data.get(whole_name(model, category))
        ]

    @property
    def model_portfolio(self) -> ModelPortfolio | None:
        return self.models.get(self.cleaned_data["start"])

    @property
    def slots(self) -> dict[int, Asset]:
        """The assets chosen for the category slots, by line."""
        lines = self.model_portfolio.lines.all() if self.model_portfolio else ()
        chosen = {line.pk: self.cleaned_data.get(slot_name(line)) for line in lines}
        return {pk: asset for pk, asset in chosen.items() if asset}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        is_model = cleaned.get("start") in self.models
        if is_model and cleaned.get("amount") is None and "amount" not in self.errors:
            self.add_error("amount", "Enter the amount to invest in the model.")
        if not is_model and cleaned.get("amount") is not None:
            self.add_error("amount", "An amount goes with a model: choose one, or leave it empty.")
        return cleaned


def _whole_categories(model: ModelPortfolio) -> dict[AssetCategory, Decimal]:
    """Categories that the model has slots of, and all that it gives them."""
    lines = list(model.lines.all())
    slots = dict.fromkeys(line.category for line in lines if line.category)
    return {
        slot: sum((line.weight for line in lines if slot == _category(line)), Decimal(0))
        for slot in slots
    }


def _category(line: ModelPortfolioLine) -> AssetCategory | None:
    return line.asset.category if line.asset else line.category


def whole_name(model: ModelPortfolio, category: AssetCategory) -> str:
    return f"whole-{model.pk}-{category.pk}"


def slot_name(line: ModelPortfolioLine) -> str:
    return f"slot-{line.pk}"


def _slot_field(
    line: ModelPortfolioLine, taken: Container[Asset], priced: Container[int]
) -> AssetField:
    fitting = model_portfolios.assets_for_slot(line, taken=taken, priced=priced)
    return AssetField(
        queryset=Asset.objects.filter(pk__in=[asset.pk for asset in fitting]).select_related(
            "category"
        ),
        label=f"{line.slot_name}, {figures.exact_percent(line.weight)} %",
        required=False,
        empty_label=None if fitting else "No asset with a price",
        initial=next(iter(fitting), None),
    )


class SeenForm(forms.Form):
    """What a person decided, and the revision of the portfolio that they saw when they did."""

    revision = forms.IntegerField(widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "revision" in self.errors:
            raise forms.ValidationError("This page is out of date. Reload it and try again.")
        return cleaned


class NameForm(SeenForm):
    """What a portfolio is called, and nothing else of it."""

    name = forms.CharField(
        max_length=80, widget=forms.TextInput({"autofocus": True, "autocomplete": "off"})
    )

    def show_saved(self, saved: Portfolio) -> None:
        """Say what it is called now. Who saves once more has seen it."""
        self.data = {"name": self.data.get("name", ""), "revision": str(saved.revision)}
        self["name"].help_text = f"Saved now: {saved.name}"


class QuantityForm(SeenForm):
    quantity = forms.DecimalField(widget=NumberInput, error_messages={"invalid": NOT_A_NUMBER})

    def clean_quantity(self) -> Decimal:
        try:
            return check_quantity(self.cleaned_data["quantity"])
        except PortfolioError as refusal:
            raise forms.ValidationError(str(refusal)) from refusal


class NewHoldingForm(QuantityForm):
    """A balance of an asset that the portfolio does not hold yet."""

    asset = AssetField()
    field_order = ("asset", "quantity")

    def __init__(self, *args: Any, portfolio: Portfolio, **options: Any) -> None:
        super().__init__(*args, **options)
        asset = self.fields["asset"]
        assert isinstance(asset, AssetField)
        asset.widget.attrs["data-asset-picker"] = ""
        offered = assets.offered(portfolio.owner)
        asset.queryset = offered.exclude(pk__in=portfolio.holdings.values("asset"))


class TargetsForm(SeenForm):
    """All target weights at once, of assets and of categories. An empty field is no target."""

    def __init__(
        self,
        *args: Any,
        rows: Sequence[Aim],
        current: Iterable[TargetWeight | StrategicWeight],
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        weights = {target.aim: target.weight for target in current}
        self.aims = {field_name(aim): aim for aim in rows}
        for name, aim in self.aims.items():
            self.fields[name] = PercentField(
                label=f"Target of {aim}, %",
                required=False,
                initial=weights.get(aim),
                min_value=0,
                max_value=100,
            )

    def rows(self) -> list[tuple[Aim, forms.BoundField]]:
        return [(aim, self[name]) for name, aim in self.aims.items()]

    @property
    def weights(self) -> dict[Aim, Decimal]:
        chosen = {aim: self.cleaned_data.get(name) for name, aim in self.aims.items()}
        return {aim: weight for aim, weight in chosen.items() if weight}

    @property
    def total(self) -> Decimal:
        """The sum of what the fields hold now, as far as they hold numbers."""
        if self.is_bound and self.errors is not None:  # reading the errors cleans the form
            return sum(self.weights.values(), Decimal(0))
        return sum((self.fields[name].initial or Decimal(0) for name in self.aims), Decimal(0))

    def normalised(self) -> dict[str, str]:
        """What the fields should say to make 100 % together, in the proportions typed."""
        scaled = targets.normalise(self.weights)
        names = {aim: name for name, aim in self.aims.items()}
        return {names[aim]: figures.typed_percent(weight) for aim, weight in scaled.items()}

    @property
    def remainder(self) -> str:
        """What is missing to 100 %, in words; targets.js says the same while one types."""
        if self.total == 1:
            return "complete"
        words = "left" if self.total < 1 else "too much"
        return f"{figures.exact_percent(abs(1 - self.total))} % {words}"


def field_name(aim: Aim) -> str:
    return f"weight-{aim.pk}" if isinstance(aim, Asset) else f"category-{aim.pk}"


class OwnAssetForm(forms.Form):
    """What the catalogue does not list: what it is called, and what it is like."""

    name = PlainField(max_length=80)
    symbol = PlainField(max_length=20, help_text="Short, as a ticker is.")
    category = forms.ModelChoiceField(
        AssetCategory.objects.all(),
        empty_label="Choose a category…",
        help_text="What it is most like; if nothing fits, whatever has a similar risk.",
        error_messages={"invalid_choice": "Choose a category from the list."},
    )


class OwnPriceForm(forms.Form):
    """What it was worth at the close of a day."""

    price = NumberField(label="Price of one, US dollars")
    priced_on = forms.DateField(
        label="At the close of",
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Enter a day such as 2026-03-31."},
    )


class NewOwnAssetForm(OwnAssetForm, OwnPriceForm):
    """Both, and the page to return to."""

    portfolio = forms.IntegerField(required=False, widget=forms.HiddenInput)
    back = forms.CharField(required=False, widget=forms.HiddenInput)
    field_order = ("name", "symbol", "category", "price", "priced_on")


class SettingsForm(SeenForm, forms.ModelForm):
    """Name, bands, fee and notes."""

    tolerance_band = PercentField(
        label="Band, percentage points", decimal_places=2, min_value=Decimal("0.01"), max_value=99
    )
    wide_band = PercentField(
        label="Band while volatility is high, percentage points",
        decimal_places=2,
        min_value=Decimal("0.01"),
        max_value=99,
    )
    fee_rate = PercentField(
        label="Fee of a trade, %", decimal_places=4, min_value=0, max_value=Decimal("9.9999")
    )

    class Meta:
        model = Portfolio
        fields = ("name", "tolerance_band", "wide_band", "fee_rate", "notes")
        widgets: ClassVar = {"notes": forms.Textarea({"rows": 5})}

    def __init__(self, submitted: QueryDict | None, *, portfolio: Portfolio) -> None:
        super().__init__(
            submitted,
            initial={"revision": portfolio.revision},
            instance=copy(portfolio),  # a form writes what was typed into it, valid or not
        )
        notes = self.fields["notes"]
        assert isinstance(notes, forms.CharField)
        notes.max_length = LONGEST_NOTES
        notes.validators.append(MaxLengthValidator(LONGEST_NOTES))

    def show_saved(self, saved: Portfolio) -> None:
        """Put what is saved now beside each field that says something else.

        Who saves once more has seen it.
        """
        typed = {name: self.data.get(name, "") for name in self.Meta.fields}
        self.data = {**typed, "revision": str(saved.revision)}
        for name in self.Meta.fields:
            value = self.fields[name].prepare_value(getattr(saved, name))
            if value != self.data.get(name):
                self[name].help_text = f"Saved now: {value or 'nothing'}"
