"""Curating the catalogue in the admin site."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portfolios.models import Asset, AssetCategory, ModelPortfolio, RiskProfile
from portfolios.services import catalogue
from tests.factories import HoldingFactory, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(client: Client) -> Client:
    catalogue.load()
    client.force_login(staff())
    return client


def model_form(*lines: tuple[str, str]) -> dict[str, Any]:
    """A new model portfolio of (CoinGecko id or category slug, weight)."""
    form: dict[str, Any] = {
        "slug": "mine",
        "name": "Mine",
        "profile": RiskProfile.objects.get(slug="moderate").pk,
        "lines-TOTAL_FORMS": len(lines),
        "lines-INITIAL_FORMS": 0,
    }
    for n, (key, weight) in enumerate(lines):
        if asset := Asset.objects.filter(coingecko_id=key).first():
            form[f"lines-{n}-asset"] = asset.pk
        else:
            form[f"lines-{n}-category"] = AssetCategory.objects.get(slug=key).pk
            form[f"lines-{n}-slot_name"] = "A slot"
        form |= {f"lines-{n}-weight": weight, f"lines-{n}-position": n}
    return form


def test_a_model_portfolio_of_assets_and_a_slot_is_saved_when_it_sums_to_100_percent(
    site: Client,
) -> None:
    form = model_form(
        ("bitcoin", "0.333333333"), ("usd-coin", "0.333333333"), ("defi", "0.333333334")
    )
    assert site.post(reverse("admin:portfolios_modelportfolio_add"), form).status_code == 302
    lines = ModelPortfolio.objects.get(slug="mine").lines.all()
    assert [str(line) for line in lines] == ["BTC · Bitcoin", "USDC · USD Coin", "A slot"]


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        (("0.5", "0.46"), "sum to 96 %, but a model portfolio must sum to 100 %. Add 4 %."),
        (
            ("0.5", "0.512345678"),
            "sum to 101.2345678 %, but a model portfolio must sum to 100 %. Take away 1.2345678 %.",
        ),
        ((), "sum to 0 %, but a model portfolio must sum to 100 %. Add 100 %."),
    ],
)
def test_other_sums_are_refused_with_what_is_missing(
    site: Client, weights: tuple[str, ...], sentence: str
) -> None:
    form = model_form(*zip(("bitcoin", "ethereum"), weights, strict=False))
    response = site.post(reverse("admin:portfolios_modelportfolio_add"), form)
    assert sentence in response.text
    assert not ModelPortfolio.objects.filter(slug="mine").exists()


def test_a_deleted_line_does_not_count(site: Client) -> None:
    model = ModelPortfolio.objects.get(slug="conservative")
    lines = list(model.lines.all())
    form = {"name": model.name, "profile": model.profile_id, "description": ""} | {
        "lines-TOTAL_FORMS": len(lines),
        "lines-INITIAL_FORMS": len(lines),
        "lines-0-DELETE": "on",
    }
    for n, line in enumerate(lines):
        form |= {f"lines-{n}-id": line.pk, f"lines-{n}-asset": line.asset_id}
        form |= {f"lines-{n}-weight": line.weight, f"lines-{n}-position": n}
    response = site.post(reverse("admin:portfolios_modelportfolio_change", args=[model.pk]), form)
    assert "The weights sum to 55 %" in response.text


def test_a_line_with_both_an_asset_and_a_slot_is_refused_in_words(site: Client) -> None:
    form = model_form(("bitcoin", "1"))
    form["lines-0-category"] = AssetCategory.objects.get(slug="defi").pk
    response = site.post(reverse("admin:portfolios_modelportfolio_add"), form)
    assert "Choose an asset or a category slot, one of the two." in response.text


def test_an_asset_in_use_cannot_be_deleted(site: Client) -> None:
    bitcoin = Asset.objects.get(coingecko_id="bitcoin")
    HoldingFactory(asset=bitcoin)
    site.post(reverse("admin:portfolios_asset_delete", args=[bitcoin.pk]), {"post": "yes"})
    assert Asset.objects.filter(pk=bitcoin.pk).exists()


def test_assets_are_found_by_name_symbol_and_id_and_filtered_by_category(site: Client) -> None:
    address = reverse("admin:portfolios_asset_changelist")
    for query in ("NEAR Prot", "NEAR", "near"):
        assert "NEAR Protocol" in site.get(address, {"q": query}).text
    defi = AssetCategory.objects.get(slug="defi")
    html = site.get(address, {"category__id__exact": defi.pk}).text
    assert "Uniswap" in html
    assert "NEAR Protocol" not in html


def test_an_assets_provider_id_is_chosen_once(site: Client) -> None:
    aave = Asset.objects.get(coingecko_id="aave")
    form = {"symbol": "AAVE", "name": "Aave 2", "category": aave.category_id, "kind": "coin"}
    site.post(
        reverse("admin:portfolios_asset_change", args=[aave.pk]), form | {"coingecko_id": "other"}
    )
    aave.refresh_from_db()
    assert (aave.name, aave.coingecko_id) == ("Aave 2", "aave")
