"""The market through the API: ranges, CSV, what need not be sent again, and suggestions' lives."""

from typing import Any

import pytest

from analytics import tasks
from analytics.models import NightlyRun, SuggestionLife
from portfolios.models import DailyPrice, MarketSignal, Portfolio
from tests.api.conftest import AS_OF, Program, Programs
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def test_prices_come_as_json_and_as_csv(script: Program) -> None:
    path = "/assets/bitcoin/prices/?since=2024-12-31&until=2025-01-01"
    told = script.send("GET", path).json()
    day = {"date": "2024-12-31", "volume": None, "market_cap": None}
    assert told["prices"] == [day | dict.fromkeys(("open", "high", "low", "close"), 100.0)]
    for answer in (
        script.send("GET", f"{path}&format=csv"),
        script.send("GET", path, headers={"Accept": "text/csv"}),
    ):
        assert answer.headers["Content-Type"].startswith("text/csv")
        assert answer.content.decode().splitlines() == [
            "date,open,high,low,close,volume,market_cap",
            "2024-12-31,100.0,100.0,100.0,100.0,,",
        ]


def test_a_refusal_is_a_problem_whatever_was_asked_for(script: Program) -> None:
    path = "/assets/bitcoin/prices/?since=2025-01-02&until=2025-01-01&format=csv"
    answer = script.send("GET", path)
    assert (answer.status_code, answer.json()["code"]) == (422, "range")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_the_market_is_not_sent_again_until_it_changes(script: Program) -> None:
    path = "/assets/bitcoin/prices/"
    first = script.send("GET", path)
    assert first.headers["Cache-Control"] == "private, no-cache"
    seen = {"If-None-Match": first.headers["ETag"]}
    again = script.send("GET", path, headers=seen)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["RateLimit-Limit"]
    DailyPrice.objects.filter(asset__coingecko_id="bitcoin").update(close=101)
    assert script.send("GET", path, headers=seen).status_code == 200


def test_what_is_a_person_s_is_kept_by_nobody(script: Program, portfolio: Portfolio) -> None:
    answer = script.send("GET", f"/portfolios/{portfolio.pk}/")
    assert answer.headers["Cache-Control"] == "no-store"


def test_signals_come_of_one_market_or_of_all(script: Program) -> None:
    MarketSignal.objects.create(name="btc_dominance", date=AS_OF, value=0.5, source="a.csv")
    (row,) = script.send("GET", "/signals/?name=btc_dominance").json()["signals"]
    assert (row["value"], row["asset"], row["date"]) == (0.5, None, "2024-12-31")


@pytest.mark.parametrize(
    "query", ["?sinse=2024-01-01", "?since=yesterday", "?since=20240101", "?page_size=0x10"]
)
def test_a_parameter_that_makes_no_sense_is_refused(query: str, script: Program) -> None:
    path = "/portfolios/" if "page_size" in query else "/assets/bitcoin/prices/"
    answer = script.send("GET", path + query)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_the_article_s_trade_has_the_article_s_size(script: Program) -> None:
    told = script.send("GET", "/position-size/?entry=67000&stop=65500&target=72000").json()
    assert told["risk_amount"] == pytest.approx(200)
    assert told["quantity"] == pytest.approx(0.133333, abs=1e-6)
    assert told["reward_to_risk"] == pytest.approx(10 / 3)
    astray = script.send("GET", "/position-size/?entry=67000&stop=67000&target=72000")
    assert (astray.status_code, astray.json()["code"]) == (422, "no_calculation")


def test_drift_and_risk_are_the_night_s(script: Program, portfolio: Portfolio) -> None:
    (row,) = script.send("GET", "/drift/").json()["results"]
    assert (row["status"], row["worst_drift"], row["band"]) == ("in_breach", 0.4, 0.05)
    told = script.send("GET", f"/portfolios/{portfolio.pk}/risk/").json()
    position = told["positions"][0]
    assert position["drift"] == pytest.approx(0.4)
    assert position["in_breach"]


def test_a_portfolio_that_has_changed_is_calculated_and_asked_for_again(
    script: Program, portfolio: Portfolio, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[Any] = []
    monkeypatch.setattr(tasks.recompute_portfolio, "delay", rung.append)
    script.send("PATCH", f"/portfolios/{portfolio.pk}/", {"name": "Another"})
    for _ in range(2):
        answer = script.send("GET", f"/portfolios/{portfolio.pk}/risk/")
        assert (answer.status_code, answer.json()["code"]) == (409, "not_calculated")
        assert answer.headers["Retry-After"] == "3"
    assert rung == [portfolio.pk]


def test_before_the_first_night_nothing_is_told(script: Program) -> None:
    NightlyRun.objects.update(is_current=False)
    for path in ("/market/", "/market/assets/", "/market/correlations/"):
        answer = script.send("GET", path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_measured")


def test_a_suggestion_is_done_with_what_was_traded(script: Program, portfolio: Portfolio) -> None:
    path = f"/portfolios/{portfolio.pk}/suggestion/"
    told = script.send("GET", path).json()
    assert told["verdict"]["answer"] == "act"
    amounts = {trade["asset"]: trade["amount"] for trade in told["trades"]}
    assert amounts == {"bitcoin": -40, "ethereum": 40}
    assert script.send("POST", f"{path}snooze/", {"days": 3}).json()["state"] == "snoozed"
    assert script.send("POST", f"{path}reopen/").json()["state"] == "open"
    fill = {
        "asset": "bitcoin",
        "side": "sell",
        "quantity": "0.4",
        "price": "100",
        "on": "2025-01-01",
    }
    answer = script.send("POST", f"{path}done/", {"fills": [fill]})
    assert answer.json()["state"] == "done", answer.json()
    assert str(portfolio.holdings.get(asset__coingecko_id="bitcoin").quantity).startswith("0.6")
    assert SuggestionLife.objects.get().fill_quantities == [-0.4]


def test_correlations_are_of_what_was_asked_for(script: Program) -> None:
    told = script.send("GET", "/market/correlations/?asset=bitcoin&asset=solana&window=30").json()
    assert told["assets"] == ["bitcoin", "solana"]
    assert len(told["correlation"]) == len(told["correlation"][0]) == 2
    unknown = script.send("GET", "/market/correlations/?asset=nothing")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_asset")


def test_the_nights_are_told_to_staff(portfolio: Portfolio, program: Programs) -> None:
    script = program(UserFactory(is_staff=True))
    (night,) = script.send("GET", "/runs/").json()["results"]
    assert night["as_of"] == "2024-12-31"
    assert script.send("GET", "/runs/2024-12-31/").json()["stages"] == []
    assert script.send("GET", "/runs/2024-13-31/").status_code == 404
