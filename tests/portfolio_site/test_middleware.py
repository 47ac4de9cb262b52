"""A session that ends while a page is open."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import HoldingFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["analytics:portfolio-result", "portfolios:holdings"])
def test_a_fragment_asked_for_after_the_session_leads_the_whole_page_to_the_login(name):
    portfolio = HoldingFactory().portfolio
    page = portfolio.get_absolute_url()
    response = Client().get(
        reverse(name, args=[portfolio.pk]),
        headers={"HX-Request": "true", "HX-Current-URL": f"http://testserver{page}"},
    )
    assert response.status_code == 200
    assert (
        response.headers["HX-Redirect"]
        == f"{reverse('account_login')}?next=%2Fportfolios%2F{portfolio.pk}%2F"
    )
    assert response.content == b""


@pytest.mark.parametrize("current", ["https://elsewhere.example/x", "", "not an address"])
def test_a_page_elsewhere_is_never_where_the_login_leads(current):
    response = Client().get(
        reverse("analytics:market"),
        headers={"HX-Request": "true", "HX-Current-URL": current},
    )
    assert response.headers["HX-Redirect"] == f"{reverse('account_login')}?next=%2F"


def test_without_htmx_the_redirect_is_a_redirect():
    response = Client().get(reverse("analytics:market"))
    assert response.status_code == 302
    assert "HX-Redirect" not in response.headers
