"""Forms take what a person means and refuse the rest with a sentence."""

from decimal import Decimal

import pytest

from portfolios import forms
from portfolios.models import Asset, Portfolio, TargetWeight
from portfolios.selectors import model_portfolios
from tests.factories import (
    AssetCategoryFactory,
    AssetFactory,
    HoldingFactory,
    PortfolioFactory,
)
from tests.portfolios.factories import ModelPortfolioFactory, ModelPortfolioLineFactory

HOSTILE = [
    "",
    " ",
    "abc",
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "-5",
    "1,5",
    "<script>",
    "0x10",
    "½",
]


@pytest.mark.parametrize("text", [*HOSTILE, "0", "1e-19", "1e-999999999999"])
def test_a_quantity_that_no_balance_can_have_is_refused(text):
    form = forms.QuantityForm({"quantity": text})
    assert not form.is_valid()
    assert form.errors["quantity"][0].endswith(".")


@pytest.mark.parametrize(
    "text",
    ["0.000000000000000001", " 21000000 ", "1.50", "12345678901234567890.123456789012345678"],
)
def test_a_quantity_is_taken_exactly(text):
    form = forms.QuantityForm({"quantity": text, "revision": "1"})
    assert form.is_valid()
    assert form.cleaned_data["quantity"] == Decimal(text.strip())


@pytest.mark.parametrize(
    ("text", "fraction"),
    [("12.5", "0.125"), ("100", "1"), ("0", "0"), ("33.3333333", "0.333333333")],
)
def test_a_percentage_is_a_fraction_inside_and_the_same_percentage_outside(text, fraction):
    field = forms.PercentField()
    assert field.clean(text) == Decimal(fraction)
    assert field.prepare_value(Decimal(fraction)) == text


@pytest.mark.parametrize("text", [*HOSTILE[2:], "100.1", "33.33333333"])
def test_a_target_that_is_no_percentage_is_refused(text):
    asset = Asset(pk=1, symbol="BTC", name="Bitcoin")
    form = forms.TargetsForm({"revision": "1", "weight-1": text}, rows=[asset], current=[])
    assert not form.is_valid()
    assert "weight-1" in form.errors


def test_an_empty_target_and_zero_are_no_target():
    rows = [Asset(pk=n, symbol=f"A{n}") for n in (1, 2, 3)]
    typed = {"revision": "1", "weight-1": "100", "weight-2": "", "weight-3": "0"}
    form = forms.TargetsForm(typed, rows=rows, current=[])
    assert form.is_valid()
    assert form.weights == {rows[0]: Decimal(1)}


@pytest.mark.parametrize(
    ("weights", "remainder"),
    [
        (["60", "40"], "complete"),
        (["60", "38.5"], "1.5 % left"),
        (["60", "40.0000001"], "0.0000001 % too much"),
        (["60", "many"], "40 % left"),
        (["", ""], "100 % left"),
    ],
)
def test_the_server_says_what_is_missing_too(weights, remainder):
    rows = [Asset(pk=1, symbol="A"), Asset(pk=2, symbol="B")]
    typed = {"revision": "1", "weight-1": weights[0], "weight-2": weights[1]}
    assert forms.TargetsForm(typed, rows=rows, current=[]).remainder == remainder


def test_saved_targets_are_shown_with_every_decimal():
    asset = Asset(pk=1, symbol="A")
    saved = [TargetWeight(asset=asset, weight=Decimal("0.333333333"))]
    form = forms.TargetsForm(None, rows=[asset], current=saved)
    assert form["weight-1"].value() == "33.3333333"
    assert form.remainder == "66.6666667 % left"


# --- Settings -------------------------------------------------------------------------------------

SETTINGS = {
    "name": "Mine",
    "tolerance_band": "5",
    "wide_band": "10",
    "fee_rate": "0.1",
    "notes": "",
}
SEEN = {"revision": "1"}


@pytest.mark.django_db
def test_settings_are_shown_in_percent_and_taken_as_fractions():
    shown = forms.SettingsForm(None, portfolio=Portfolio(name="Mine"))
    assert {name: shown[name].value() for name in SETTINGS} == SETTINGS
    form = forms.SettingsForm(SETTINGS | SEEN, portfolio=Portfolio())
    assert form.is_valid()
    assert form.cleaned_data == {
        "name": "Mine",
        "tolerance_band": Decimal("0.05"),
        "wide_band": Decimal("0.1"),
        "fee_rate": Decimal("0.001"),
        "notes": "",
        "revision": 1,
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"wide_band": "4"}, "The band while volatility is high must be at least the normal band."),
        ({"tolerance_band": "0"}, "greater than or equal to 0.01"),
        ({"tolerance_band": "NaN"}, forms.NOT_A_NUMBER),
        ({"tolerance_band": "5.555"}, "2 decimal places"),
        ({"wide_band": "1e400"}, "less than or equal to 99"),
        ({"fee_rate": "10"}, "less than or equal to 9.9999"),
        ({"fee_rate": "-1"}, "greater than or equal to 0"),
        ({"name": ""}, "required"),
        ({"name": "x" * 81}, "at most 80 characters"),
        ({"name": "nul\x00"}, "Null characters"),
    ],
)
def test_impossible_settings_are_refused_with_a_sentence(change, sentence):
    form = forms.SettingsForm(SETTINGS | SEEN | change, portfolio=Portfolio())
    assert not form.is_valid()
    assert sentence in str(form.errors)


# --- Pickers --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_picker_offers_active_assets_that_are_not_held_by_category():
    portfolio = PortfolioFactory()
    layer_1 = AssetCategoryFactory()
    defi = AssetCategoryFactory(slug="defi", name="DeFi", colour=3, position=9)
    AssetFactory(symbol="UNI", category=defi)
    AssetFactory(symbol="SMALL", category=layer_1, cap_rank=9)
    AssetFactory(symbol="LARGE", category=layer_1, cap_rank=2)
    AssetFactory(symbol="RETIRED", category=layer_1, is_active=False)
    HoldingFactory(portfolio=portfolio, asset=AssetFactory(symbol="HELD", category=layer_1))
    field = forms.NewHoldingForm(portfolio=portfolio).fields["asset"]
    _, *groups = field.choices
    offered = {name: [label.split(" · ")[0] for _, label in options] for name, options in groups}
    assert offered == {"Smart Contract L1s": ["LARGE", "SMALL"], "DeFi": ["UNI"]}


@pytest.mark.django_db
def test_a_slot_offers_what_fits_with_the_largest_chosen():
    defi = AssetCategoryFactory(slug="defi", name="DeFi", colour=3)
    model = ModelPortfolioFactory()
    taken = AssetFactory(symbol="TAKEN", category=defi, cap_rank=1)
    small, large = (AssetFactory(category=defi, cap_rank=rank) for rank in (9, 2))
    unpriced = AssetFactory(category=defi, cap_rank=3)
    ModelPortfolioLineFactory(model_portfolio=model, asset=taken)
    line = ModelPortfolioLineFactory(
        model_portfolio=model, asset=None, category=defi, slot_name="Other DeFi"
    )
    form = forms.NewPortfolioForm(
        models=model_portfolios.all_with_lines(), priced={taken.pk, small.pk, large.pk}
    )
    field = form.fields[forms.slot_name(line)]
    assert list(field.queryset) == [large, small]
    assert field.initial == large
    assert unpriced not in field.queryset


@pytest.mark.django_db
@pytest.mark.parametrize("amount", [*HOSTILE, "0.99", "0", "1000000000000.01", "10.001"])
def test_a_model_needs_an_amount_that_somebody_could_have(amount):
    model = ModelPortfolioFactory()
    form = forms.NewPortfolioForm(
        {"name": "Mine", "start": model.slug, "amount": amount}, models=[model], priced=()
    )
    assert not form.is_valid()
    assert "amount" in form.errors


@pytest.mark.django_db
def test_an_amount_without_a_model_is_not_dropped_in_silence():
    form = forms.NewPortfolioForm({"name": "Mine", "amount": "5000"}, models=[], priced=())
    assert form.errors == {
        "amount": ["An amount goes with a model: choose one, or leave it empty."]
    }


@pytest.mark.django_db
def test_an_empty_portfolio_needs_a_name_only():
    form = forms.NewPortfolioForm({"name": "Mine"}, models=[], priced=())
    assert form.is_valid()
    assert form.model_portfolio is None
