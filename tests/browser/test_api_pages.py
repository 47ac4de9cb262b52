"""The API in a browser: answers as pages, the list of errors, and both documentations."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

from portfolios.models import Portfolio
from tests.browser import pages
from tests.factories import PortfolioFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def portfolio() -> Portfolio:
    return PortfolioFactory(name="Rainy days")


# Milliseconds. Both draw the whole schema, which takes a busy machine more than the usual five
# seconds.
DRAWN_WITHIN = 30_000


def test_the_api_and_its_documentation_open_from_our_own_server(
    page: Page,
    live_server: Any,
    portfolio: Portfolio,
    visit: Callable[..., None],
    console: list[str],
) -> None:
    answered: list[Request] = []
    page.on("requestfinished", lambda request: answered.append(request))  # noqa: PLW0108
    faults: list[str] = []

    visit("api:portfolio", portfolio.pk)
    expect(page.get_by_label("The answer")).to_contain_text('"name": "Rainy days"')
    faults += pages.faults(page)

    visit("api:problem-list")
    expect(page.locator("#shortfall")).to_contain_text("422")
    faults += pages.faults(page)

    visit("api:documentation")
    risk = page.get_by_text("/api/v1/portfolios/{id}/risk/").first
    expect(risk).to_be_visible(timeout=DRAWN_WITHIN)
    assert console == []
    visit("api:reference")
    expect(page.get_by_role("heading", name="Evenkeel").first).to_be_visible(timeout=DRAWN_WITHIN)

    assert all(each.url.startswith((live_server.url, "data:", "blob:")) for each in answered)
    assert not faults, "\n".join(faults)
    # Redoc wants a logo from its maker and a style of its own: the policy lets neither through.
    assert all("The action has been blocked" in error for error in console), console
