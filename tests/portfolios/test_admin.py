"""Curating the catalogue in the admin site."""

import html
import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portfolios.models import Asset, AssetCategory, ModelPortfolio, RiskProfile, TokenMigration
from portfolios.services import catalogue
from tests.factories import (
    AssetFactory,
    DailyPriceFactory,
    HoldingFactory,
    PortfolioFactory,
    TargetWeightFactory,
    staff,
)

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


def change(row: Model) -> str:
    return reverse(f"admin:portfolios_{row._meta.model_name}_change", args=[row.pk])


def remove(row: Model) -> str:
    return reverse(f"admin:portfolios_{row._meta.model_name}_delete", args=[row.pk])


def asset_form(asset: Asset) -> dict[str, Any]:
    return {
        "symbol": asset.symbol,
        "name": asset.name,
        "category": asset.category_id,
        "kind": asset.kind,
        "cap_rank": asset.cap_rank or "",
        "is_active": "on",
    }


def history(site: Client, row: Model) -> str:
    address = reverse(f"admin:portfolios_{row._meta.model_name}_history", args=[row.pk])
    return html.unescape(site.get(address).text)


def hidden(page: str) -> list[tuple[str, str]]:
    """What the confirmation page would send, but for the token of the form."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return [(name, html.unescape(value)) for name, value in found if "csrf" not in name]


def confirm(site: Client, address: str, page: str, **more: Any) -> Any:
    sent: dict[str, list[Any]] = {}
    for name, value in [*hidden(page), *more.items()]:
        sent.setdefault(name, []).append(value)
    return site.post(address, sent, follow=True)


def act(site: Client, action: str, *rows: Model) -> Any:
    address = reverse(f"admin:portfolios_{rows[0]._meta.model_name}_changelist")
    keys = [row.pk for row in rows]
    return site.post(address, {"action": action, "_selected_action": keys}, follow=True)


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


def test_assets_are_found_by_name_symbol_and_id_and_filtered_by_category(site: Client) -> None:
    address = reverse("admin:portfolios_asset_changelist")
    for query in ("NEAR Prot", "NEAR", "near"):
        assert "NEAR Protocol" in site.get(address, {"q": query}).text
    defi = AssetCategory.objects.get(slug="defi")
    page = site.get(address, {"category__id__exact": defi.pk}).text
    assert "Uniswap" in page
    assert "NEAR Protocol" not in page


def test_an_assets_provider_id_is_chosen_once(site: Client) -> None:
    aave = Asset.objects.get(coingecko_id="aave")
    site.post(change(aave), asset_form(aave) | {"name": "Aave 2", "coingecko_id": "other"})
    aave.refresh_from_db()
    assert (aave.name, aave.coingecko_id) == ("Aave 2", "aave")


# A change says what it touches before it is saved


def test_another_category_of_an_asset_asks_first_and_says_whom_it_touches(site: Client) -> None:
    chainlink = Asset.objects.get(coingecko_id="chainlink")
    owner = PortfolioFactory().owner
    for _ in range(2):
        HoldingFactory(asset=chainlink, portfolio=PortfolioFactory(owner=owner))
    TargetWeightFactory(asset=chainlink)
    defi = AssetCategory.objects.get(slug="defi")
    page = site.post(change(chainlink), asset_form(chainlink) | {"category": defi.pk}).text
    assert "Category: Infrastructure → DeFi" in page
    assert "2 model portfolios: Conservative, Moderate." in page
    assert "3 portfolios of 2 people." in page
    chainlink.refresh_from_db()
    assert chainlink.category.slug == "infrastructure"

    confirm(site, change(chainlink), page)
    chainlink.refresh_from_db()
    assert chainlink.category == defi
    assert "Category: Infrastructure → DeFi" in history(site, chainlink)


def test_a_change_that_touches_nobody_s_weights_is_saved_at_once(site: Client) -> None:
    aave = Asset.objects.get(coingecko_id="aave")
    response = site.post(change(aave), asset_form(aave) | {"name": "Aave 2"})
    assert response.status_code == 302
    assert "Name: Aave → Aave 2" in history(site, aave)


def test_another_range_of_a_category_asks_first_in_as_many_queries_for_many_portfolios(
    site: Client,
) -> None:
    defi = AssetCategory.objects.get(slug="defi")
    form = {"name": "DeFi", "risk_level": "higher", "colour": 3, "position": 3}
    form |= {"recommended_min": "0.05", "recommended_max": "0.20"}

    def ask() -> tuple[int, str]:
        with CaptureQueriesContext(connection) as queries:
            page = site.post(change(defi), form).text
        return len(queries), page

    few, _ = ask()
    assets = list(defi.assets.all())
    for n in range(20):
        HoldingFactory(asset=assets[n % len(assets)])
    many, page = ask()
    assert many == few <= 16
    assert "Recommended max: 0.15 → 0.2" in page
    assert "3 model portfolios: Conservative, Moderate, Aggressive." in page
    assert "20 portfolios of 20 people." in page
    confirm(site, change(defi), page)
    defi.refresh_from_db()
    assert defi.recommended_max == Decimal("0.2")


def test_another_range_of_a_profile_asks_first(site: Client) -> None:
    moderate = RiskProfile.objects.get(slug="moderate")
    PortfolioFactory(profile=moderate)
    form = {field: getattr(moderate, field) for field in (
        "name", "position", "max_drawdown", "return_target_min", "return_target_max", "core_min",
        "core_max", "bitcoin_cap", "ether_cap", "other_cap", "least_score",
    )}  # fmt: skip
    page = site.post(change(moderate), form | {"core_max": "0.6"}).text
    assert "1 model portfolio: Moderate." in page
    assert "1 portfolio of 1 person." in page
    moderate.refresh_from_db()
    assert moderate.core_max == Decimal("0.55")


def test_a_range_whose_ends_are_swapped_is_refused_in_words(site: Client) -> None:
    defi = AssetCategory.objects.get(slug="defi")
    form = {"name": "DeFi", "risk_level": "higher", "colour": 3, "position": 3}
    form |= {"recommended_min": "0.20", "recommended_max": "0.05"}
    for sent in (form, form | {"_confirmed": "yes"}):
        assert "the lower one first" in site.post(change(defi), sent).text
    defi.refresh_from_db()
    assert defi.recommended_max == Decimal("0.15")


def test_a_changed_line_of_a_model_leaves_its_old_and_new_weight_in_the_history(
    site: Client,
) -> None:
    model = ModelPortfolio.objects.get(slug="conservative")
    lines = list(model.lines.all())
    form = {"name": model.name, "profile": model.profile_id, "description": model.description}
    form |= {"lines-TOTAL_FORMS": len(lines), "lines-INITIAL_FORMS": len(lines)}
    weights = ["0.40", "0.30", *(line.weight for line in lines[2:])]
    for n, (line, weight) in enumerate(zip(lines, weights, strict=True)):
        form |= {f"lines-{n}-id": line.pk, f"lines-{n}-asset": line.asset_id}
        form |= {f"lines-{n}-weight": weight, f"lines-{n}-position": line.position}
    assert site.post(change(model), form).status_code == 302
    assert "BTC · Bitcoin: Weight: 0.45 → 0.4; ETH · Ethereum: Weight: 0.25 → 0.3" in history(
        site, model
    )


# Many at once


def test_assets_are_deactivated_together_after_a_look_at_whom_it_touches(site: Client) -> None:
    aave, near = (Asset.objects.get(coingecko_id=key) for key in ("aave", "near"))
    HoldingFactory(asset=near)
    page = act(site, "deactivate", aave, near).text
    assert "1 portfolio of 1 person." in page
    assert Asset.objects.filter(is_active=False).count() == 0
    assert "2 assets changed." in confirm(site, LIST_OF_ASSETS, page).text
    assert set(Asset.objects.filter(is_active=False)) == {aave, near}
    assert "Active: yes → no" in history(site, near)

    page = act(site, "activate", aave, Asset.objects.get(coingecko_id="bitcoin")).text
    answer = confirm(site, LIST_OF_ASSETS, page).text
    assert "1 asset changed. 1 had that value already." in answer


def test_assets_are_given_a_category_together(site: Client) -> None:
    aave, near = (Asset.objects.get(coingecko_id=key) for key in ("aave", "near"))
    gaming = AssetCategory.objects.get(slug="gaming")
    page = act(site, "set_category", aave, near).text
    again = confirm(site, LIST_OF_ASSETS, page, category="").text
    assert "This field is required." in again
    confirm(site, LIST_OF_ASSETS, again, category=gaming.pk)
    assert set(gaming.assets.filter(coingecko_id__in=["aave", "near"])) == {aave, near}
    assert "Category: DeFi → Gaming" in history(site, aave)


LIST_OF_ASSETS = "/admin/portfolios/asset/"


def test_500_assets_take_no_query_a_row(site: Client) -> None:
    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert site.get(address).status_code == 200
        return len(captured)

    few = queries(f"{LIST_OF_ASSETS}?all=")
    AssetFactory.create_batch(500 - Asset.objects.count(), name="A name", symbol="SYM")
    assert Asset.objects.count() == 500
    assert queries(f"{LIST_OF_ASSETS}?all=") == few <= 12
    model = ModelPortfolio.objects.get(slug="aggressive")
    assert queries(change(model)) <= 12


# What is in use is superseded, never removed


def test_an_asset_in_use_says_by_whom_and_what_to_do_instead(site: Client) -> None:
    bitcoin = Asset.objects.get(coingecko_id="bitcoin")
    HoldingFactory(asset=bitcoin)
    DailyPriceFactory(asset=bitcoin)
    page, answer = site.get(remove(bitcoin)), site.post(remove(bitcoin), {"post": "yes"})
    assert (page.status_code, answer.status_code) == (200, 409)
    for response in (page, answer):
        assert "3 model portfolios: Conservative, Moderate, Aggressive." in response.text
        assert "1 portfolio of 1 person." in response.text
        assert "1 day of prices." in response.text
        assert "Supersede it: make it inactive" in response.text
        assert f"/tokenmigration/add/?old_asset={bitcoin.pk}" in response.text
    assert Asset.objects.filter(pk=bitcoin.pk).exists()


@pytest.mark.parametrize(
    ("model", "slug", "sentence"),
    [
        (AssetCategory, "defi", "Give its assets another category first"),
        (RiskProfile, "moderate", "Give its model portfolios another profile"),
    ],
)
def test_categories_and_profiles_in_use_stay(
    site: Client, model: type[Model], slug: str, sentence: str
) -> None:
    row = model._default_manager.get(slug=slug)
    response = site.post(remove(row), {"post": "yes"})
    assert response.status_code == 409
    assert sentence in response.text
    assert model._default_manager.filter(slug=slug).exists()


def test_what_nobody_uses_can_be_removed(site: Client) -> None:
    asset = AssetFactory()
    assert site.post(remove(asset), {"post": "yes"}).status_code == 302
    assert not Asset.objects.filter(pk=asset.pk).exists()


def test_there_is_no_removing_of_many_at_once(site: Client) -> None:
    assert "delete_selected" not in site.get(LIST_OF_ASSETS).text


# Token migrations


def test_a_token_migration_is_applied_and_reversed_after_a_look_at_what_it_touches(
    site: Client,
) -> None:
    migration = TokenMigration.objects.get(old_asset__symbol="MKR")
    portfolio = HoldingFactory(asset=migration.old_asset, quantity=Decimal(2)).portfolio
    address = reverse("admin:portfolios_tokenmigration_changelist")
    page = act(site, "apply", migration).text
    assert "1 MKR → 24,000 SKY" in page
    assert "1 portfolio of 1 person." in page
    assert portfolio.holdings.get().asset == migration.old_asset

    sentence = "Applied 1 MKR → 24,000 SKY: 1 portfolio and 0 model portfolios changed."
    assert sentence in confirm(site, address, page).text
    assert (portfolio.holdings.get().asset, portfolio.holdings.get().quantity) == (
        migration.new_asset,
        Decimal(48000),
    )
    assert sentence in history(site, migration)
    assert site.post(remove(migration), {"post": "yes"}).status_code == 409

    page = act(site, "reverse", migration).text
    assert "1 portfolio of 1 person." in page
    confirm(site, address, page)
    assert portfolio.holdings.get().asset == migration.old_asset


def test_a_migration_before_its_day_says_so(site: Client) -> None:
    migration = TokenMigration.objects.get(old_asset__symbol="MKR")
    TokenMigration.objects.filter(pk=migration.pk).update(effective_on=date(2999, 1, 1))
    page = act(site, "apply", migration).text
    answer = confirm(site, reverse("admin:portfolios_tokenmigration_changelist"), page)
    assert "takes effect on 2999-01-01. Apply it then." in answer.text


def test_what_was_applied_cannot_be_edited(site: Client) -> None:
    migration = TokenMigration.objects.get(old_asset__symbol="MKR")
    TokenMigration.objects.filter(pk=migration.pk).update(state="applied")
    site.post(change(migration), {"new_units": "7", "effective_on": "2024-01-01"})
    migration.refresh_from_db()
    assert migration.new_units == 24_000


def test_a_token_that_would_replace_itself_is_refused_in_words(site: Client) -> None:
    aave = Asset.objects.get(coingecko_id="aave")
    form = {"old_asset": aave.pk, "new_asset": aave.pk, "effective_on": "2024-01-01"}
    form |= {"old_units": "0", "new_units": "1"}
    answer = site.post(reverse("admin:portfolios_tokenmigration_add"), form).text
    assert "A token cannot be replaced by itself." in answer
    assert "Both numbers of units must be above zero." in answer
