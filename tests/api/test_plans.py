"""Plans, sales and weights to try, as programs ask for them."""

import pytest
from django.utils import timezone

from portfolios.models import Asset, Portfolio, PositionRule
from tests.api.conftest import Program, Programs
from tests.factories import TargetWeightFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def script(portfolio: Portfolio, program: Programs) -> Program:
    return program(portfolio.owner, "read")


@pytest.mark.parametrize(
    ("asked", "traded"),
    [
        ("", -40),
        ("mode=half", -20),
        ("mode=edge", -35),  # its band is 5 points wide
        ("left_alone=bitcoin", 0),
        ("mode=raise&cash=10", -10),
    ],
)
def test_a_plan_follows_what_is_asked(asked: str, traded: float, script: Program, one: str) -> None:
    """The night found all of it in Bitcoin, whose target is 60 %: 40 of 100 dollars too much."""
    plan = script.send("GET", f"{one}plan/?{asked}").json()
    row = plan["positions"][0]
    assert row["amount"] == pytest.approx(traded, rel=0.02)  # what is raised pays its fee, too
    assert row["weight"] == 1
    assert (plan["verdict"] is None) == ("raise" in asked)


def test_a_plan_follows_the_rules_unless_told_otherwise(script: Program, one: str) -> None:
    Portfolio.objects.get().rules.create(
        asset=Asset.objects.get(coingecko_id="bitcoin"), trading=PositionRule.Trading.NEVER_SOLD
    )
    assert script.send("GET", f"{one}plan/").json()["positions"][0]["skipped"] == "never sold"
    plan = script.send("GET", f"{one}plan/?follows_rules=false").json()
    assert plan["positions"][0]["amount"] == pytest.approx(-40, rel=0.02)
    rows = script.send("GET", f"{one}plan/?format=csv").content.decode().splitlines()
    assert rows[0].startswith("asset,symbol,amount")
    assert rows[1].startswith("bitcoin,BTC,")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("mode=invest", "impossible_plan"),
        ("mode=raise&cash=1000", "impossible_plan"),
        ("only=solana", "unknown_asset"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(asked: str, code: str, script: Program, one: str) -> None:
    answer = script.send("GET", f"{one}plan/?{asked}")
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_a_sale_is_checked_against_the_plan(script: Program, one: str) -> None:
    at = "at=2024-12-31T12:00:00Z"
    address = f"{one}sale-check/?asset=bitcoin&{at}&quantity="
    assert script.send("GET", f"{address}0.4").json() == {"check": None}  # as planned
    check = script.send("GET", f"{address}0.9").json()["check"]
    assert (check["planned"], check["where"], check["regime"]) == (0.4, "above its band", "bull")
    assert check["position"]["weight"] == 1
    entry = Portfolio.objects.get().transactions.create(
        kind="sell", at=timezone.now(), sent_quantity=1,
        sent_asset=Asset.objects.get(coingecko_id="bitcoin"),
    )  # fmt: skip
    known = script.send("GET", f"{address}1.4&transaction={entry.pk}").json()
    assert known == {"check": None}  # 0.4 more than it has sold
    answer = script.send("GET", f"{address}1&transaction={entry.pk + 1}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_weights_are_tried_in_their_proportions(script: Program, one: str) -> None:
    address = f"{one}workbench/?weight=bitcoin:0.3&weight=ethereum:0.3"
    told = script.send("GET", address).json()
    assert {row["asset"]: row["weight"] for row in told["weights"]} == {
        "bitcoin": 0.5, "ethereum": 0.5,
    }  # fmt: skip
    assert not told["is_whole"]
    # 4 % a day each, and nothing in common.
    assert told["tried"]["volatility"] == pytest.approx(0.04 * (365 / 2) ** 0.5)
    assert told["today"]["volatility"] == pytest.approx(0.04 * 365**0.5)
    assert [row["share_of_risk"] for row in told["weights"]] == [pytest.approx(0.5)] * 2


def test_weights_of_categories_are_tried_and_the_targets_without_any(
    script: Program, one: str, portfolio: Portfolio
) -> None:
    told = script.send("GET", f"{one}workbench/?weight=category:defi:0.5&weight=bitcoin:0.5").json()
    assert {row["category"]: row["weight"] for row in told["weights"]} == {
        None: 0.5, "defi": 0.5,
    }  # fmt: skip
    portfolio.target_weights.update(weight="0.25")
    ether = Asset.objects.get(coingecko_id="ethereum")
    TargetWeightFactory(portfolio=portfolio, asset=ether, weight="0.75")
    told = script.send("GET", f"{one}workbench/").json()
    assert {row["asset"]: row["weight"] for row in told["weights"]} == {
        "bitcoin": 0.25, "ethereum": 0.75,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("weights", "status", "code"),
    [
        ("weight=bitcoin", 400, "invalid"),
        ("weight=bitcoin:1.5", 400, "invalid"),
        ("weight=nothing:1", 422, "unknown_asset"),
        ("weight=category:nothing:1", 422, "targets"),
        ("weight=bitcoin:0.1&weight=bitcoin:0.2", 422, "targets"),
        ("weight=bitcoin:0&weight=ethereum:0", 422, "targets"),
    ],
)
def test_weights_that_cannot_be_tried_are_refused(
    weights: str, status: int, code: str, script: Program, one: str
) -> None:
    answer = script.send("GET", f"{one}workbench/?{weights}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
