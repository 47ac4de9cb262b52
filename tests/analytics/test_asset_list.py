"""The directory of assets: what the night stores of each, and the list that shows it."""

import html
import re
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from django.test import Client
from django.urls import reverse

from analytics.models import AssetDay, MarketSnapshot, NightlyRun
from analytics.selectors import asset_list, market_days
from analytics.services import asset_days, nights
from portfolios.models import Asset, PriceSource
from portfolios.services import catalogue, price_imports
from tests.analytics.conftest import AS_OF
from tests.factories import AssetFactory, UserFactory, asset_day

ADDRESS = reverse("analytics:asset-list")


def page(**asked: str) -> str:
    client = Client()
    client.force_login(UserFactory())
    return client.get(ADDRESS, asked).content.decode()


def words(text: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))


def tickers(**asked: str) -> list[str]:
    """The assets that the page lists, in its order."""
    return re.findall(r'class="fw-medium">(\w+)</span>', page(**asked))


@pytest.fixture
def measured(coins):
    nights.run_to_end(as_of=AS_OF)
    return coins


# --- What the night stores ------------------------------------------------------------------------


def test_a_night_stores_each_priced_asset_and_its_risk_as_the_market_snapshot_has_it(measured):
    days = {day.asset.symbol: day for day in AssetDay.objects.filter(as_of=AS_OF)}
    assert set(days) == {"BTC", "SOL", "UNI"}  # dollars have no price to measure
    snapshot = MarketSnapshot.objects.get()
    row = snapshot.asset_ids.index(measured["SOL"].pk)
    assert days["SOL"].volatility == pytest.approx(snapshot.daily_volatility[row] * 365**0.5)
    assert days["BTC"].correlation == pytest.approx(1)
    assert days["SOL"].common_days == 89
    assert (days["SOL"].age, days["SOL"].observed_days, days["SOL"].coverage) == (89, 90, 1)


def test_a_second_night_of_the_same_day_changes_nothing(measured):
    before = list(AssetDay.objects.order_by("pk").values())
    asset_days.refresh(as_of=AS_OF)
    assert list(AssetDay.objects.order_by("pk").values()) == before


def test_too_few_common_days_leave_the_correlation_out_and_tell_how_many(measured):
    nights.run_to_end(as_of=AS_OF - timedelta(days=31))  # 59 closes: 58 returns
    young = AssetDay.objects.get(as_of=AS_OF - timedelta(days=31), asset=measured["SOL"])
    assert (young.correlation, young.common_days) == (None, 58)
    assert young.volatility is not None
    nights.run_to_end(as_of=AS_OF - timedelta(days=29))
    older = AssetDay.objects.get(as_of=AS_OF - timedelta(days=29), asset=measured["SOL"])
    assert older.correlation is not None
    assert older.common_days == 60


@pytest.fixture(scope="module")
def tables(market_directory):
    return {
        path.stem: pd.read_csv(path, index_col="date", parse_dates=True)
        for path in market_directory.glob("*.csv")
    }


@pytest.fixture
def real(db, market_directory, settings, tables):
    settings.MARKET_DATA_DIR = str(market_directory)
    catalogue.load()
    price_imports.refresh(as_of=date(2024, 12, 31))
    return tables


@pytest.mark.parametrize("as_of", [date(2022, 8, 15), date(2024, 9, 30)])
def test_real_figures_equal_plain_pandas(real, as_of):
    asset_days.refresh(as_of=as_of)
    day = pd.Timestamp(as_of)
    closes = pd.DataFrame({name: rows["close"] for name, rows in real.items()}).loc[:day]
    stored = AssetDay.objects.filter(as_of=as_of).select_related("asset__category")
    assert len(stored) == closes.notna().any().sum()
    for each in stored:
        close = closes[each.asset.symbol].dropna()
        year = closes[each.asset.symbol].iloc[-366:].dropna()
        assert each.close == close.iloc[-1]
        assert each.close_on == close.index[-1].date()
        assert each.first_close_on == close.index[0].date()
        assert each.observed_days == len(closes[each.asset.symbol].iloc[-365:].dropna())
        assert each.drawdown == pytest.approx(close.iloc[-1] / close.max() - 1)
        if len(year):
            assert each.max_drawdown == pytest.approx((year / year.cummax() - 1).min())
        peers = [
            other.asset.symbol
            for other in stored
            if other.asset.category == each.asset.category and other != each
        ]
        for place, period in enumerate((30, 90, 180)):
            growth = closes.iloc[-1] / closes.iloc[-1 - period]
            own, bitcoin, others = growth[each.asset.symbol], growth["BTC"], growth[peers].mean()
            for told, expected in (
                (each.changes[place], own - 1),
                (each.against_bitcoin[place], own / bitcoin - 1),
                (each.against_category[place], own / others - 1),
            ):
                assert (told is None) == np.isnan(expected)
                assert told is None or told == pytest.approx(expected)
        recent = real[each.asset.symbol].loc[:day].iloc[-30:]
        turnover = (recent["volume"] * recent["close"]).dropna()
        turnover = turnover[turnover.index > day - pd.Timedelta(days=30)]
        assert (each.volume is None) == turnover.empty
        if len(turnover):
            assert each.volume == pytest.approx(turnover.mean())


def test_a_quarter_earlier_is_measured_once_with_it(real):
    asset_days.refresh(as_of=date(2024, 9, 30))
    assert set(AssetDay.objects.values_list("as_of", flat=True)) == {
        date(2024, 9, 30), date(2024, 7, 1),
    }  # fmt: skip
    earlier = AssetDay.objects.get(as_of=date(2024, 7, 1), asset__symbol="SOL")
    AssetDay.objects.all().delete()
    asset_days.refresh(as_of=date(2024, 7, 1))
    again = AssetDay.objects.get(as_of=date(2024, 7, 1), asset__symbol="SOL")
    assert (again.correlation, again.volatility) == (earlier.correlation, earlier.volatility)


# --- What the page shows --------------------------------------------------------------------------


@pytest.fixture
def listed(db) -> dict[str, Asset]:
    """The catalogue's Bitcoin, Ether, Solana and Tether, and a night that measured them."""
    catalogue.load()
    PriceSource.objects.get_or_create(id=1, name="files")
    NightlyRun.objects.create(as_of=AS_OF, is_current=True, state="published")
    assets = {asset.symbol: asset for asset in Asset.objects.all()}
    figures = {
        "BTC": {"close": 60000, "volatility": 0.5, "correlation": 1},
        "ETH": {"close": 3000, "volatility": 0.6, "against_bitcoin": [0.3, None, None]},
        "SOL": {"close": 150, "volatility": 0.9, "correlation": None, "common_days": 59},
        "USDT": {"close": 1, "volatility": None, "close_on": AS_OF - timedelta(days=9)},
    }
    AssetDay.objects.bulk_create(
        asset_day(assets[symbol], as_of=AS_OF, **fields) for symbol, fields in figures.items()
    )
    return assets


def test_the_directory_goes_by_category_the_largest_first(listed):
    assert tickers() == ["BTC", "ETH", "SOL", "USDT"]
    text = words(page())
    assert "Closing prices of 30 June 2024 (UTC), from daily files" in text
    places = [text.rindex(name) for name in ("Store of Value", "Smart Contract L1s", "Stablecoins")]
    assert places == sorted(places)


def test_a_row_says_what_is_measured_what_is_assumed_and_what_is_not_known(listed):
    text = words(page())
    assert "ETH Ethereum 3,000.00 999 60.0 0.70 −20.0 3.0 +30.0 — — Core 100.0" in text
    assert "SOL Solana 150.00 999 90.0 — −20.0 6.5 +1.0 +2.0 +3.0 Large 100.0" in text
    assert "USDT Tether 1.00 of 21 Jun 2024" in text
    assert "catalogue data, not measured" in text


def test_strength_is_told_against_bitcoin_or_the_category(listed):
    assert "−1.0 −2.0 −3.0" in words(page(against="category"))
    assert "grew than that of its category’s other assets" in words(page(against="category"))
    assert "−1.0 −2.0 −3.0" not in words(page(against="nonsense"))


def test_it_is_searched_by_ticker_name_and_category(listed):
    assert tickers(q=" solana ") == ["SOL"]
    assert tickers(q="btc") == ["BTC"]
    assert tickers(q="smart contract") == ["ETH", "SOL"]
    assert tickers(category="stablecoins") == ["USDT"]
    assert tickers(category="no-such") == ["BTC", "ETH", "SOL", "USDT"]
    nothing = page(q="<b>")
    assert "Nothing found" in nothing
    assert '“<span class="text-break">&lt;b&gt;</span>”' in nothing


def test_it_is_sorted_by_every_head_and_turned_round_with_the_unknown_last(listed):
    day = market_days.current(today=AS_OF)
    for key, figure in asset_list.SORTED_BY.items():
        rows = asset_list.read(day, asset_list.Asked(sort=key)).rows
        turned = asset_list.read(day, asset_list.Asked(sort=f"-{key}")).rows
        known = [figure(row) for row in rows if figure(row) is not None]
        assert known == sorted(known)
        assert [figure(row) for row in turned if figure(row) is not None] == known[::-1]
        assert all(figure(row) is None for row in [*rows[len(known) :], *turned[len(known) :]])


@pytest.mark.parametrize(
    "asked", [{"sort": "--price"}, {"page": "9" * 500}, {"q": "\x00"}, {"against": "\x00"}]
)
def test_a_nonsensical_address_shows_the_directory_all_the_same(listed, asked):
    assert len(tickers(**asked)) == 4


def test_what_another_night_measured_is_not_in_it(listed):
    other = asset_day(AssetFactory(symbol="LATER"), as_of=AS_OF + timedelta(days=1))
    AssetDay.objects.bulk_create([other])
    assert tickers() == ["BTC", "ETH", "SOL", "USDT"]


@pytest.mark.django_db
def test_before_the_first_night_it_explains():
    assert "The market is not measured yet" in words(page())
