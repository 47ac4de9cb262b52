"""The catalogue as CSV: out without formulas, in after a rehearsal that is shown."""

import csv
import html
import io
import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from portfolios.models import Asset, AssetCategory, TokenMigration
from portfolios.services import catalogue
from tests.factories import AssetFactory, HoldingFactory, UserFactory, staff

pytestmark = pytest.mark.django_db

ASSETS = "/admin/portfolios/asset/"
CATEGORIES = "/admin/portfolios/assetcategory/"
MIGRATIONS = "/admin/portfolios/tokenmigration/"


@pytest.fixture
def site(client: Client) -> Client:
    catalogue.load()
    client.force_login(staff())
    return client


def export(site: Client, address: str) -> str:
    response = site.post(f"{address}export/", {"format": "0", "resource": "0"})
    assert response["Content-Type"].startswith("text/csv")
    return response.content.decode()


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def rehearse(site: Client, address: str, content: str | bytes) -> Any:
    body = content if isinstance(content, bytes) else content.encode()
    file = SimpleUploadedFile("file.csv", body, "text/csv")
    return site.post(f"{address}import/", {"import_file": file, "format": "0", "resource": "0"})


def confirm(site: Client, address: str, page: Any) -> Any:
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    return site.post(f"{address}process_import/", hidden, follow=True)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_exported_cell_is_a_formula_and_it_comes_back_as_it_was(
    site: Client, start: str
) -> None:
    asset = AssetFactory(name=f"{start}1+1")
    text = export(site, ASSETS)
    (row,) = [row for row in rows_of(text) if row["coingecko_id"] == asset.coingecko_id]
    assert row["name"] == f"'{start}1+1"
    confirm(site, ASSETS, rehearse(site, ASSETS, text))
    asset.refresh_from_db()
    assert asset.name.strip() == f"{start}1+1".strip()


@pytest.mark.parametrize("address", [ASSETS, CATEGORIES, MIGRATIONS])
def test_an_export_imported_again_changes_nothing(site: Client, address: str) -> None:
    text = export(site, address)
    page = rehearse(site, address, text)
    assert 'class="skip"' in page.text
    assert 'class="update"' not in page.text
    confirm(site, address, page)
    assert export(site, address) == text


def test_a_rehearsal_shows_old_and_new_and_whom_it_touches_and_saves_nothing(
    site: Client,
) -> None:
    HoldingFactory(asset=Asset.objects.get(coingecko_id="aave"))
    page = rehearse(
        site,
        ASSETS,
        "coingecko_id,name,category,symbol\n"
        "aave,Aave 2,gaming,AAVE\n"
        "new-coin,New <b>coin</b>,meme,NEW\n",
    )
    assert "<del>Aave</del> <ins>Aave 2</ins>" in page.text
    assert "<del>defi</del> <ins>gaming</ins>" in page.text
    assert "New &lt;b&gt;coin&lt;/b&gt;" in page.text
    assert "2 model portfolios: Moderate, Aggressive." in page.text
    assert "1 portfolio of 1 person." in page.text
    assert Asset.objects.get(coingecko_id="aave").name == "Aave"
    assert not Asset.objects.filter(coingecko_id="new-coin").exists()

    confirm(site, ASSETS, page)
    aave = Asset.objects.get(coingecko_id="aave")
    assert (aave.name, aave.category.slug, aave.is_active) == ("Aave 2", "gaming", True)
    assert Asset.objects.get(coingecko_id="new-coin").name == "New <b>coin</b>"
    history = html.unescape(site.get(f"{ASSETS}{aave.pk}/history/").text)
    assert "name: Aave → Aave 2; category: defi → gaming" in history


def test_a_token_migration_is_prepared_by_a_file_and_changed_until_it_is_applied(
    site: Client,
) -> None:
    head = "old_asset,new_asset,new_units,effective_on\n"
    page = rehearse(site, MIGRATIONS, f"{head}aave,uniswap,2.5,2024-09-04\n")
    assert not TokenMigration.objects.filter(old_asset__coingecko_id="aave").exists()
    confirm(site, MIGRATIONS, page)
    made = TokenMigration.objects.get(old_asset__coingecko_id="aave")
    assert (made.new_units, made.effective_on, made.state) == (
        Decimal("2.5"),
        date(2024, 9, 4),
        "prepared",
    )

    other = f"{head}aave,uniswap,3,2024-09-04\n"
    confirm(site, MIGRATIONS, rehearse(site, MIGRATIONS, other))
    history = html.unescape(site.get(f"{MIGRATIONS}{made.pk}/history/").text)
    assert "Added by an import." in history
    assert "new_units: 2.5 → 3" in history

    TokenMigration.objects.filter(pk=made.pk).update(state="applied")
    refused = rehearse(site, MIGRATIONS, f"{head}aave,uniswap,4,2024-09-04\n")
    assert "It is applied, so it stays as it is." in html.unescape(refused.text)
    assert 'name="confirm"' not in refused.text
    same = rehearse(site, MIGRATIONS, export(site, MIGRATIONS))
    assert 'class="skip"' in same.text


@pytest.mark.parametrize(
    ("address", "content", "sentence"),
    [
        (ASSETS, "coingecko_id,category\naave,no-such", "Row 1, category: There is no category"),
        (ASSETS, "coingecko_id,cap_rank\naave,many", "Row 1, cap_rank: “many” is not a number."),
        (ASSETS, "coingecko_id,cap_rank\naave,1.5", "“1.5” is not a whole number."),
        (ASSETS, "coingecko_id,cap_rank\naave,NaN", "“NaN” is not a number."),
        (ASSETS, "coingecko_id,cap_rank\naave,1e999999", "is not a whole number."),
        (ASSETS, "coingecko_id,cap_rank\naave,-3", "Row 1, cap_rank: Ensure this value"),
        (ASSETS, "coingecko_id,assumed_yield\naave,1.5", "as a fraction between 0 and 1."),
        (
            ASSETS,
            "coingecko_id,curated_tier\naave,tiny",
            "Row 1, curated_tier: Value 'tiny' is not a valid",
        ),
        (ASSETS, "coingecko_id,is_active\naave,maybe", "“maybe” is neither yes nor no."),
        (ASSETS, "coingecko_id,kind\naave,house", "Row 1, kind: Value 'house' is not a valid"),
        (ASSETS, "coingecko_id,symbol\naave,", "Row 1, symbol: This field cannot be blank."),
        (ASSETS, f"coingecko_id,symbol\naave,{'x' * 300}", "at most 20 characters"),
        (ASSETS, "coingecko_id,name\nno good,Name", "coingecko_id: Enter a valid “slug”"),
        (ASSETS, "name\nAave", "coingecko_id"),
        (MIGRATIONS, "old_asset,new_asset\nmaker,nowhere", "There is no asset “nowhere”."),
        (MIGRATIONS, "old_asset,new_asset\nmaker,maker", "cannot be replaced by itself"),
        (MIGRATIONS, "old_asset,new_asset,effective_on\nmaker,sky,soon", "“soon” is not a day"),
        (MIGRATIONS, "old_asset,new_asset,old_units\nmaker,sky,0", "above zero"),
        (MIGRATIONS, "old_asset,new_asset,new_units\nmaker,sky,x", "“x” is not a number."),
        (CATEGORIES, "slug,recommended_min\ndefi,0.9", "the lower one first"),
        (CATEGORIES, "slug,recommended_max\ndefi,two", "“two” is not a number."),
        (CATEGORIES, "slug,colour\ndefi,99", "Choose one of the twelve colours"),
        (CATEGORIES, "slug,colour\ndefi,1", "Colour already exists."),
    ],
)
def test_what_is_wrong_is_said_row_by_row_and_nothing_is_saved(
    site: Client, address: str, content: str, sentence: str
) -> None:
    before = export(site, address)
    page = rehearse(site, address, content)
    text = html.unescape(page.text)
    assert "Nothing was imported" in text
    assert sentence in text
    assert "Traceback" not in text
    assert "Confirm import" not in text
    assert export(site, address) == before


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "empty"),
        (b"\xff\xfe\x00\x01", "This is not a CSV file."),
        (b"coingecko_id,name\naave,\xff\xff", "This is not a CSV file."),
        (b"x" * 1_000_001, "larger than 1 MB"),
        (b"coingecko_id\n" + b"a\n" * 10_001, "more than 10,000 rows"),
    ],
)
def test_a_file_that_is_none_is_refused_in_words(
    site: Client, content: bytes, sentence: str
) -> None:
    page = rehearse(site, ASSETS, content)
    assert page.status_code == 200
    assert sentence in html.unescape(page.text)


def test_a_good_row_is_not_saved_beside_a_bad_one(site: Client) -> None:
    rehearse(site, ASSETS, "coingecko_id,name,cap_rank\naave,Aave 2,1\nnear,NEAR,many\n")
    assert Asset.objects.get(coingecko_id="aave").name == "Aave"


def test_what_no_longer_fits_when_it_is_confirmed_imports_nothing(site: Client) -> None:
    page = rehearse(site, CATEGORIES, "slug,recommended_max,name\ndefi,0.10,DeFi 2\n")
    AssetCategory.objects.filter(slug="defi").update(recommended_min=Decimal("0.12"))
    answer = confirm(site, CATEGORIES, page)
    assert "Nothing was imported" in answer.text
    assert AssetCategory.objects.get(slug="defi").name == "DeFi"


def test_a_file_that_is_gone_or_was_never_there_is_asked_for_again(site: Client) -> None:
    page = rehearse(site, ASSETS, "coingecko_id,name\naave,Aave 2\n")
    confirm(site, ASSETS, page)
    assert "no longer there" in confirm(site, ASSETS, page).text
    forged = {"import_file_name": "../../etc/passwd", "original_file_name": "a", "format": "0"}
    assert "no longer there" in site.post(f"{ASSETS}process_import/", forged, follow=True).text


def test_somebody_who_may_only_look_may_export_but_not_import(client: Client) -> None:
    reader = UserFactory(is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_asset"))
    client.force_login(reader)
    assert client.get(f"{ASSETS}import/").status_code == 403
    assert client.get(f"{ASSETS}export/").status_code == 200
    assert client.get(f"{CATEGORIES}export/").status_code == 403


@pytest.mark.parametrize("page", ["import/", "export/", ""])
def test_the_pages_obey_the_content_policy(site: Client, page: str) -> None:
    text = site.get(f"{ASSETS}{page}").text
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", text)
    preview = rehearse(site, ASSETS, "coingecko_id,name\naave,Aave 2\n").text
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", preview)
