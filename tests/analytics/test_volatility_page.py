"""The volatility page: figures of real prices against plain pandas, and what is unavailable."""

import html
import re
from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from django.test import Client
from django.urls import reverse

from analytics.models import AssetDay, NightlyRun
from analytics.selectors import market_days, volatility_page
from portfolios.models import Asset, MarketSignal
from tests.factories import UserFactory, asset_day

pytestmark = pytest.mark.django_db
LAST_DAY = date(2024, 12, 31)
ADDRESS = reverse("analytics:volatility")
Read = Callable[..., volatility_page.VolatilityPage]


@pytest.fixture
def read(loaded_market) -> Read:
    """The page of a ticker at a close of the real data."""

    def page(symbol: str, as_of: date = LAST_DAY) -> volatility_page.VolatilityPage:
        asset = Asset.objects.get(symbol=symbol)
        NightlyRun.objects.all().delete()
        NightlyRun.objects.create(as_of=as_of, is_current=True, state="published")
        AssetDay.objects.all().delete()
        AssetDay.objects.bulk_create([asset_day(asset, as_of=as_of)])
        day = market_days.current(today=as_of)
        return volatility_page.read(day, wanted=asset.coingecko_id)

    return page


def words(**asked: str) -> str:
    client = Client()
    client.force_login(UserFactory())
    text = re.sub(r"<[^>]+>", " ", client.get(ADDRESS, asked).content.decode())
    return html.unescape(re.sub(r"\s+", " ", text))


def candles(directory, symbol: str, as_of: date) -> pd.DataFrame:
    rows = pd.read_csv(directory / f"{symbol}.csv", index_col="date", parse_dates=True)
    return rows.loc[: pd.Timestamp(as_of)]


@pytest.mark.parametrize(
    ("symbol", "as_of"),
    [("BTC", LAST_DAY), ("SOL", date(2022, 11, 20)), ("LINK", date(2023, 8, 1))],
)
def test_estimators_equal_their_formulas_in_pandas(symbol, as_of, read, market_directory) -> None:
    page = read(symbol, as_of)
    rows = candles(market_directory, symbol, as_of)
    month = rows.iloc[-30:]
    o, h, low, c = (month[name] for name in ("open", "high", "low", "close"))
    jump = np.log(o / rows["close"].shift(1).loc[month.index])
    rs = np.log(h / o) * np.log(h / c) + np.log(low / o) * np.log(low / c)
    k = 0.34 / (1.34 + 31 / 29)
    decay = rows["close"].pct_change(fill_method=None).iloc[-1126:] ** 2
    expected = {
        "Close to close": np.log(rows["close"]).diff().iloc[-30:].var(),
        "EWMA": decay.ewm(halflife=30).mean().iloc[-1],
        "Parkinson": (np.log(h / low) ** 2).mean() / (4 * np.log(2)),
        "Garman–Klass": (
            np.log(h / low) ** 2 / 2 - (2 * np.log(2) - 1) * np.log(c / o) ** 2
        ).mean(),
        "Rogers–Satchell": rs.mean(),
        "Yang–Zhang": jump.var() + k * np.log(c / o).var() + (1 - k) * rs.mean(),
    }
    told = {estimate.name: estimate.value for estimate in page.estimates}
    assert told == {name: pytest.approx(np.sqrt(365 * v)) for name, v in expected.items()}


def test_percentile_cone_and_true_range_equal_pandas(read, market_directory) -> None:
    page = read("ETH")
    rows = candles(market_directory, "ETH", LAST_DAY)
    returns = np.log(rows["close"]).diff()
    for horizon in page.horizons:
        series = (returns.rolling(horizon.days).std() * np.sqrt(365)).iloc[-730:]
        assert horizon.now == pytest.approx(series.iloc[-1])
        assert horizon.median == pytest.approx(series.median())
        assert horizon.percentile == pytest.approx((series.iloc[:-1] < series.iloc[-1]).mean())
    month = (returns.rolling(30).std() * np.sqrt(365)).iloc[-365:]
    assert page.estimates[0].percentile == pytest.approx((month.iloc[:-1] < month.iloc[-1]).mean())
    before = rows["close"].shift(1)
    true_range = np.maximum(rows["high"], before) - np.minimum(rows["low"], before)
    smoothed = true_range.iloc[-1095:].ewm(alpha=1 / 14, adjust=False).mean().iloc[-1]
    assert page.true_range.amount == pytest.approx(smoothed, rel=1e-9)
    assert page.true_range.share == pytest.approx(smoothed / rows["close"].iloc[-1])


def test_implied_less_realised_is_told_of_bitcoin_where_it_is_in_the_data(read) -> None:
    page = read("BTC")
    assert page.implied is None
    assert "No reading of Bitcoin’s implied volatility (DVOL) of this day" in words()
    bitcoin = Asset.objects.get(coingecko_id="bitcoin")
    MarketSignal.objects.bulk_create(
        MarketSignal(
            name="implied_volatility",
            asset=bitcoin,
            date=LAST_DAY - timedelta(days=n),
            value=0.55 + n / 1000,
            source="dvol.csv",
        )
        for n in range(300)
    )
    page = read("BTC")
    realised = page.estimates[0].value
    assert page.implied.value == 0.55
    assert page.implied.spread == pytest.approx(0.55 - realised)
    shown = words()
    assert f"DVOL is at {55:.1f} %." in shown
    spread = f"{(0.55 - realised) * 100:+.1f}".replace("-", "−")
    assert f"The spread is {spread} points" in shown
    assert [horizon.days for horizon in page.horizons if horizon.implied] == [30]
    read("ETH")
    assert "The data have implied volatility of Bitcoin only." in words(asset="ethereum")


@pytest.mark.parametrize("days", [1, 20, 45])
def test_a_young_token_has_what_its_days_tell_and_no_more(days, read) -> None:
    page = read("ARB", date(2023, 3, 23) + timedelta(days=days))
    assert page.observed == (days >= 30)
    assert all((each.value is None) == (days < 30) for each in page.estimates)
    assert all(horizon.median is None for horizon in page.horizons if horizon.days >= 30)
    assert page.estimates[0].percentile is None
    assert ("no data" in words()) == (days < 30)
    assert ("told once 30 daily returns in a row are known" in words()) == (days < 30)


def test_the_articles_tips_are_marked_as_its_opinion(read) -> None:
    read("BTC")
    shown = words()
    assert "What the article says to do its opinion" in shown
    for tip in ("Sell vol when", "Buy vol before", "Watch DVOL", "Term structure steepness"):
        assert tip in shown
    assert "not a suggestion of Evenkeel" in shown
    assert "advice" not in shown


@pytest.mark.parametrize("asked", [{"asset": "no-such"}, {"asset": "\x00"}, {"asset": "usd"}])
def test_another_asset_than_is_known_shows_bitcoin(asked, read) -> None:
    read("BTC")
    assert "Bitcoin, the last 30 days" in words(**asked)


def test_before_the_first_night_it_explains() -> None:
    assert "The market is not measured yet" in words()
