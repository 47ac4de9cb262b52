"""Answers as a browser shows them."""

from collections.abc import Callable

import pytest
from django.test import Client

from portfolios.models import Portfolio
from tests.api.conftest import Program
from tests.api.operations import Operation, operations
from tests.api.test_access import arguments, prepare

pytestmark = pytest.mark.django_db
__all__ = ["arguments"]

READS = [each for each in operations() if not each.changes]


@pytest.mark.parametrize("operation", READS, ids=str)
def test_everything_that_is_read_opens_as_a_page(
    operation: Operation, arguments: dict[str, object], portfolio: Portfolio
) -> None:
    prepare(operation, portfolio, arguments)
    browser = Client(headers={"Accept": "text/html"})
    browser.force_login(portfolio.owner)
    page = browser.get(operation.address(arguments), query_params=operation.query)
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert "'unsafe-inline'" not in page.headers["Content-Security-Policy"]
    assert operation.address(arguments) in page.content.decode()


def test_a_refusal_is_a_page_too(program: Callable[..., Program]) -> None:
    page = Client(headers={"Accept": "text/html"}).get("/api/v1/portfolios/")
    assert page.status_code == 401
    assert "not_authenticated" in page.content.decode()
