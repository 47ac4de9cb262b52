"""Targets of whole categories, as people enter them."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from portfolios.models import AssetCategory, Portfolio, TargetWeight
from portfolios.selectors import catalogue_use
from portfolios.services import portfolios, targets
from portfolios.services.errors import ConflictError, TargetsError
from tests.factories import (
    AssetCategoryFactory,
    AssetFactory,
    DailyPriceFactory,
    HoldingFactory,
    PortfolioFactory,
    own_asset,
    staff,
)
from tests.portfolios.factories import ModelPortfolioFactory, ModelPortfolioLineFactory

pytestmark = pytest.mark.django_db

DAY = date(2024, 12, 31)


@pytest.fixture
def defi() -> AssetCategory:
    return AssetCategoryFactory(slug="defi", name="DeFi", colour=3)


@pytest.fixture
def uni(defi):
    return AssetFactory(symbol="UNI", name="Uniswap", category=defi)


@pytest.fixture
def bitcoin():
    asset = AssetFactory(coingecko_id="bitcoin", symbol="BTC", name="Bitcoin")
    DailyPriceFactory(asset=asset, date=DAY, close=50_000.0)
    return asset


@pytest.fixture
def portfolio(bitcoin, uni) -> Portfolio:
    portfolio = PortfolioFactory()
    HoldingFactory(portfolio=portfolio, asset=bitcoin)
    HoldingFactory(portfolio=portfolio, asset=uni)
    return portfolio


@pytest.fixture
def client(portfolio) -> Client:
    client = Client()
    client.force_login(portfolio.owner)
    return client


def save(client: Client, portfolio: Portfolio, **typed: object):
    typed = {"revision": Portfolio.objects.get(pk=portfolio.pk).revision, **typed}
    return client.post(reverse("portfolios:targets", args=[portfolio.pk]), typed)


def stored(portfolio: Portfolio) -> dict[str, Decimal]:
    rows = portfolio.target_weights.select_related("asset", "category")
    return {targets.short_name(row.aim): row.weight for row in rows}


def test_a_category_is_added_and_saved_beside_assets(client, portfolio, bitcoin, defi):
    page = save(client, portfolio, adding=1, add_category=defi.pk).content.decode()
    assert f'name="category-{defi.pk}"' in page
    assert "counts in DeFi" in page  # UNI, which is held
    typed = {f"weight-{bitcoin.pk}": "60", f"category-{defi.pk}": "40"}
    assert save(client, portfolio, **typed).status_code == 302
    assert stored(portfolio) == {"BTC": Decimal("0.6"), "DeFi": Decimal("0.4")}
    page = client.get(reverse("portfolios:targets", args=[portfolio.pk])).content.decode()
    assert 'value="40"' in page
    assert f'<option value="{defi.pk}">DeFi</option>' not in page


def test_an_empty_field_takes_a_category_out(client, portfolio, bitcoin, defi):
    targets.replace(portfolio=portfolio, weights={defi: Decimal(1)}, expected_revision=None)
    save(client, portfolio, **{f"weight-{bitcoin.pk}": "100", f"category-{defi.pk}": ""})
    assert stored(portfolio) == {"BTC": Decimal(1)}


def test_an_asset_of_that_category_cannot_have_one_of_its_own(client, portfolio, uni, defi):
    response = save(client, portfolio, **{f"weight-{uni.pk}": "50", f"category-{defi.pk}": "50"})
    assert response.status_code == 422
    page = response.content.decode()
    assert "UNI cannot have a target of its own beside one for all of DeFi" in page
    assert page.count('value="50"') == 2  # what was typed is still there
    assert stored(portfolio) == {}
    with pytest.raises(TargetsError, match="UNI cannot"):
        targets.replace(
            portfolio=portfolio,
            weights={uni: Decimal("0.5"), defi: Decimal("0.5")},
            expected_revision=None,
        )


def test_neither_can_one_s_own_asset(portfolio, defi):
    mine = own_asset(owner=portfolio.owner, symbol="MINE", category=defi)
    with pytest.raises(TargetsError, match="MINE cannot"):
        targets.check_weights({mine: Decimal("0.5"), defi: Decimal("0.5")})


@pytest.mark.parametrize("weight", ["-1", "101", "NaN", "ten", "0.000000001", "9" * 50])
def test_a_target_that_is_none_is_refused_beside_its_field(client, portfolio, defi, weight):
    response = save(client, portfolio, **{f"category-{defi.pk}": weight})
    assert response.status_code == 422
    assert "is-invalid" in response.content.decode()
    assert stored(portfolio) == {}


@pytest.mark.parametrize("key", ["0", "-1", "x", "9" * 18, "9" * 40, "²", ""])
def test_a_category_that_is_not_there_has_no_field(client, portfolio, key):
    response = save(client, portfolio, **{f"category-{key}": "100", "add_category": key})
    assert response.status_code == 422
    assert stored(portfolio) == {}
    added = save(client, portfolio, adding=1, add_category=key)
    assert added.status_code == 200


def test_a_category_without_an_active_asset_is_not_offered(client, portfolio):
    empty = AssetCategoryFactory(slug="empty", name="Empty", colour=9)
    AssetFactory(category=empty, is_active=False)
    page = client.get(reverse("portfolios:targets", args=[portfolio.pk])).content.decode()
    assert ">Empty<" not in page
    response = save(client, portfolio, **{f"category-{empty.pk}": "100"})
    assert response.status_code == 422


def test_two_tabs_get_a_conflict_that_shows_both(client, portfolio, bitcoin, defi):
    seen = Portfolio.objects.get(pk=portfolio.pk).revision
    targets.replace(portfolio=portfolio, weights={defi: Decimal(1)}, expected_revision=None)
    response = save(client, portfolio, revision=seen, **{f"weight-{bitcoin.pk}": "100"})
    assert response.status_code == 422
    assert "changed in another tab" in response.content.decode()
    assert stored(portfolio) == {"DeFi": Decimal(1)}
    with pytest.raises(ConflictError):
        targets.replace(portfolio=portfolio, weights={defi: Decimal(1)}, expected_revision=seen)


def test_a_copy_has_the_category_s_target_too(portfolio, defi):
    targets.replace(portfolio=portfolio, weights={defi: Decimal(1)}, expected_revision=None)
    assert stored(portfolios.clone(portfolio=portfolio)) == {"DeFi": Decimal(1)}


def test_a_row_names_an_asset_or_a_category_once(portfolio, uni, defi):
    for aims in ({}, {"asset": uni, "category": defi}):
        with pytest.raises(IntegrityError), transaction.atomic():
            TargetWeight.objects.create(portfolio=portfolio, weight=Decimal("0.5"), **aims)
    portfolio.target_weights.create(category=defi, weight=Decimal("0.5"))
    with pytest.raises(IntegrityError), transaction.atomic():
        portfolio.target_weights.create(category=defi, weight=Decimal("0.5"))


def test_a_model_s_slot_may_stay_a_target_of_the_category(client, bitcoin, uni, defi):
    DailyPriceFactory(asset=uni, date=DAY, close=2.0)
    model = ModelPortfolioFactory(slug="half", name="Half")
    ModelPortfolioLineFactory(model_portfolio=model, asset=bitcoin)
    for number in (1, 2):
        AssetFactory(symbol=f"D{number}", category=defi)
        ModelPortfolioLineFactory(
            model_portfolio=model, asset=None, category=defi, slot_name=f"Slot {number}",
            weight=Decimal("0.25"),
        )  # fmt: skip
    second = AssetFactory(symbol="AAVE", category=defi)
    DailyPriceFactory(asset=second, date=DAY, close=4.0)
    typed = {"name": "New", "start": "half", "amount": "1000"}
    address = reverse("portfolios:portfolio-create")
    assert client.post(address, {**typed, f"whole-{model.pk}-{defi.pk}": "on"}).status_code == 302
    made = Portfolio.objects.get(name="New")
    assert stored(made) == {"BTC": Decimal("0.5"), "DeFi": Decimal("0.5")}
    assert set(made.holdings.values_list("asset__symbol", flat=True)) == {"BTC", "UNI", "AAVE"}
    client.post(address, {**typed, "name": "Other"})
    assert set(stored(Portfolio.objects.get(name="Other"))) == {"BTC", "UNI", "AAVE"}


def test_it_takes_what_the_model_names_of_the_category_along(client, bitcoin, uni, defi):
    aave = AssetFactory(symbol="AAVE", category=defi)
    model = ModelPortfolioFactory(slug="three", name="Three")
    for asset, weight in ((bitcoin, "0.5"), (uni, "0.3"), (None, "0.2")):
        fields = {"asset": asset} if asset else {"asset": None, "category": defi, "slot_name": "S"}
        ModelPortfolioLineFactory(model_portfolio=model, weight=Decimal(weight), **fields)
    for asset in (uni, aave):
        DailyPriceFactory(asset=asset, date=DAY, close=2.0)
    address = reverse("portfolios:portfolio-create")
    assert "One target of 50 % for all of DeFi" in client.get(address).content.decode()
    typed = {"name": "New", "start": "three", "amount": "1000"}
    client.post(address, {**typed, f"whole-{model.pk}-{defi.pk}": "on"})
    made = Portfolio.objects.get(name="New")
    assert stored(made) == {"BTC": Decimal("0.5"), "DeFi": Decimal("0.5")}
    assert made.holdings.count() == 3


def test_the_form_costs_the_same_queries_with_many_targets(
    client, portfolio, defi, django_assert_max_num_queries
):
    for _ in range(20):
        HoldingFactory(portfolio=portfolio)
    portfolio.target_weights.create(category=defi, weight=Decimal(1))
    with django_assert_max_num_queries(9):
        client.get(reverse("portfolios:targets", args=[portfolio.pk]))


def test_staff_see_whom_a_category_touches_and_why_it_cannot_go(portfolio, defi):
    other = PortfolioFactory()
    targets.replace(portfolio=other, weights={defi: Decimal(1)}, expected_revision=None)
    own_asset(owner=portfolio.owner, category=defi)
    assert catalogue_use.of_categories([defi.pk]).portfolios == 2  # one holds UNI
    client = Client()
    client.force_login(staff())
    page = client.get(reverse("admin:portfolios_assetcategory_delete", args=[defi.pk]))
    assert "1 asset that people have added for themselves." in page.content.decode()
