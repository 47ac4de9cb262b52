"""What a person adds for themselves: it counts for them, and nobody else ever sees it."""

import csv
import io
import zipfile
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.services import erasure, exports
from portfolios.models import Asset, Holding, OwnPrice, Portfolio, Transaction
from portfolios.selectors import assets, prices
from portfolios.selectors import portfolios as facts
from portfolios.services import holdings, own_assets, portfolios, targets
from portfolios.services.errors import ConflictError, OwnAssetError
from tests.factories import (
    AssetCategoryFactory,
    AssetFactory,
    DailyPriceFactory,
    PortfolioFactory,
    UserFactory,
    own_asset,
    staff,
)

pytestmark = pytest.mark.django_db

DAY = date(2024, 12, 31)


@pytest.fixture
def market() -> Asset:
    """Bitcoin on the last complete day."""
    bitcoin = AssetFactory(coingecko_id="bitcoin", symbol="BTC", name="Bitcoin")
    DailyPriceFactory(asset=bitcoin, date=DAY, close=100.0)
    return bitcoin


@pytest.fixture
def portfolio(market) -> Portfolio:
    return PortfolioFactory()


@pytest.fixture
def client(portfolio) -> Client:
    client = Client()
    client.force_login(portfolio.owner)
    return client


@pytest.fixture
def painting(portfolio) -> Asset:
    return own_asset(owner=portfolio.owner, symbol="ART", name="A painting", prices={DAY: 250.0})


def typed(**changes: object) -> dict[str, object]:
    category = AssetCategoryFactory()
    return {
        "name": "A painting",
        "symbol": "ART",
        "category": category.pk,
        "price": "1250.50",
        "priced_on": DAY.isoformat(),
        **changes,
    }


def create(client: Client, **changes: object):
    return client.post(reverse("portfolios:own-asset-create"), typed(**changes))


def test_it_is_added_from_the_holdings_and_chosen_there_at_once(client, portfolio):
    page = client.get(reverse("portfolios:holdings", args=[portfolio.pk])).content.decode()
    assert f"/assets/own/new/?portfolio={portfolio.pk}&amp;back=holdings" in page
    response = create(client, portfolio=portfolio.pk, back="holdings")
    asset = Asset.of_anybody.get(owner=portfolio.owner)
    assert (asset.symbol, asset.kind, asset.coingecko_id) == ("ART", "coin", None)
    assert list(asset.own_prices.values_list("date", "price")) == [(DAY, 1250.5)]
    page = client.get(response.url).content.decode()
    assert f'<option value="{asset.pk}" selected>' in page


def test_from_the_targets_it_has_a_field_at_once(client, portfolio):
    response = create(client, portfolio=portfolio.pk, back="targets")
    asset = Asset.of_anybody.get(owner=portfolio.owner)
    assert f'name="weight-{asset.pk}"' in client.get(response.url).content.decode()


def test_another_user_s_portfolio_is_no_way_back(client):
    strangers = PortfolioFactory()
    response = create(client, portfolio=strangers.pk, back="holdings")
    assert response.url.startswith("/assets/own/")


def test_its_kind_follows_its_category(client, portfolio):
    stable = AssetCategoryFactory(slug="stablecoins", name="Stablecoins", colour=6)
    cash = AssetCategoryFactory(slug="cash", name="Cash", colour=11)
    AssetFactory(category=stable, kind=Asset.Kind.STABLECOIN)
    AssetFactory(category=cash, kind=Asset.Kind.CASH)
    create(client, category=stable.pk, symbol="MYUSD")
    create(client, category=cash.pk, symbol="EUR")
    kinds = dict(Asset.of_anybody.owned_by(portfolio.owner).values_list("symbol", "kind"))
    assert kinds == {"MYUSD": "stablecoin", "EUR": "coin"}


HOSTILE = {
    "name": ["", " ", "x" * 81, "\x00", "a\u202eb"],
    "symbol": ["", "x" * 21, "a\tb\x07"],
    "category": ["", "0", "-1", "nine", "9" * 40],
    "price": ["", "0", "-1", "NaN", "Infinity", "1e400", "1,5", "9" * 40, "0." + "0" * 30 + "1"],
    "priced_on": ["", "soon", "2025-01-01", "0001-01-01", "2024-02-30", "99999-01-01", "\x00"],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in HOSTILE.items() for value in values]
)
def test_what_makes_no_sense_is_refused_with_a_sentence_and_nothing_is_saved(client, field, value):
    response = create(client, **{field: value})
    assert response.status_code == 422
    assert "invalid-feedback" in (page := response.content.decode()) or 'role="alert"' in page
    assert not Asset.of_anybody.exclude(owner=None).exists()
    assert not OwnPrice.objects.exists()


@pytest.mark.parametrize("field", ["portfolio", "back"])
@pytest.mark.parametrize("value", ["-1", "9" * 30, "../admin", "\x00", "holdings"])
def test_a_made_up_way_back_leads_nowhere_else(client, field, value):
    response = create(client, **{"portfolio": "", "back": "", field: value})
    assert response.status_code == 422 or response.url.startswith("/assets/own/")


def test_markup_in_a_name_stays_text(client):
    response = create(client, name="<b>bold</b>")
    page = client.get(response.url).content.decode()
    assert "<b>bold</b>" not in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page


def test_there_is_an_end_to_how_many_one_can_have(portfolio, monkeypatch):
    monkeypatch.setattr(own_assets, "MOST_OWN_ASSETS", 1)
    facts = {
        "owner": portfolio.owner, "name": "One", "symbol": "ONE", "price": Decimal(1),
        "category": AssetCategoryFactory(), "priced_on": DAY, "today": DAY,
    }  # fmt: skip
    own_assets.create(**facts)
    with pytest.raises(OwnAssetError, match="room for 1"):
        own_assets.create(**facts)
    own_assets.create(**facts | {"owner": UserFactory()})


def test_a_newer_price_counts_and_every_portfolio_with_it_is_calculated_again(
    client, portfolio, painting
):
    holding, wanting, without = (PortfolioFactory(owner=portfolio.owner) for _ in range(3))
    holdings.save(portfolio=holding, asset=painting, quantity=Decimal(1))
    targets.replace(portfolio=wanting, weights={painting: Decimal(1)}, expected_revision=None)
    before = {pk: revision(pk) for pk in (holding.pk, wanting.pk, without.pk)}
    for day, price in ((DAY, "300"), (DAY - timedelta(days=3), "7")):
        client.post(
            reverse("portfolios:own-price", args=[painting.pk]),
            {"price": price, "priced_on": day.isoformat()},
        )
    assert dict(painting.own_prices.values_list("date", "price")) == {
        DAY: 300.0,
        DAY - timedelta(days=3): 7.0,
    }
    assert facts.balances(holding, as_of=DAY)[0].value == 300.0
    after = {pk: revision(pk) - seen for pk, seen in before.items()}
    assert after == {holding.pk: 2, wanting.pk: 2, without.pk: 0}


def revision(pk: int) -> int:
    return Portfolio.objects.get(pk=pk).revision


@pytest.mark.parametrize("price", HOSTILE["price"])
def test_a_price_that_is_none_changes_nothing(client, portfolio, painting, price):
    holdings.save(portfolio=portfolio, asset=painting, quantity=Decimal(1))
    seen = revision(portfolio.pk)
    address = reverse("portfolios:own-price", args=[painting.pk])
    response = client.post(address, {"price": price, "priced_on": DAY.isoformat()})
    assert response.status_code == 422
    assert painting.own_prices.get().price == 250.0
    assert revision(portfolio.pk) == seen


def test_the_page_says_of_which_day_a_price_is_and_when_it_is_old(client, portfolio):
    old = own_asset(owner=portfolio.owner, prices={DAY - timedelta(days=91): 5.0})
    new = own_asset(owner=portfolio.owner, prices={DAY - timedelta(days=90): 5.0})
    for asset in (old, new):
        holdings.save(portfolio=portfolio, asset=asset, quantity=Decimal(1))
    for name, arguments in (("holdings", [portfolio.pk]), ("own-asset-list", [])):
        page = client.get(reverse(f"portfolios:{name}", args=arguments)).content.decode()
        assert "own price of 1 Oct 2024" in page
        assert "own price of 2 Oct 2024" in page
        assert page.count("more than 90 days old") == 1
        assert "stale" not in page.replace("marked as stale", "")  # what value is explained to be


def test_it_is_renamed_and_moved_to_another_category(client, portfolio, painting):
    holdings.save(portfolio=portfolio, asset=painting, quantity=Decimal(1))
    other = AssetCategoryFactory(slug="other", name="Other", colour=7)
    seen = revision(portfolio.pk)
    address = reverse("portfolios:own-asset", args=[painting.pk])
    client.post(address, {"name": "A better one", "symbol": "BART", "category": other.pk})
    painting.refresh_from_db()
    assert (painting.name, painting.symbol, painting.category) == ("A better one", "BART", other)
    assert revision(portfolio.pk) == seen + 1  # its category's target may be another
    assert client.post(address, {"name": "", "symbol": "", "category": "x"}).status_code == 422


def test_it_goes_only_when_nothing_uses_it(client, portfolio, painting):
    holdings.save(portfolio=portfolio, asset=painting, quantity=Decimal(1))
    address = reverse("portfolios:own-asset-remove", args=[painting.pk])
    portfolios.delete(portfolio=portfolio)  # and it may come back
    refused = client.post(address)
    assert refused.status_code == 409
    assert "is held or wanted in a portfolio" in refused.content.decode()
    Transaction.objects.all().delete()
    Holding.objects.all().delete()
    assert client.post(address).url == reverse("portfolios:own-asset-list")
    assert not Asset.of_anybody.filter(pk=painting.pk).exists()
    assert not OwnPrice.objects.exists()
    assert client.post(address).status_code == 404


def test_what_is_removed_in_another_tab_is_a_clear_conflict(painting):
    own_assets.remove(asset=Asset.of_anybody.get(pk=painting.pk))
    with pytest.raises(ConflictError, match="removed in another tab"):
        own_assets.set_price(asset=painting, price=Decimal(1), priced_on=DAY, today=DAY)


# --- Nobody else's business -----------------------------------------------------------------------


@pytest.fixture
def secret() -> Asset:
    return own_asset(owner=UserFactory(), symbol="SECRET", name="A secret thing", prices={DAY: 9.0})


def test_nobody_else_finds_holds_or_wants_it(client, portfolio, secret):
    assert secret not in assets.offered(portfolio.owner)
    assert secret not in assets.search("SECRET", user=portfolio.owner)
    assert secret in assets.search("secret", user=secret.owner)
    client.post(
        reverse("portfolios:holdings", args=[portfolio.pk]),
        {"asset": secret.pk, "quantity": "1", "revision": portfolio.revision},
    )
    client.post(
        reverse("portfolios:targets", args=[portfolio.pk]),
        {f"weight-{secret.pk}": "100", "revision": portfolio.revision},
    )
    assert not portfolio.holdings.exists()
    assert not portfolio.target_weights.exists()
    with pytest.raises(OwnAssetError):
        holdings.save(portfolio=portfolio, asset=secret, quantity=Decimal(1))
    with pytest.raises(OwnAssetError):
        targets.replace(portfolio=portfolio, weights={secret: Decimal(1)}, expected_revision=None)


def test_no_page_of_anybody_else_names_it(client, portfolio, secret):
    addresses = [
        reverse("portfolios:holdings", args=[portfolio.pk]),
        reverse("portfolios:targets", args=[portfolio.pk]),
        reverse("portfolios:holdings", args=[portfolio.pk]) + f"?add={secret.pk}",
        reverse("portfolios:targets", args=[portfolio.pk]) + f"?add={secret.pk}",
        reverse("portfolios:asset-options") + "?q=secret",
        reverse("portfolios:own-asset-list"),
        reverse("portfolios:portfolio-create"),
        reverse("portfolios:model-portfolio-list"),
        reverse("analytics:market"),
        reverse("analytics:asset-list"),
    ]
    for address in addresses:
        assert "secret thing" not in client.get(address).content.decode().lower(), address


def test_the_catalogue_that_staff_curate_does_not_have_it(secret):
    client = Client()
    client.force_login(staff())
    page = client.get(reverse("admin:portfolios_asset_changelist")).content.decode()
    assert "SECRET" not in page
    change = reverse("admin:portfolios_asset_change", args=[secret.pk])
    assert client.get(change).status_code == 302
    assert secret not in Asset.objects.all()


def test_closes_for_everybody_are_without_it(secret, market):
    assert secret.pk not in prices.latest_closes(as_of=DAY)
    assert secret.pk not in prices.close_panel(end=DAY, days=3).columns
    assert prices.closes_for([secret], as_of=DAY)[secret.pk].close == 9.0


def test_an_asset_is_listed_or_somebody_s_own_and_own_ones_are_no_cash():
    for fields in (
        {"owner": UserFactory()},
        {"coingecko_id": None},
        {"coingecko_id": None, "owner": UserFactory(), "kind": "cash"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            AssetFactory(**fields)


@pytest.mark.parametrize("price", [0, -1.0, float("nan"), float("inf")])
def test_the_database_takes_no_price_that_is_none(painting, price):
    with pytest.raises(IntegrityError), transaction.atomic():
        OwnPrice.objects.create(asset=painting, date=DAY - timedelta(days=1), price=price)


# --- With its owner -------------------------------------------------------------------------------


def test_a_copy_of_the_portfolio_holds_and_wants_it_too(portfolio, painting):
    holdings.save(portfolio=portfolio, asset=painting, quantity=Decimal(2))
    targets.replace(portfolio=portfolio, weights={painting: Decimal(1)}, expected_revision=None)
    copy = portfolios.clone(portfolio=portfolio)
    assert copy.holdings.get().asset == painting
    assert copy.target_weights.get().asset == painting


def test_it_goes_with_the_account_even_while_it_is_held(portfolio, painting):
    holdings.save(portfolio=portfolio, asset=painting, quantity=Decimal(2))
    targets.replace(portfolio=portfolio, weights={painting: Decimal(1)}, expected_revision=None)
    erasure.erase(user=portfolio.owner)
    assert not Asset.of_anybody.exclude(owner=None).exists()
    assert not OwnPrice.objects.exists()


def test_the_account_s_export_has_assets_and_prices(portfolio, painting, secret):
    page = io.BytesIO()
    exports.write(user=portfolio.owner, to=page)
    with zipfile.ZipFile(page) as archive:
        rows = {
            name: list(csv.DictReader(io.StringIO(archive.read(f"{name}.csv").decode())))
            for name in ("own_assets", "own_prices")
        }
    assert [row["name"] for row in rows["own_assets"]] == ["A painting"]
    assert [(row["date"], row["price"]) for row in rows["own_prices"]] == [("2024-12-31", "250.0")]


def test_one_or_fifty_cost_the_same_queries(
    client, portfolio, painting, django_assert_max_num_queries
):
    for _ in range(20):
        asset = own_asset(owner=portfolio.owner, prices={DAY: 1.0})
        holdings.save(portfolio=portfolio, asset=asset, quantity=Decimal(1))
    with django_assert_max_num_queries(6):
        assert client.get(reverse("portfolios:own-asset-list")).status_code == 200
    with django_assert_max_num_queries(10):
        client.get(reverse("portfolios:holdings", args=[portfolio.pk]))
