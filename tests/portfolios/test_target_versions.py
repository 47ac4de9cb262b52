"""Every save of the targets keeps a version, and a version can be had again."""

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from portfolios.models import Asset, Portfolio, TargetVersion, TokenMigration
from portfolios.selectors import target_versions as versions
from portfolios.services import portfolios, target_versions, targets
from portfolios.services.errors import ConflictError, TargetsError
from tests.factories import AssetFactory, PortfolioFactory, TargetWeightFactory, own_asset

pytestmark = pytest.mark.django_db


@pytest.fixture
def coins() -> list[Asset]:
    return [AssetFactory(symbol="ONE"), AssetFactory(symbol="TWO")]


@pytest.fixture
def portfolio(coins) -> Portfolio:
    """With targets that no version says yet, as one made from a model."""
    portfolio = PortfolioFactory()
    TargetWeightFactory(portfolio=portfolio, asset=coins[0], weight=Decimal(1))
    return portfolio


def save(portfolio: Portfolio, weights: dict[Asset, str], name: str = "") -> None:
    wanted = {asset: Decimal(weight) for asset, weight in weights.items()}
    targets.replace(portfolio=portfolio, weights=wanted, expected_revision=None, name=name)


def saved(portfolio: Portfolio) -> dict[str, Decimal]:
    return {str(t.aim.symbol): t.weight for t in portfolio.target_weights.all()}


def test_every_save_keeps_a_version_and_the_first_what_was_there_before(portfolio, coins):
    one, two = coins
    save(portfolio, {one: "0.6", two: "0.4"}, "Calm")
    save(portfolio, {two: "1"})
    assert [(v.number, str(v)) for v in portfolio.target_versions.all()] == [
        (3, "Version 3"), (2, "Calm"), (1, "Before versions were kept"),
    ]  # fmt: skip
    calm = versions.aims(portfolio.target_versions.get(number=2), portfolio=portfolio)
    assert calm.weights == {one: Decimal("0.6"), two: Decimal("0.4")}


def test_while_a_tilt_is_in_force_the_strategic_targets_are_kept(portfolio, coins):
    one, two = coins
    portfolio.strategic_weights.create(asset=two, weight=Decimal(1))
    save(portfolio, {one: "0.6", two: "0.4"})
    before = portfolio.target_versions.get(number=1)
    assert versions.aims(before, portfolio=portfolio).weights == {two: Decimal(1)}


def test_a_refused_save_keeps_none(portfolio, coins):
    with pytest.raises(TargetsError):
        save(portfolio, {coins[0]: "0.6"})
    assert not portfolio.target_versions.exists()


def test_restoring_is_a_save_of_its_own(portfolio, coins):
    one, two = coins
    save(portfolio, {one: "0.6", two: "0.4"}, "Calm")
    save(portfolio, {two: "1"})
    calm = portfolio.target_versions.get(name="Calm")
    targets.restore(portfolio=portfolio, version=calm, expected_revision=portfolio.revision)
    assert saved(portfolio) == {"ONE": Decimal("0.6"), "TWO": Decimal("0.4")}
    newest = portfolio.target_versions.first()
    assert (newest.number, newest.name) == (4, "Restored: Calm")
    with pytest.raises(ConflictError):
        targets.restore(portfolio=portfolio, version=calm, expected_revision=1)


def test_a_version_with_something_that_is_gone_is_not_restored_and_says_what(portfolio, coins):
    painting = own_asset(owner=portfolio.owner, symbol="ART")
    save(portfolio, {coins[0]: "0.6", painting: "0.4"}, "With art")
    save(portfolio, {coins[0]: "1"})
    painting.delete()
    version = portfolio.target_versions.get(name="With art")
    with pytest.raises(TargetsError, match="ART of this version is no longer here"):
        targets.restore(portfolio=portfolio, version=version, expected_revision=None)
    assert saved(portfolio) == {"ONE": Decimal(1)}


def test_a_token_that_another_replaced_since_is_that_other_one(portfolio, coins):
    one, two = coins
    save(portfolio, {one: "0.6", two: "0.4"}, "Old token")
    TokenMigration.objects.create(
        old_asset=one, new_asset=two, effective_on="2024-01-01", state="applied"
    )
    version = portfolio.target_versions.get(name="Old token")
    assert versions.aims(version, portfolio=portfolio).weights == {two: Decimal(1)}


def test_a_copy_has_the_same_versions(portfolio, coins):
    save(portfolio, {coins[1]: "1"}, "Calm")
    copy = portfolios.clone(portfolio=portfolio)
    assert [(v.number, v.name, v.lines, v.saved_at) for v in copy.target_versions.all()] == [
        (v.number, v.name, v.lines, v.saved_at) for v in portfolio.target_versions.all()
    ]


def test_versions_go_with_their_portfolio(portfolio, coins):
    save(portfolio, {coins[1]: "1"})
    portfolio.owner.delete()
    assert not TargetVersion.objects.exists()


def test_a_version_is_named_and_restored_on_its_page(portfolio, coins):
    save(portfolio, {coins[1]: "1"})
    client = Client()
    client.force_login(portfolio.owner)
    page = reverse("analytics:target-versions", args=[portfolio.pk])
    client.post(page, {"version": "1", "name": "The first"})
    assert portfolio.target_versions.get(number=1).name == "The first"
    client.post(page, {"version": "1", "restoring": "1", "revision": portfolio.revision})
    assert saved(portfolio) == {"ONE": Decimal(1)}
    too_long = {"version": "1", "name": "x" * 99}
    for nonsense in ({}, {"version": "-1"}, {"version": "9" * 30}, too_long):
        assert client.post(page, nonsense).status_code == 302
    assert portfolio.target_versions.get(number=1).name == "The first"
    assert target_versions.as_lines({coins[0]: Decimal("0.10")})[0]["weight"] == "0.1"
