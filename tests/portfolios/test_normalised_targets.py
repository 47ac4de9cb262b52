"""Targets scaled to 100 % on request: in the same proportions, to the last step, and not saved."""

from decimal import Decimal

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from portfolios.models import Asset
from portfolios.services import targets
from tests.factories import AssetFactory, PortfolioFactory, TargetWeightFactory

WEIGHTS = st.lists(
    st.decimals(Decimal("0.000000001"), Decimal(1), places=9), min_size=1, max_size=30
)


@given(WEIGHTS)
def test_scaled_weights_sum_to_one_in_their_proportions(typed: list[Decimal]) -> None:
    weights = {Asset(pk=n + 1, symbol=f"A{n}"): weight for n, weight in enumerate(typed)}
    scaled = targets.normalise(weights)
    assert sum(scaled.values()) == 1
    total = sum(typed)
    finest = min(typed) / total < Decimal("0.0001")
    step = Decimal("0.000000001") if finest else Decimal("0.0001")
    for asset, weight in weights.items():
        assert abs(scaled[asset] - weight / total) <= step
        assert scaled[asset] == round(scaled[asset], targets.DECIMALS)


def test_nothing_has_no_proportions() -> None:
    assert targets.normalise({}) == {}


@pytest.mark.django_db
def test_the_form_shows_scaled_targets_and_saves_them_only_when_asked(client) -> None:
    portfolio = PortfolioFactory()
    assets = AssetFactory.create_batch(3)
    for asset, weight in zip(assets, ("0.2", "0.3", "0.5"), strict=True):
        TargetWeightFactory(portfolio=portfolio, asset=asset, weight=Decimal(weight))
    client.force_login(portfolio.owner)
    address = reverse("portfolios:targets", args=[portfolio.pk])
    typed = {f"weight-{asset.pk}": "20" for asset in assets} | {"revision": "1"}
    page = client.post(address, typed | {"normalising": "1"})
    assert page.status_code == 200
    assert "Nothing is saved yet." in page.text
    assert page.text.count('value="33.33"') == 2
    assert page.text.count('value="33.34"') == 1
    assert "complete" in page.text
    weights = portfolio.target_weights.values_list("weight", flat=True)
    assert sorted(weights) == [Decimal("0.2"), Decimal("0.3"), Decimal("0.5")]
    shown = page.context["form"]
    client.post(address, {name: shown[name].value() for name in shown.fields})
    assert sorted(weights.all()) == [Decimal("0.3333"), Decimal("0.3333"), Decimal("0.3334")]


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["many", "-5", "101", "NaN", ""])
def test_what_cannot_be_scaled_is_said_and_kept(client, text: str) -> None:
    target = TargetWeightFactory()
    client.force_login(target.portfolio.owner)
    typed = {f"weight-{target.asset_id}": text, "revision": "1", "normalising": "1"}
    page = client.post(reverse("portfolios:targets", args=[target.portfolio_id]), typed)
    assert page.status_code in (200, 422)
    assert f'value="{text}"' in page.text
    assert target.portfolio.target_weights.get().weight == Decimal("0.5")
