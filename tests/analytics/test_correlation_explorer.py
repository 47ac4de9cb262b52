"""The correlation explorer: independent figures, young tokens, clusters, pages and their speed."""

import html
import re
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from scipy import stats

from analytics.core import clusters
from analytics.models import AssetDay, ClusterDay, NightlyRun
from analytics.selectors import (
    correlation_explorer,
    correlation_pairs,
    correlations,
    heatmaps,
    market_days,
)
from analytics.selectors.correlations import View
from analytics.services import asset_days, cluster_days
from portfolios.models import Asset
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
LAST_DAY = date(2024, 12, 31)
EXPLORER = reverse("analytics:correlation")
HEATMAP = reverse("analytics:correlation-heatmap")


@pytest.fixture(scope="module")
def real(loaded_market: Path) -> pd.DataFrame:
    """The real closes in the database, and read independently of it: a column a ticker."""
    files = sorted(loaded_market.glob("*.csv"))
    return pd.DataFrame(
        {
            path.stem: pd.read_csv(path, index_col="date", parse_dates=True)["close"]
            for path in files
        }
    )


Night = Callable[[date], Client]


@pytest.fixture
def night(real) -> Night:
    """Publish what was known at a close, and open the site as somebody."""

    def publish(as_of: date) -> Client:
        NightlyRun.objects.create(as_of=as_of, is_current=True, state="published")
        asset_days.refresh(as_of=as_of)
        client = Client()
        client.force_login(UserFactory())
        return client

    return publish


def words(response) -> str:
    text = re.sub(r"<[^>]+>", " ", response.content.decode())
    return html.unescape(re.sub(r"\s+", " ", text))


# --- Independent figures --------------------------------------------------------------------------


def winsorised(returns: pd.DataFrame) -> pd.DataFrame:
    reach = 5 * (returns - returns.median()).abs().median()
    return returns.clip(returns.median() - reach, returns.median() + reach, axis=1)


def pearson(returns: pd.DataFrame) -> tuple[float, int]:
    both = winsorised(returns).dropna()
    return stats.pearsonr(both.iloc[:, 0], both.iloc[:, 1]).statistic, len(both)


def residual(returns: pd.DataFrame) -> pd.DataFrame:
    """What scipy's line through each asset's days with Bitcoin leaves."""
    left = {}
    for name in returns.columns.drop("BTC"):
        both = returns[["BTC", name]].dropna()
        line = stats.linregress(both["BTC"], both[name])
        left[name] = both[name] - line.intercept - line.slope * both["BTC"]
    return pd.DataFrame(left, index=returns.index)


def test_a_random_sample_of_pairs_windows_and_days_equals_pandas_and_scipy(real) -> None:
    generator = np.random.default_rng(20241231)
    assets = {asset.symbol: asset for asset in Asset.objects.all()}
    coins = real.columns.drop(["USDT", "BTC"])
    told = 0
    for _ in range(60):
        as_of = LAST_DAY - timedelta(days=int(generator.integers(0, 1800)))
        first, second = generator.choice(coins, 2, replace=False)
        window = int(generator.choice(correlations.WINDOWS))
        kind = str(generator.choice(list(correlations.DAYS)))
        without = bool(generator.integers(2))
        view = View(window=window, days=kind, without_bitcoin=without)
        chosen = [assets["BTC"], assets[first], assets[second]]
        returns = correlations.read_returns(as_of=as_of, assets=chosen)
        found = correlations.correlate(returns, view).of(chosen[1:])

        year = real.loc[: pd.Timestamp(as_of), ["BTC", first, second]].iloc[-366:]
        year = year.pct_change(fill_method=None).iloc[1:]
        moves = year.iloc[-window:]
        size = moves["BTC"].abs()
        stressed = size >= size.nlargest(int(np.ceil(0.1 * size.notna().sum()))).min()
        looked_at = {"all": size >= -1, "calm": ~stressed, "stressed": stressed}[kind]
        needed = 18 if kind == "stressed" else min(60, int(looked_at.sum()))
        if year[[first, second]].dropna().shape[0] < 60:
            assert np.isnan(found.pairwise.correlation[0, 1]), (as_of, first, second)
            continue
        if moves[[first, second]][looked_at].dropna().shape[0] < needed:
            assert np.isnan(found.pairwise.correlation[0, 1]), (as_of, first, second)
            continue
        looked_through = residual(moves) if without else moves[[first, second]]
        expected, days = pearson(looked_through[looked_at])
        assert found.pairwise.correlation[0, 1] == pytest.approx(expected, abs=1e-12)
        assert found.pairwise.overlap[0, 1] == days
        told += 1
    assert told >= 25


def test_the_history_of_a_pair_equals_pandas_on_random_days(real) -> None:
    generator = np.random.default_rng(5)
    assets = {asset.symbol: asset for asset in Asset.objects.all()}
    NightlyRun.objects.create(as_of=LAST_DAY, is_current=True, state="published")
    day = market_days.current(today=LAST_DAY)
    moves = real.pct_change(fill_method=None)
    for first, second, window in [("SOL", "AVAX", 90), ("ETH", "BTC", 30), ("ARB", "OP", 180)]:
        pair = correlation_pairs.read(
            day,
            first=assets[first],
            second=assets[second],
            bitcoin=assets["BTC"],
            window=window,
        )
        assert len(pair.history) == 365
        assert pair.history[-1].day == LAST_DAY
        for moment in generator.choice(np.array(pair.history, dtype=object), 8, replace=False):
            both = moves.loc[: pd.Timestamp(moment.day), [first, second]].iloc[-window:]
            assert moment.correlation == pytest.approx(pearson(both)[0], abs=1e-10)
            slope = stats.linregress(both[second], both[first]).slope
            assert moment.beta == pytest.approx(slope, rel=1e-8)
            assert moment.low < moment.correlation < moment.high
        # The matrix, the table and the end of the line say the same.
        assert pair.figures[0].correlation == pytest.approx(pair.latest.correlation, abs=1e-12)
        assert pair.figures[0].low == pytest.approx(pair.latest.low, abs=1e-9)
        year = real.loc[:, first].iloc[-366:]
        assert pair.falls[0].worst == pytest.approx((year / year.cummax() - 1).min(), abs=1e-4)
        together = moves[[first, second]].iloc[-window:]
        assert pair.together.both_fell == int(((together < 0).all(axis=1)).sum())


def test_the_articles_five_are_measured_beside_what_it_claims(night, real) -> None:
    page = words(night(LAST_DAY).get(EXPLORER))
    year = real.pct_change(fill_method=None).iloc[-365:]
    for symbol, claimed in {
        "SOL": 0.89,
        "AVAX": 0.87,
        "DOT": 0.91,
        "ATOM": 0.85,
        "NEAR": 0.88,
    }.items():
        measured = pearson(year[["BTC", symbol]])[0]
        assert measured < 0.8  # none is anywhere near the claim
        assert re.search(rf"{symbol} [\w ]+ {claimed:.2f} {measured:.2f} 0\.\d\d to 0\.\d\d", page)


# --- Young tokens ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "listed"), [("ARB", date(2023, 3, 23)), ("OP", date(2022, 6, 1))]
)
@pytest.mark.parametrize("age", [1, 40, 59, 60, 100, 119, 120])
def test_in_its_first_120_days_the_page_says_what_it_does_not_know(
    token, listed, age, night, real
) -> None:
    assert real[token].first_valid_index().date() == listed
    ids = [Asset.objects.get(symbol=symbol).coingecko_id for symbol in ("BTC", "ETH", token)]
    client = night(listed + timedelta(days=age))
    response = client.get(EXPLORER, {"assets": ids, "window": 180})
    page = words(response)
    if age < 60:
        assert f"{token} has {age} day" in page
        assert f"not enough days ({age} of 60) to say how it moves with others" in page
        assert f"Too little known to say: {token}" in page
        assert f">{age}/60</a>" in response.text
    elif age < 120:
        assert f"too few to build weights on ({age} of 120)" in page
        assert f"{age}/60" not in response.text
    else:
        assert "What is not known yet" not in page
    pair = reverse("analytics:correlation-pair", args=[ids[2], "ethereum"])
    for window in (30, 90):
        shown = words(client.get(pair, {"window": window}))
        assert (f"not enough days ({age} of 60)" in shown) == (age < 60)


# --- Clusters -------------------------------------------------------------------------------------


def test_the_night_tells_stability_and_a_request_never_resamples(night, monkeypatch) -> None:
    client = night(date(2022, 12, 31))
    cluster_days.refresh(as_of=date(2022, 12, 31))
    stored = ClusterDay.objects.get(window=365, without_bitcoin=False)
    assert ClusterDay.objects.count() == 2 * len(correlations.WINDOWS)
    assert len(stored.asset_ids) == len(stored.labels) == len(stored.shares) <= 20

    def resample(*args, **options):
        raise AssertionError("a request resamples")

    monkeypatch.setattr(clusters, "stability", resample)
    page = words(client.get(EXPLORER, {"window": "365"}))
    sizes = np.bincount(stored.labels)
    assert f"{sizes.max()} tokens, about one bet stable" in page
    assert "stability not measured" not in page
    other = words(client.get(EXPLORER, {"window": "365", "assets": ["solana", "near", "cosmos"]}))
    assert "3 tokens, about one bet stability not measured" in other
    stressed = words(client.get(EXPLORER, {"window": "365", "days": "stressed"}))
    assert "stability not measured" in stressed


def test_a_cluster_that_seldom_comes_back_is_called_not_stable(night) -> None:
    client = night(date(2022, 12, 31))
    cluster_days.refresh(as_of=date(2022, 12, 31))
    stored = ClusterDay.objects.get(window=365, without_bitcoin=False)
    stored.shares = [0.794] * len(stored.shares)
    stored.save()
    page = words(client.get(EXPLORER, {"window": "365"}))
    assert "about one bet not stable" in page
    assert "it came back in 79.4 % of resampled histories" in page


def test_a_second_night_of_the_same_day_finds_the_same(night) -> None:
    night(LAST_DAY)
    for _ in range(2):
        cluster_days.refresh(as_of=LAST_DAY)
    assert ClusterDay.objects.count() == 2 * len(correlations.WINDOWS)


# --- The page -------------------------------------------------------------------------------------


def test_every_pair_of_the_heatmap_is_a_number_and_a_link_in_the_order_of_leaves(night) -> None:
    client = night(LAST_DAY)
    response = client.get(HEATMAP, {"window": "180"})
    assert response["HX-Push-Url"] == f"{EXPLORER}?window=180&days=all"
    heads = re.findall(r'<th scope="col">(\w+)</th>', response.text)
    assert heads == re.findall(r'<th scope="row">(\w+)</th>', response.text)
    assert len(heads) == correlations.UNIVERSE_SIZE
    cells = re.findall(r'<td class="(?:heat|cold)-\d"><a href="([^"]+)"', response.text)
    assert len(cells) == len(heads) * (len(heads) - 1)
    assert client.get(cells[0]).status_code == 200
    clustered = re.findall(
        r"about one bet</span>.*?<div>([\w, ]+)</div>", response.text, flags=re.S
    )
    for members in clustered:  # side by side
        places = sorted(heads.index(symbol) for symbol in members.split(", "))
        assert places == list(range(places[0], places[0] + len(places)))


def test_bitcoin_is_not_in_the_heatmap_once_its_part_is_removed(night) -> None:
    response = night(LAST_DAY).get(HEATMAP, {"bitcoin": "removed"})
    heads = re.findall(r'<th scope="col">(\w+)</th>', response.text)
    assert "BTC" not in heads
    assert len(heads) == correlations.UNIVERSE_SIZE - 1
    assert "after Bitcoin’s part is taken out" in words(response)


def test_too_many_assets_are_cut_off_and_it_says_so(night, monkeypatch) -> None:
    monkeypatch.setattr(correlation_explorer, "MOST_ASSETS", 3)
    chosen = ["bitcoin", "solana", "near", "cosmos", "solana", "aave"]
    page = night(LAST_DAY).get(HEATMAP, {"assets": chosen})
    assert page.text.count('<th scope="col">') == 3
    assert "2 more were chosen than are shown" in words(page)


@pytest.mark.parametrize(
    "asked",
    [
        {"window": "7"}, {"window": "9" * 400}, {"days": "wild"}, {"assets": ["no-such", "\x00"]},
        {"bitcoin": "yes"}, {"assets": ["bitcoin"]}, {"assets": ["bitcoin"], "bitcoin": "removed"},
        {"assets": ["usd-coin", "tether"], "days": "stressed", "window": "30"},
    ],
)  # fmt: skip
def test_a_nonsensical_question_is_answered_all_the_same(asked, night) -> None:
    assert night(LAST_DAY).get(EXPLORER, asked).status_code == 200


@pytest.mark.parametrize("pair", [("solana", "solana"), ("solana", "no-such")])
def test_a_pair_that_is_none_is_not_found(pair, night) -> None:
    address = reverse("analytics:correlation-pair", args=pair)
    assert night(LAST_DAY).get(address).status_code == 404


def test_a_pair_is_a_page_and_for_htmx_a_fragment_of_it(night) -> None:
    client = night(LAST_DAY)
    address = reverse("analytics:correlation-pair", args=["solana", "ethereum"])
    page = client.get(address)
    fragment = client.get(address, headers={"HX-Request": "true"})
    assert fragment.text.strip() in page.text
    assert "<html" not in fragment.text
    assert "HX-Request" in page["Vary"]
    assert "Closing prices of 31 December 2024 (UTC), from daily files" in words(page)


def test_steps_of_colour_cover_every_correlation() -> None:
    told = {heatmaps.heat(value) for value in np.linspace(-1, 1, 401)}
    assert told == {f"heat-{n}" for n in range(10)} | {f"cold-{n}" for n in range(5)}
    css = (Path(__file__).parents[2] / "portfolio_site/static/evenkeel.css").read_text()
    assert all(css.count(f".{name} {{") == 2 for name in told)  # in light and in dark


@pytest.mark.parametrize(
    "asked",
    [
        {"window": "365"},
        {"window": "365", "bitcoin": "removed"},
        {"window": "365", "days": "stressed"},
        {"everything": "yes", "window": "365"},
    ],
)
def test_a_fragment_takes_less_than_100_ms_on_the_full_real_data(asked, night) -> None:
    client = night(LAST_DAY)
    if asked.pop("everything", None):
        every = AssetDay.objects.filter(as_of=LAST_DAY)
        asked["assets"] = list(every.values_list("asset__coingecko_id", flat=True))
    pair = reverse("analytics:correlation-pair", args=["solana", "ethereum"])
    for address in (HEATMAP, pair):
        seconds = []
        for _ in range(8):
            with CaptureQueriesContext(connection) as queries:
                start = time.process_time()
                answer = client.get(address, asked, headers={"HX-Request": "true"})
                computing = time.process_time() - start
            assert answer.status_code == 200
            seconds.append(computing + sum(float(query["time"]) for query in queries))
        # Computing and queries, the least of eight: other work on the machine is not the page's.
        assert min(seconds) < 0.1, address
