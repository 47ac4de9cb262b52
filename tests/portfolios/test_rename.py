"""A portfolio is renamed from the list, and never behind another tab's back."""

import pytest
from django.test import Client
from django.urls import reverse

from portfolios.models import Portfolio
from portfolios.services import portfolios
from tests.factories import PortfolioFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def portfolio(client: Client) -> Portfolio:
    portfolio = PortfolioFactory(name="Mine")
    client.force_login(portfolio.owner)
    return portfolio


def address(portfolio: Portfolio) -> str:
    return reverse("portfolios:portfolio-rename", args=[portfolio.pk])


def test_the_list_leads_to_another_name_and_back(client: Client, portfolio: Portfolio) -> None:
    assert address(portfolio) in client.get(reverse("analytics:portfolio-list")).text
    assert 'value="Mine"' in client.get(address(portfolio)).text
    page = client.post(address(portfolio), {"name": "Boat", "revision": 1}, follow=True)
    assert "“Mine” is called “Boat” now." in page.text
    assert Portfolio.objects.get().name == "Boat"


def test_a_name_changed_meanwhile_is_shown_before_it_may_be_replaced(
    client: Client, portfolio: Portfolio
) -> None:
    portfolios.rename(portfolio=portfolio, name="Other", expected_revision=1)
    refused = client.post(address(portfolio), {"name": "Boat", "revision": 1})
    assert refused.status_code == 422
    assert "changed in another tab" in refused.text
    assert "Saved now: Other" in refused.text
    assert 'name="revision" value="2"' in refused.text
    assert Portfolio.objects.get().name == "Other"
    client.post(address(portfolio), {"name": "Boat", "revision": 2})
    assert Portfolio.objects.get().name == "Boat"


@pytest.mark.parametrize(
    "typed",
    [{"name": ""}, {"name": "n" * 81}, {"name": "\x00"}, {"revision": ""}, {"revision": "x"}],
)
def test_a_hostile_name_is_422_and_nothing_is_saved(
    client: Client, portfolio: Portfolio, typed: dict[str, str]
) -> None:
    refused = client.post(address(portfolio), {"name": "Boat", "revision": "1", **typed})
    assert refused.status_code == 422
    assert Portfolio.objects.get().name == "Mine"
