"""What people own, through the API: the rules of the pages, and what programs need besides."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from portfolios import tasks
from portfolios.models import Asset, Import, Portfolio
from portfolios.services import imports
from tests.api.conftest import V1, Program
from tests.factories import PortfolioFactory, UserFactory, own_asset

pytestmark = pytest.mark.django_db

PURCHASE = {
    "kind": "buy",
    "at": "2024-06-01T09:30:00Z",
    "received": {"asset": "bitcoin", "quantity": "0.000000000000000001"},
    "value": {"asset": "usd", "quantity": "10"},
}


def test_a_model_is_bought_as_on_the_page(script: Program) -> None:
    body = {"name": "Rainy days", "model": "moderate", "amount": "10000"}
    answer = script.send("POST", "/portfolios/", body)
    assert answer.status_code == 201
    made = Portfolio.objects.get(name="Rainy days")
    assert answer.headers["Location"].endswith(f"{V1}/portfolios/{made.pk}/")
    told = script.send("GET", f"/portfolios/{made.pk}/holdings/").json()["holdings"]
    assert sum(row["value"] for row in told) == pytest.approx(10000)
    weights = script.send("GET", f"/portfolios/{made.pk}/targets/").json()["targets"]
    assert sum(Decimal(row["weight"]) for row in weights) == 1


def test_what_is_exact_is_told_to_the_last_decimal(script: Program, one: str) -> None:
    script.send("POST", f"{one}transactions/", PURCHASE)
    (bitcoin,) = script.send("GET", f"{one}holdings/").json()["holdings"]
    assert bitcoin["quantity"] == "1.000000000000000001"


def test_targets_that_are_not_whole_are_refused_with_the_page_s_words(
    script: Program, one: str, portfolio: Portfolio
) -> None:
    body = {"targets": [{"asset": "bitcoin", "weight": "0.9"}]}
    answer = script.send("PUT", f"{one}targets/", body)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["code"], problem["status"]) == ("targets", 422)
    assert problem["detail"] == "Targets sum to 90.00 %. Add 10.00 % more."
    assert problem["type"] == "/api/v1/problems/#targets"
    assert portfolio.target_weights.get().weight == 1


def test_more_than_is_held_does_not_leave(script: Program, one: str) -> None:
    sale = {"kind": "sell", "at": "2024-12-31T13:00:00Z"}
    body = sale | {"sent": {"asset": "bitcoin", "quantity": "1.5"}}
    answer = script.send("POST", f"{one}transactions/", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "shortfall")
    assert "0.5 BTC more than is held" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"weigth": "1"}, "targets.0.weigth"),
        ({"asset": "bitcoin", "weight": 1}, "targets.0.weight"),
        ({"asset": 7, "weight": "1"}, "targets.0.asset"),
        ({"asset": "bitcoin", "weight": "1e0"}, "targets.0.weight"),
        ({"asset": "bitcoin", "weight": "NaN"}, "targets.0.weight"),
        ({"asset": "bitcoin", "weight": "-1"}, "targets.0.weight"),
    ],
)
def test_what_does_not_fit_the_description_is_told_where(
    body: dict[str, Any], field: str, script: Program, one: str
) -> None:
    answer = script.send("PUT", f"{one}targets/", {"targets": [body]})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert field in {error["field"] for error in answer.json()["errors"]}


def test_who_comes_second_is_told_so(script: Program, one: str, portfolio: Portfolio) -> None:
    seen = script.send("GET", one).headers["ETag"]
    first = script.send("PATCH", one, {"name": "First"}, headers={"If-Match": seen})
    assert first.status_code == 200
    assert first.headers["ETag"] != seen
    second = script.send("PATCH", one, {"name": "Second"}, headers={"If-Match": seen})
    assert (second.status_code, second.json()["code"]) == (412, "changed_since")
    portfolio.refresh_from_db()
    assert portfolio.name == "First"


def test_what_the_database_would_refuse_is_refused_in_words(script: Program, one: str) -> None:
    answer = script.send("PATCH", one, {"tolerance_band": "0.2"})
    assert answer.status_code == 422
    assert "must be at least the normal band" in answer.json()["detail"]


def test_many_lines_come_in_all_or_none(script: Program, one: str, portfolio: Portfolio) -> None:
    bad = PURCHASE | {"at": "1999-01-01T00:00:00Z"}
    answer = script.send("POST", f"{one}transactions/bulk/", {"transactions": [PURCHASE, bad]})
    assert (answer.status_code, answer.json()["code"]) == (422, "ledger")
    assert portfolio.transactions.count() == 1
    both = {"transactions": [PURCHASE, PURCHASE]}
    assert script.send("POST", f"{one}transactions/bulk/", both).status_code == 201
    assert portfolio.transactions.count() == 3


def test_what_is_sent_again_with_its_key_is_added_once(
    script: Program, one: str, portfolio: Portfolio
) -> None:
    body, key = {"transactions": [PURCHASE, PURCHASE]}, {"Idempotency-Key": "today-1"}
    path = f"{one}transactions/bulk/"
    first = script.send("POST", path, body, headers=key)
    again = script.send("POST", path, body, headers=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["is_replay"]
    assert again.json()["transactions"] == first.json()["transactions"]
    assert portfolio.transactions.count() == 3
    other = script.send("POST", path, {"transactions": [PURCHASE]}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    new = script.send("POST", path, body, headers={"Idempotency-Key": "today-2"})
    assert new.status_code == 201
    assert portfolio.transactions.count() == 5


def test_a_key_is_one_portfolio_s(script: Program, portfolio: Portfolio) -> None:
    other = PortfolioFactory(owner=portfolio.owner)
    for each in (portfolio, other):
        path = f"/portfolios/{each.pk}/transactions/"
        key = {"Idempotency-Key": "the-same"}
        assert script.send("POST", path, PURCHASE, headers=key).status_code == 201


def test_a_line_is_corrected_and_removed(script: Program, one: str, portfolio: Portfolio) -> None:
    made = script.send("POST", f"{one}transactions/", PURCHASE).json()["transactions"][0]
    path = f"{one}transactions/{made['id']}/"
    changed = PURCHASE | {"received": {"asset": "bitcoin", "quantity": "2"}}
    answer = script.send("PUT", path, changed)
    assert answer.json()["received"] == {"asset": "bitcoin", "quantity": "2"}
    assert portfolio.holdings.get().quantity == 3
    assert script.send("DELETE", path).status_code == 204
    assert portfolio.holdings.get().quantity == 1


def test_an_asset_of_somebody_else_s_own_is_unknown(script: Program, one: str) -> None:
    theirs = own_asset(owner=UserFactory())
    body = {"targets": [{"asset": f"own:{theirs.pk}", "weight": "1"}]}
    answer = script.send("PUT", f"{one}targets/", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_asset")


def test_an_asset_of_one_s_own_has_a_key(script: Program, one: str, portfolio: Portfolio) -> None:
    mine = own_asset(owner=portfolio.owner)
    assert script.send("GET", f"/assets/own:{mine.pk}/").json()["is_own"]
    answer = script.send("PUT", f"{one}holdings/own:{mine.pk}/", {"quantity": "2"})
    held = {row["asset"]: row["quantity"] for row in answer.json()["holdings"]}
    assert held[f"own:{mine.pk}"] == "2"


def test_a_file_is_imported_from_its_upload_to_its_undoing(
    script: Program, one: str, portfolio: Portfolio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks.carry_out_import, "delay_on_commit", lambda pk: None)
    content = (
        b"UTC_Time,Account,Operation,Coin,Change,Remark\n2024-01-01 10:00:00,Spot,Deposit,BTC,1,\n"
    )
    sent = script.post(f"{V1}{one}imports/", {"file": SimpleUploadedFile("a.csv", content)})
    assert (sent.status_code, sent.json()["state"]) == (201, "previewed")
    path = f"{one}imports/{sent.json()['id']}/"
    assert script.send("GET", f"{path}rows/").json()["results"][0]["fate"] == "new"
    assert script.send("POST", f"{path}confirm/", {}).json()["state"] == "importing"
    while imports.carry_out(import_id=sent.json()["id"], now=timezone.now()):
        pass
    assert script.send("GET", path).json()["added"] == 1
    assert portfolio.holdings.get().quantity == 2
    assert script.send("POST", f"{path}undo/").json()["state"] == "undone"
    assert portfolio.holdings.get().quantity == 1
    again = script.send("POST", f"{path}undo/")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert Import.objects.count() == 1


def test_a_deleted_portfolio_is_not_there_and_comes_back(script: Program, one: str) -> None:
    assert script.send("DELETE", one).status_code == 204
    assert script.send("GET", one).status_code == 404
    assert script.send("POST", f"{one}undelete/").status_code == 200
    assert script.send("GET", one).status_code == 200


def test_every_asset_of_the_catalogue_can_be_found_by_its_key(script: Program) -> None:
    keys, address = [], "/assets/?page_size=200"
    while address:
        page = script.send("GET", address).json()
        keys += [row["id"] for row in page["results"]]
        address = page["next"] and page["next"].partition("/api/v1")[2]
    assert sorted(keys) == sorted(Asset.objects.values_list("coingecko_id", flat=True))


def test_a_portfolio_comes_back_out_of_its_own_file(
    portfolio: Portfolio, program: Callable[..., Program]
) -> None:
    script = program(portfolio.owner)
    told = script.send("GET", f"/portfolios/{portfolio.pk}/file/").json()
    file = SimpleUploadedFile("kept.json", json.dumps(told).encode())
    made = script.post(f"{V1}/portfolios/file/", {"file": file})
    assert made.status_code == 201, made.content
    again = script.send("GET", f"/portfolios/{made.json()['id']}/file/").json()
    assert (again["targets"], again["settings"]) == (told["targets"], told["settings"])
    assert len(again["transactions"]) == len(told["transactions"]) == 1
    other = SimpleUploadedFile("other.json", b"{}")
    refused = script.post(f"{V1}/portfolios/file/", {"file": other})
    assert (refused.status_code, refused.json()["code"]) == (422, "refused")
    assert Portfolio.objects.count() == 2


def test_a_token_sees_the_tokens_of_its_person_but_not_their_secrets(
    portfolio: Portfolio, program: Callable[..., Program]
) -> None:
    writing = program(portfolio.owner)
    script = program(portfolio.owner, "read")
    program(UserFactory())
    told = script.send("GET", "/tokens/").json()
    assert [each["scope"] for each in told] == ["read", "write"]
    assert set(told[0]) == {
        "name", "begins_with", "scope", "created_at", "expires_at", "last_used_at",
    }  # fmt: skip
    assert writing.send("POST", "/tokens/", {"name": "more"}).status_code == 405
