"""Model portfolios and risk profiles as CSV: whole or not at all."""

import csv
import html
import io
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from portfolios.models import ModelPortfolio, ModelPortfolioLine, RiskProfile
from tests.factories import AssetFactory, PortfolioFactory, UserFactory
from tests.portfolios.factories import ModelPortfolioFactory, ModelPortfolioLineFactory
from tests.portfolios.test_admin_transfer import (  # noqa: F401  (a fixture)
    confirm,
    export,
    rehearse,
    rows_of,
    site,
)

pytestmark = pytest.mark.django_db

MODELS = "/admin/portfolios/modelportfolio/"
PROFILES = "/admin/portfolios/riskprofile/"
HEAD = "model,name,profile,description,asset,category,slot_name,weight,position\n"


def written(rows: list[dict[str, str]]) -> str:
    page = io.StringIO()
    writer = csv.DictWriter(page, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return page.getvalue()


def facts() -> list[Any]:
    return [
        list(model._default_manager.order_by("pk").values_list())
        for model in (RiskProfile, ModelPortfolio, ModelPortfolioLine)
    ]


@pytest.mark.parametrize("address", [MODELS, PROFILES])
def test_an_export_imported_again_changes_nothing(site: Client, address: str) -> None:  # noqa: F811
    model = ModelPortfolioFactory(name="=HYPERLINK(1)", description="@everyone\nsecond line")
    slot = {"asset": None, "category": AssetFactory().category, "slot_name": "+1"}
    for _ in range(2):  # two slots that only their order tells apart
        ModelPortfolioLineFactory(model_portfolio=model, **slot)
    before, text = facts(), export(site, address)
    page = rehearse(site, address, text)
    assert 'class="skip"' in page.text
    for change in ("update", "new", "delete"):
        assert f'class="{change}"' not in page.text
    confirm(site, address, page)
    assert facts() == before
    assert export(site, address) == text


def test_no_cell_of_a_model_is_a_formula(site: Client) -> None:  # noqa: F811
    model = ModelPortfolioFactory(name="=1+1", description="@SUM(A1)")
    ModelPortfolioLineFactory(model_portfolio=model, weight=1)
    (row,) = [row for row in rows_of(export(site, MODELS)) if row["model"] == model.slug]
    assert (row["name"], row["description"]) == ("'=1+1", "'@SUM(A1)")


def test_all_lines_of_a_model_are_replaced_together_and_others_stay(site: Client) -> None:  # noqa: F811
    PortfolioFactory(profile=RiskProfile.objects.get(slug="conservative"))
    others = ModelPortfolioLine.objects.exclude(model_portfolio__slug="conservative")
    before = list(others.order_by("pk").values_list())
    content = "model,asset,category,slot_name,weight\n" + "".join(
        f"conservative,{line}\n" for line in ("bitcoin,,,0.5", "near,,,0.2", ",defi,Your DeFi,0.3")
    )
    page = rehearse(site, MODELS, content)
    text = html.unescape(page.text)
    assert "<del>0.45</del> <ins>0.5</ins>" in text
    assert 'class="delete"' in text
    assert "1 model portfolio: Conservative." in text
    assert "1 portfolio of 1 person." in text
    assert "Portfolios keep their targets" in text
    model = ModelPortfolio.objects.get(slug="conservative")
    assert model.lines.count() > 3

    confirm(site, MODELS, page)
    assert [(str(line), line.weight) for line in model.lines.order_by("weight")] == [
        ("NEAR · NEAR Protocol", Decimal("0.2")),
        ("Your DeFi", Decimal("0.3")),
        ("BTC · Bitcoin", Decimal("0.5")),
    ]
    assert list(others.order_by("pk").values_list()) == before
    history = html.unescape(site.get(f"{MODELS}{model.pk}/history/").text)
    assert "BTC · Bitcoin: weight: 0.45 → 0.5" in history
    assert "Added NEAR · NEAR Protocol with 20 %" in history
    assert "Removed ETH · Ethereum" in history


def test_a_new_model_is_opened_with_its_lines(site: Client) -> None:  # noqa: F811
    row = "calm,Calm waters,conservative,Hardly moves,{},,,0.5,{}\n"
    content = HEAD + row.format("bitcoin", 2) + row.format("ethereum", 1)
    confirm(site, MODELS, rehearse(site, MODELS, content))
    model = ModelPortfolio.objects.get(slug="calm")
    assert (model.name, model.profile.slug) == ("Calm waters", "conservative")
    assert [line.asset.coingecko_id for line in model.lines.all()] == ["ethereum", "bitcoin"]


def test_a_model_is_renamed_by_every_one_of_its_lines(site: Client) -> None:  # noqa: F811
    rows = [row for row in rows_of(export(site, MODELS)) if row["model"] == "moderate"]
    content = written([row | {"name": "Middle"} for row in rows])
    page = rehearse(site, MODELS, content)
    assert page.text.count("<del>Moderate</del> <ins>Middle</ins>") == len(rows)
    confirm(site, MODELS, page)
    assert ModelPortfolio.objects.get(slug="moderate").name == "Middle"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            "model,asset,weight\naggressive,bitcoin,0.96",
            "The lines of “Aggressive” (aggressive) sum to 96 %, but a model portfolio must sum to "
            "100 %. Add 4 %.",
        ),
        ("model,asset,weight\naggressive,bitcoin,1\naggressive,near,0.000000001", "100.0000001 %"),
        ("model,asset,weight\naggressive,bitcoin,0.5\naggressive,bitcoin,0.5", "asset once"),
        ("model,asset,weight\naggressive,bitcoin,NaN", "Row 1, weight: “NaN” is not a number."),
        ("model,asset,weight\naggressive,bitcoin,1e999999", "Row 1, weight: "),
        ("model,asset,weight\naggressive,bitcoin,-1", "The weight must be a fraction above 0"),
        ("model,asset,weight\naggressive,bitcoin,", "Row 1, weight: "),
        ("model,asset,weight\naggressive,bitcoin,0.3333333333", "9 decimal places"),
        ("model,asset,weight\naggressive,BTC,1", "There is no asset “BTC”. Give its CoinGecko id"),
        ("model,category,weight\naggressive,sea,1", "There is no category “sea”. Give its slug"),
        ("model,weight\naggressive,1", "Choose an asset or a category slot, one of the two."),
        (
            "model,asset,category,weight\naggressive,near,defi,1",
            "Choose an asset or a category slot, one of the two.",
        ),
        ("model,asset,weight,position\naggressive,near,1,-1", "Row 1, position: "),
        (f"{HEAD}aggressive,Other,moderate,x,near,,,0.5,1\naggressive,Another,moderate,x,bitcoin,,,"
         "0.5,2", "Row 2, model: The lines of “aggressive” disagree on name"),
        (f"{HEAD}aggressive,Moderate,moderate,x,near,,,1,1", "Row 1, name: "),
        (f"{HEAD}aggressive,A,reckless,x,near,,,1,1", "Row 1, profile: There is no risk profile"),
        (f"{HEAD}new one,New,moderate,x,near,,,1,1", "Enter a valid “slug”"),
        ("model,asset,weight\n,near,1", "Row 1, slug: This field cannot be blank."),
        ("model,asset,weight\nunheard-of,near,1", "Row 1, name: This field cannot be blank."),
        (f"{HEAD}{'m' * 300},{'n' * 300},moderate,x,near,,,1,1", "at most 60 characters"),
        (f"{HEAD}aggressive,A,moderate,x,near,,{'s' * 300},1,1", "at most 60 characters"),
        ("name,asset,weight\nAggressive,near,1", "model"),
        ("model,asset,weight\n\x0baggressive,near,1", "Enter a valid “slug”"),
    ],
)  # fmt: skip
def test_a_hostile_model_is_refused_in_words_and_nothing_is_saved(
    site: Client,  # noqa: F811
    content: str,
    sentence: str,
) -> None:
    before = facts()
    page = rehearse(site, MODELS, content)
    text = html.unescape(page.text)
    assert "Nothing was imported" in text
    assert sentence in text
    assert "Traceback" not in text
    assert "Confirm import" not in text
    assert facts() == before


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("slug,core_min\nmoderate,0.99", "the lower end first"),
        ("slug,max_drawdown\nmoderate,35", "Row 1, max_drawdown: "),
        ("slug,max_drawdown\nmoderate,-0.1", "fractions between 0 and 1"),
        ("slug,bitcoin_cap\nmoderate,=1", "“=1” is not a number."),
        ("slug,position\nmoderate,1.5", "“1.5” is not a whole number."),
        ("slug,name\nmoderate,Conservative", "Row 1, name: "),
        ("slug,return_target_min\nmoderate,", "Row 1, return_target_min: "),
    ],
)
def test_a_hostile_profile_is_refused_in_words_and_nothing_is_saved(
    site: Client,  # noqa: F811
    content: str,
    sentence: str,
) -> None:
    before = facts()
    text = html.unescape(rehearse(site, PROFILES, content).text)
    assert "Nothing was imported" in text
    assert sentence in text
    assert facts() == before


def test_a_profile_s_import_says_which_models_and_portfolios_follow_it(site: Client) -> None:  # noqa: F811
    PortfolioFactory(profile=RiskProfile.objects.get(slug="moderate"))
    page = rehearse(site, PROFILES, "slug,max_drawdown\nmoderate,0.3\n")
    assert "1 model portfolio: Moderate." in page.text
    assert "1 portfolio of 1 person." in page.text
    confirm(site, PROFILES, page)
    assert RiskProfile.objects.get(slug="moderate").max_drawdown == Decimal("0.3")


def test_one_wrong_model_holds_back_the_others_of_its_file(site: Client) -> None:  # noqa: F811
    before = facts()
    content = "model,asset,weight\nmoderate,bitcoin,1\naggressive,bitcoin,0.9\n"
    assert "“Aggressive”" in rehearse(site, MODELS, content).text
    assert facts() == before


def test_whoever_may_not_remove_lines_may_not_import_models(client: Client) -> None:
    editor = UserFactory(is_staff=True)
    names = ["add_modelportfolio", "change_modelportfolio", "view_modelportfolio"]
    editor.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(editor)
    assert client.get(f"{MODELS}import/").status_code == 403
    assert client.get(f"{MODELS}export/").status_code == 200
    lines = Permission.objects.filter(codename__endswith="_modelportfolioline")
    editor.user_permissions.add(*lines)
    assert client.get(f"{MODELS}import/").status_code == 200
