"""The public pages of the models: what is in them, and what the article is held to."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portfolios.models import ModelPortfolio
from portfolios.selectors import model_claims
from portfolios.services import catalogue
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def models() -> None:
    catalogue.load()


def page_of(slug: str = "") -> str:
    name = "portfolios:model-portfolio" if slug else "portfolios:model-portfolio-list"
    response = Client().get(reverse(name, args=[slug] if slug else []))
    return " ".join(response.content.decode().split())


def conflicts_of(slug: str) -> list[str]:
    model = ModelPortfolio.objects.get(slug=slug)
    return [conflict.found for conflict in model_claims.conflicts(model)]


def test_a_stranger_sees_the_three_models_and_the_way_to_each():
    page = page_of()
    for slug in ("conservative", "moderate", "aggressive"):
        assert reverse("portfolios:model-portfolio", args=[slug]) in page
    for entrance in ("account_login", "account_signup"):
        html = Client().get(reverse(entrance)).content.decode()
        assert reverse("portfolios:model-portfolio-list") in html


@pytest.mark.parametrize(
    ("slug", "claimed", "measured"),
    [
        ("conservative", "at most −20 %", "−70 %"),
        ("moderate", "at most −35 %", "−72 %"),
        ("aggressive", "−50 % and more", "−71 %"),
    ],
)
def test_a_claim_stands_beside_what_was_measured_and_when(slug, claimed, measured):
    page = page_of(slug)
    row = page.partition("Maximum drawdown")[2].partition("</tr>")[0]
    assert claimed in row
    assert measured in row
    assert "Measured, 2021–2024" in page


def test_the_models_conflict_with_the_article_where_its_numbers_do():
    assert conflicts_of("conservative") == [
        "It has 7.",
        "Store of Value has 45 %. All of it is core, which the profile's own range judges instead.",
        "It has none of layer 2.",
    ]
    assert conflicts_of("moderate") == []
    assert conflicts_of("aggressive") == ["12 % in SOL.", "It has none of infrastructure."]


def test_category_weights_sum_to_one_and_count_slots_too():
    weights = model_claims.category_weights(ModelPortfolio.objects.get(slug="aggressive"))
    assert sum(weights.values()) == 1
    assert {category.slug: w for category, w in weights.items()}["defi"] == Decimal("0.15")


@pytest.mark.parametrize("slug", ["", "aggressive"])
def test_a_public_page_takes_few_queries(slug):
    with CaptureQueriesContext(connection) as captured:
        page_of(slug)
    assert len(captured) <= 2


def test_to_start_from_a_model_is_to_find_it_chosen_in_the_form():
    client = Client()
    client.force_login(UserFactory())
    page = client.get(reverse("portfolios:portfolio-create"), {"start": "moderate"})
    html = " ".join(page.content.decode().split())
    assert 'value="moderate" checked>' in html
    assert html.count(" checked>") == 1


def test_an_unknown_model_is_404():
    assert Client().get(reverse("portfolios:model-portfolio", args=["none"])).status_code == 404
