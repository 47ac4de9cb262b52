"""Values, performance and past suggestions, as programs read them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from analytics.models import NightlyRun, PortfolioResult, Suggestion, SuggestionLife
from portfolios.models import Asset, DailyPrice, Portfolio
from tests.api.conftest import AS_OF, Programs, measure

pytestmark = pytest.mark.django_db


def test_performance_and_values_follow_the_closes(portfolio: Portfolio, program: Programs) -> None:
    closes = DailyPrice.objects.filter(asset__coingecko_id="bitcoin")
    closes.filter(date=AS_OF).update(close=110)
    script, one = program(portfolio.owner), f"/portfolios/{portfolio.pk}/"
    told = script.send("GET", f"{one}performance/?period=1y").json()
    assert (told["period"], told["begins"]) == ("all", "2024-12-30")  # shorter than a year
    (whole,) = told["periods"]
    assert whole["time_weighted"] == pytest.approx(0.1)
    assert (whole["contributions"], whole["gain"]) == (100, 10)
    assert [(day["value"], day["put_in"]) for day in told["days"]] == [(100, 100), (110, 100)]
    assert told["days"][-1]["bitcoin"] == pytest.approx(1.1)
    rows = script.send("GET", f"{one}performance/?format=csv").content.decode().splitlines()
    assert rows[2].startswith("2024-12-31,110.0,100.0,1.1")
    values = script.send("GET", f"{one}values/").json()["values"]
    assert values[-1] == {"date": "2024-12-31", "value": 110}


def test_past_suggestions_say_whether_following_would_have_helped(
    portfolio: Portfolio, program: Programs
) -> None:
    before, bitcoin = AS_OF - timedelta(days=30), Asset.objects.get(coingecko_id="bitcoin")
    run = NightlyRun.objects.create(as_of=before, state="published")
    DailyPrice.objects.all().delete()
    for day in range(31):  # Bitcoin falls from 100 to 90, ether stays
        for name, close in (("bitcoin", 100 - day / 3), ("ethereum", 100)):
            DailyPrice.objects.create(
                asset=Asset.objects.get(coingecko_id=name), date=before + timedelta(days=day),
                open=close, high=close, low=close, close=close,
            )  # fmt: skip
    measure(portfolio, bitcoin, run)
    SuggestionLife.objects.create(
        portfolio=portfolio, run=run, revision=portfolio.revision, state="dismissed",
        state_at=timezone.now(), level=0.4,
    )  # fmt: skip
    assert Suggestion.objects.count() == PortfolioResult.objects.count() == 2
    told = program(portfolio.owner).send("GET", f"/portfolios/{portfolio.pk}/suggestions/").json()
    (row,) = told["suggestions"]
    assert (row["as_of"], row["state"], row["is_followed"]) == ("2024-12-01", "dismissed", False)
    # Selling 40 of it would have kept 4, and cost 1.
    assert row["after_30_days"] == {"amount": pytest.approx(3), "share": pytest.approx(0.03)}
    assert row["after_90_days"] is None
    counted = {(each["days"], each["is_followed"]): each for each in told["tallies"]}
    assert (counted[30, False]["count"], counted[30, False]["mean"]) == (1, None)  # too few
