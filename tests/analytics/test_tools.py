"""The calculators: the published case to the digit, shorts, fees, refusals in sentences."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portfolios.services import catalogue
from tests.factories import UserFactory
from tests.reading import unexplained

pytestmark = pytest.mark.django_db
CASE = {
    "account": "10000", "risk": "2", "entry": "67000", "stop": "65500", "targets": "72000",
    "fee": "",
}  # fmt: skip


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(UserFactory())
    return client


def ask(client: Client, **changed: str):
    return client.get(reverse("analytics:position-size"), CASE | changed)


def words(response) -> str:
    main = unexplained(response.text.partition("<main")[2])
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


def test_the_articles_published_case_to_the_digit(client):
    for page in (client.get(reverse("analytics:position-size")), ask(client)):
        seen = words(page)
        assert "Good setup" in seen
        assert (
            "Risking 200.00 USD (2 % of the account) for a potential profit of 666.67 USD. "
            "The risk:reward of 1:3.33 meets the article’s minimum of 1:2." in seen
        )
        for figure in ("0.133333", "8,933.33", "65,500.00 −2.2", "72,000.00 +7.5"):
            assert figure in seen


def test_a_short_trade_with_two_targets_and_fees_by_hand(client):
    seen = words(
        ask(client, account="1000", risk="10", entry="100", stop="110", targets="90:75 60:25",
            fee="1")
    )  # fmt: skip
    # 100 at risk over 10 a unit and 0.01 × (100 + 110) in fees: 100 / 12.1 units.
    assert "short" in seen
    assert "8.26446" in seen
    assert f"+{100 / 12.1 * 0.75 * (10 - 0.01 * 190):.2f}" in seen
    assert f"+{100 / 12.1 * 0.25 * (40 - 0.01 * 160):.2f}" in seen


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({"risk": "2"}, "Good setup Risking"),
        ({"risk": "2.01"}, "Good setup, large risk"),
        ({"risk": "5"}, "highest conviction and a clear catalyst"),
        ({"risk": "5.01"}, "more than the 3–5 %"),
        ({"risk": "10"}, "Good setup, large risk"),
        ({"risk": "10.01"}, "Too much at risk"),
        ({"targets": "70000"}, "Good setup"),  # exactly 1:2
        ({"targets": "69999"}, "Poor setup"),
        ({"stop": "66900"}, "It needs borrowed money"),
    ],
)
def test_the_articles_rules_give_the_verdict(client, changed, verdict):
    assert verdict in words(ask(client, **changed))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"stop": "67000"}, "nothing would be at risk"),
        ({"targets": "66000"}, "The targets of a long trade lie above its entry: 66000."),
        ({"stop": "70000"}, "The targets of a short trade lie below its entry: 72000."),
        ({"targets": "72000:50 73000"}, "Give a share to every price, or to none."),
        ({"targets": "72000:50 73000:40"}, "The shares sum to 90 %, not to 100 %."),
        ({"targets": "moon"}, "“moon” is no price above zero."),
        ({"targets": "NaN"}, "“NaN” is no price above zero."),
        ({"targets": "1 2 3 4 5 6"}, "Give one to 5 prices."),
        ({"account": "0"}, "greater than or equal to"),
        ({"risk": "101"}, "less than or equal to 100"),
        ({"entry": "1e400"}, "less than or equal to"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(client, changed, sentence):
    page = ask(client, **changed)
    assert page.status_code == 422
    assert sentence in words(page)


def test_models_stand_beside_their_claims_in_few_queries(client):
    catalogue.load()
    with CaptureQueriesContext(connection) as captured:
        seen = words(client.get(reverse("analytics:model-comparison")))
    assert "−70 % claimed at most −20 % −72 % claimed at most −35 %" in seen
    assert "It has none of layer 2." in seen
    assert "It has none of infrastructure." in seen
    assert len(captured) <= 6


def test_a_defi_allocation_by_hand(client):
    catalogue.load()
    address = reverse("analytics:defi-allocation")
    asked = {
        "asset-0": "usd-coin", "amount-0": "2500",  # level 0, 4 % of the catalogue
        "asset-1": "ethereum", "amount-1": "2500", "yield-1": "10",  # level 2
        "asset-2": "aave", "amount-2": "5000",  # level 3, no yield
    }  # fmt: skip
    with CaptureQueriesContext(connection) as captured:
        seen = words(client.get(address, asked))
    assert "2.0 / 3.0" in seen  # 0.25 × 0 + 0.25 × 2 + 0.5 × 3
    assert "Stablecoins, % 25.0" in seen
    assert "USD a year 350.00" in seen
    assert len(captured) <= 6
    assert "Nothing allocated" in words(client.get(address, {"asset-0": ""}))
    refused = client.get(address, asked | {"amount-0": "-1"})
    assert refused.status_code == 422
    assert "greater than or equal to 0" in words(refused)
