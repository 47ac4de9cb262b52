"""The page of one asset: what is known of it, what is not, and what changed within a quarter."""

import html
import re
from datetime import date

import pandas as pd
import pytest
from django.test import Client
from django.urls import reverse

from analytics.models import NightlyRun
from analytics.selectors import asset_page, market_days
from analytics.services import asset_days
from portfolios.models import Asset, MarketSignal
from portfolios.services import catalogue
from tests.factories import UserFactory, own_asset
from tests.reading import unexplained

pytestmark = pytest.mark.django_db
LAST_DAY, QUARTER_AGO = date(2024, 12, 31), date(2024, 10, 1)


@pytest.fixture
def real(loaded_market):
    """The real market, and a night of its last day."""
    publish(LAST_DAY)
    return loaded_market


def publish(as_of: date) -> None:
    NightlyRun.objects.all().delete()
    NightlyRun.objects.create(as_of=as_of, is_current=True, state="published")
    asset_days.refresh(as_of=as_of)


def get(coingecko_id: str):
    client = Client()
    client.force_login(UserFactory())
    return client.get(reverse("analytics:asset", args=[coingecko_id]))


def words(coingecko_id: str) -> str:
    text = re.sub(r"<[^>]+>", " ", unexplained(get(coingecko_id).content.decode()))
    return html.unescape(re.sub(r"\s+", " ", text))


def test_what_changed_is_measured_at_both_closes(real) -> None:
    asset = Asset.objects.get(symbol="SOL")
    page = asset_page.read(market_days.current(today=LAST_DAY), asset)
    rows = pd.read_csv(real / "SOL.csv", index_col="date", parse_dates=True)
    changes = {change.label: change for change in page.changes}
    price = changes["Price, USD"]
    assert price.then == rows["close"].loc[pd.Timestamp(QUARTER_AGO)]
    assert price.growth == pytest.approx(price.now / price.then - 1)
    for label, day in (("then", QUARTER_AGO), ("now", LAST_DAY)):
        year = rows["close"].pct_change(fill_method=None).loc[: pd.Timestamp(day)].iloc[-365:]
        expected = ((year**2).ewm(halflife=30).mean().iloc[-1] * 365) ** 0.5
        assert getattr(changes["Volatility, % a year"], label) == pytest.approx(expected)
    assert changes["Correlation to Bitcoin"].difference == pytest.approx(
        page.figures.correlation - page.earlier.correlation
    )
    assert 1 <= changes["Rank among coins by 90-day growth"].now <= 22
    shown = words("solana")
    assert f"{price.then:,.2f} {price.now:,.2f}" in shown
    assert "1 Oct 2024" in shown


def test_fundamentals_are_told_with_their_day_or_as_no_data(real) -> None:
    bitcoin = words("bitcoin")
    assert re.search(r"Supply, units 19,[78]\d\d,\d{3}", bitcoin) or "Supply, units 198" in bitcoin
    assert "Active addresses a day no data" in bitcoin
    arbitrum = words("arbitrum")
    assert "Market cap, USD no data Supply, units no data" in arbitrum
    assert "Active addresses a day no data" in arbitrum
    assert "catalogue data, not measured" in arbitrum
    for day, value in ((QUARTER_AGO, 700_000), (LAST_DAY, 812_345)):
        MarketSignal.objects.create(
            name="active_addresses",
            asset=Asset.objects.get(symbol="BTC"),
            date=day,
            value=value,
            source="onchain_btc.csv",
        )
    again = words("bitcoin")
    assert "Active addresses a day 812,345" in again
    assert "Active addresses 700,000 812,345 +16.0 %" in again


def test_a_cap_that_ended_years_ago_says_so_and_is_no_change(real) -> None:
    shown = words("cosmos")
    assert re.search(r"Market cap, USD [\d,]+ of \d+ \w+ 20\d\d", shown)
    page = asset_page.read(
        market_days.current(today=LAST_DAY), Asset.objects.get(coingecko_id="cosmos")
    )
    assert "Supply, units" not in {change.label for change in page.changes}


def test_a_token_younger_than_a_quarter_has_no_change(real) -> None:
    publish(date(2023, 5, 1))
    shown = words("arbitrum")
    assert "No data of a quarter ago It has prices since 23 March 2023." in shown
    assert "not enough days (39 of 60)" in shown


def test_an_asset_without_prices_is_told_from_the_catalogue(real) -> None:
    shown = words("sui")
    assert "The data have no price of Sui" in shown
    assert "tier large" in shown
    assert get("usd").status_code == 200


def test_somebody_s_own_asset_and_an_unknown_one_are_not_found(real) -> None:
    own = own_asset(owner=UserFactory())
    assert get("no-such").status_code == 404
    assert get(str(own.pk)).status_code == 404


def test_before_the_first_night_it_explains() -> None:
    catalogue.load()
    assert "The market is not measured yet" in words("bitcoin")
