"""Quarterly reviews, the finder and the market's pages of detail, as programs read them."""

import pytest

from analytics.models import QuarterlyReview
from analytics.selectors import quarterly_reviews
from tests.api.conftest import Program

pytestmark = pytest.mark.django_db


def test_a_review_is_begun_answered_and_finished_once(script: Program, one: str) -> None:
    begun = script.send("POST", f"{one}reviews/")
    assert begun.status_code == 201
    address = f"{one}reviews/{begun.json()['id']}/"
    again = script.send("POST", f"{one}reviews/")
    assert (again.status_code, again.json()["id"]) == (200, begun.json()["id"])
    risk = {each["question"]: each for each in begun.json()["answers"]}["risk"]
    assert risk["lines"][0]["now"] == 1  # all of it is in Bitcoin
    early = script.send("POST", f"{address}finish/")
    assert (early.status_code, early.json()["code"]) == (422, "review")
    for key in quarterly_reviews.KEYS:
        told = script.send("PUT", f"{address}answers/{key}/", {"changes": True, "note": key}).json()
    assert all(each["is_answered"] and each["note"] == each["question"] for each in told["answers"])
    assert script.send("POST", f"{address}finish/").json()["finished_at"]
    late = script.send("PUT", f"{address}answers/risk/", {"changes": False})
    assert (late.status_code, late.json()["code"]) == (422, "review")
    assert QuarterlyReview.objects.get().conclusions["risk"]["changes"] is True
    second = script.send("POST", f"{one}reviews/").json()
    assert second["previous"] == begun.json()["id"]
    assert second["answers"][2]["note_before"] == "risk"
    listed = script.send("GET", f"{one}reviews/").json()["results"]
    assert [each["id"] for each in listed] == [second["id"], begun.json()["id"]]


def test_a_question_that_nobody_asks_is_not_there(script: Program, one: str) -> None:
    review = script.send("POST", f"{one}reviews/").json()["id"]
    answer = script.send("PUT", f"{one}reviews/{review}/answers/luck/", {"changes": False})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_defi_allocation_takes_the_yields_that_are_given(script: Program) -> None:
    address = "/defi-allocation/?position=usd-coin:3000:0.05&position=ethereum:1000:0"
    told = script.send("GET", address).json()
    assert (told["total"], told["stables"], told["annual_yield"]) == (4000, 0.75, 150)
    assert [(row["asset"], row["rate"]) for row in told["positions"]] == [
        ("usd-coin", 0.05), ("ethereum", 0),
    ]  # fmt: skip
    unknown = script.send("GET", "/defi-allocation/?position=usd:1")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_asset")  # money
    nothing = script.send("GET", "/defi-allocation/?position=ethereum:0&position=aave:0.00")
    assert (nothing.status_code, nothing.json()["code"]) == (400, "invalid")
    assert "No position is above zero." in nothing.content.decode()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/market/correlations/bitcoin/bitcoin/", 404),
        ("/market/correlations/bitcoin/nothing/", 404),
        ("/market/correlations/bitcoin/ethereum/?window=7", 400),
        ("/market/volatility/?asset=nothing", 422),
    ],
)
def test_what_is_not_measured_is_not_told(path: str, status: int, script: Program) -> None:
    assert script.send("GET", path).status_code == status


def test_a_model_tells_what_was_claimed_of_it(script: Program) -> None:
    models = script.send("GET", "/model-portfolios/").json()
    claims = {each["slug"]: each["claims"] for each in models}
    assert claims["moderate"][0]["claimed"] == "at most −35 %"
