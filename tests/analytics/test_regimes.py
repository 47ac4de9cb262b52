"""The regime of a night and of all days before it, on a real database."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from analytics.core import regime_signals
from analytics.models import NightlyRun, RegimeDay, SwitchingReview
from analytics.services import regimes, switching
from portfolios.models import Asset, DailyPrice, MarketSignal
from portfolios.services import catalogue, price_imports, signal_imports
from tests.factories import AssetFactory
from tests.regime_oracle import in_pandas

pytestmark = pytest.mark.django_db

END = date(2024, 6, 30)
# The glitch of 2024-01-31 is known to be one on the next day only.
BEFORE, GLITCH, LAST = date(2024, 1, 30), date(2024, 1, 31), date(2024, 2, 2)


def walk(asset: Asset, *, days: int, seed: int, until: date = END) -> None:
    """Prices of a random walk up to a day."""
    path = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.03, days)))
    DailyPrice.objects.bulk_create(
        DailyPrice(
            asset=asset,
            date=until - timedelta(days=days - 1 - n),
            high=close * 1.01,
            low=close * 0.99,
            close=close,
        )
        for n, close in enumerate(path.tolist())
    )


@pytest.fixture
def bitcoin() -> Asset:
    asset: Asset = AssetFactory(symbol="BTC", coingecko_id="bitcoin")
    walk(asset, days=700, seed=1)
    return asset


def stored() -> list[dict[str, Any]]:
    """All days; without their sources, which are named on a day's own night only."""
    columns = ("date", "label", "days", "high_volatility", "percentile", "signals")
    days = list(RegimeDay.objects.order_by("date").values(*columns))
    for evidence in (evidence for day in days for evidence in day["signals"].values()):
        evidence.pop("source", None), evidence.pop("as_of", None)
    return days


# What is stored


def test_the_first_night_tells_all_days_since_the_trend_is_known(bitcoin: Asset) -> None:
    day = regimes.refresh(as_of=END)
    assert day.date == END
    assert RegimeDay.objects.count() == 700 - 199
    assert set(day.signals) == set(regime_signals.NAMES)
    assert not RegimeDay.objects.filter(label="unknown").exists()
    for before, after in zip(stored(), stored()[1:], strict=False):
        lasts = before["label"] == after["label"]
        assert after["days"] == (before["days"] + 1 if lasts else 1)


def test_a_missing_signal_is_unavailable_and_the_label_is_told_without_it(bitcoin: Asset) -> None:
    signals = regimes.refresh(as_of=END).signals
    available = {name for name, told in signals.items() if told["state"] is not None}
    assert available == {"trend", "drawdown", "realised_volatility", "true_range"}
    for name in set(signals) - available:
        assert signals[name]["value"] is None
        assert signals[name]["percentile"] is None
        assert signals[name]["high"] or signals[name]["low"]


def test_repeating_a_night_changes_nothing_and_asks_no_more(bitcoin: Asset) -> None:
    regimes.refresh(as_of=END)
    before = stored()
    with CaptureQueriesContext(connection) as captured:
        regimes.refresh(as_of=END)
    assert stored() == before
    assert len(captured) <= 25


def test_every_night_tells_what_a_later_one_would(bitcoin: Asset) -> None:
    for days in range(5, -1, -1):
        regimes.refresh(as_of=END - timedelta(days=days))
    night_by_night = stored()
    RegimeDay.objects.all().delete()
    regimes.refresh(as_of=END)
    assert stored() == night_by_night


def test_a_past_day_stays_as_it_was_told_until_it_is_told_anew(bitcoin: Asset) -> None:
    yesterday = END - timedelta(days=1)
    regimes.refresh(as_of=yesterday)
    MarketSignal.objects.bulk_create(
        MarketSignal(name="fear_greed", date=END - timedelta(days=n), value=10.0, source="x")
        for n in range(300)
    )
    regimes.refresh(as_of=END)
    told = dict(RegimeDay.objects.values_list("date", "signals__fear_greed__state"))
    assert told[yesterday] is None
    assert told[END] == -1
    NightlyRun.objects.create(as_of=END, is_current=True, state="published")
    call_command("relabel_regimes")
    told = dict(RegimeDay.objects.values_list("date", "signals__fear_greed__state"))
    assert told[yesterday] == -1


def test_relabelling_before_the_first_night_is_refused() -> None:
    with pytest.raises(CommandError, match="No night has measured"):
        call_command("relabel_regimes")


def test_without_any_price_of_that_day_the_regime_is_unknown(bitcoin: Asset) -> None:
    tomorrow = END + timedelta(days=1)
    day = regimes.refresh(as_of=tomorrow)
    assert (day.label, day.high_volatility) == ("unknown", None)
    Asset.objects.all().delete()
    assert regimes.refresh(as_of=END).label == "unknown"


def test_alts_are_counted_without_stablecoins_wrapped_tokens_and_inherited_days(
    bitcoin: Asset,
) -> None:
    for n in range(11):
        walk(AssetFactory(), days=300, seed=10 + n)
    for kind in (Asset.Kind.STABLECOIN, Asset.Kind.WRAPPED):
        walk(AssetFactory(kind=kind), days=300, seed=50)
    successor = AssetFactory()
    walk(successor, days=300, seed=60)
    DailyPrice.objects.filter(asset=successor, date__lt=END - timedelta(days=50)).update(
        migration_id=1
    )
    told = regimes.refresh(as_of=END).signals["alt_share"]
    assert told["counted"] == 11
    assert 0 <= told["value"] <= 1


# Real prices and signals


@pytest.fixture
def tell(market_directory: Path, settings: Settings) -> Callable[[date], RegimeDay]:
    settings.MARKET_DATA_DIR = str(market_directory)
    settings.MARKET_SIGNALS_DIR = str(market_directory.parent / "signals")
    catalogue.load()

    def night(day: date) -> RegimeDay:
        price_imports.refresh(as_of=day)
        signal_imports.refresh(as_of=day)
        return regimes.refresh(as_of=day)

    return night


def test_a_random_sample_of_signals_and_days_equals_plain_pandas(
    tell: Callable[[date], RegimeDay], real_market: pd.DataFrame
) -> None:
    end = date(2024, 12, 31)
    tell(end)
    oracle = in_pandas(real_market)
    generator, compared = np.random.default_rng(11), 0
    days = dict(RegimeDay.objects.values_list("date", "signals"))
    for day in generator.choice(sorted(days), 800):
        name = generator.choice(oracle.columns)
        told, wanted = days[day][name]["value"], oracle.loc[pd.Timestamp(day), name]
        if told is None:
            assert np.isnan(wanted) or name == "dominance_change"  # a day not confirmed
        else:
            assert told == pytest.approx(wanted, rel=1e-6, abs=1e-9)
            compared += 1
    assert compared > 400
    assert RegimeDay.objects.get(date=date(2020, 3, 20)).label == "high_volatility"
    assert RegimeDay.objects.get(date=date(2022, 12, 1)).label == "bear"
    assert RegimeDay.objects.get(date=end).signals["alt_share"]["counted"] >= 19


def test_a_glitch_is_not_used_on_its_day_and_never_repaints_it(
    tell: Callable[[date], RegimeDay],
) -> None:
    for day in (BEFORE, GLITCH, GLITCH + timedelta(days=1), LAST):
        tell(day)
    night_by_night = stored()
    assert RegimeDay.objects.get(date=GLITCH).signals["dominance_change"]["value"] is None
    regimes.refresh(as_of=LAST, rebuild=True)
    assert stored() == night_by_night


# Switching


def test_doing_nothing_is_holding_after_one_purchase() -> None:
    bitcoin = AssetFactory(coingecko_id="bitcoin")
    walk(bitcoin, days=1000, seed=1)
    walk(AssetFactory(coingecko_id="ethereum"), days=1000, seed=2)
    regimes.refresh(as_of=END)
    review = SwitchingReview.objects.get()
    rows = {row["name"]: row for row in review.policies}
    assert list(rows) == list(switching.POLICIES)
    closes = DailyPrice.objects.filter(asset=bitcoin)
    growth = closes.get(date=END).close / closes.get(date=review.since).close
    assert rows["hold_bitcoin"]["growth"] == pytest.approx(growth)
    for name in ("hold_bitcoin", "hold_mix"):
        assert rows[name]["trades"] == rows[name]["cost"] == 0
    assert rows["rebalance_mix"]["trades"] == rows["tilt_mix"]["trades"] > 0
    assert all(0 <= rows[name]["deflated_sharpe"] <= 1 for name in switching.COMPARED_WITH)


def test_leaving_in_bear_markets_trades_the_day_after_each_signal_and_pays_for_it() -> None:
    """The same again with a loop over the stored labels."""
    bitcoin = AssetFactory(coingecko_id="bitcoin")
    walk(bitcoin, days=1000, seed=1)
    walk(AssetFactory(coingecko_id="ethereum"), days=1000, seed=2)
    regimes.refresh(as_of=END)
    review = SwitchingReview.objects.get()
    since = {"date__gte": review.since}
    labels = list(
        RegimeDay.objects.filter(**since).order_by("date").values_list("label", flat=True)
    )
    prices = DailyPrice.objects.filter(asset=bitcoin, **since).order_by("date")
    closes = list(prices.values_list("close", flat=True))
    value, invested, trades = 1.0, labels[0] != "bear", 0
    for day in range(1, len(closes)):
        value *= closes[day] / closes[day - 1] if invested else 1
        wanted = labels[day - 1] != "bear"
        if wanted != invested:
            fee = switching.FEE_RATE
            value *= 1 / (1 + fee) if wanted else 1 - fee
            invested, trades = wanted, trades + 1
    row = {row["name"]: row for row in review.policies}["leave_bear"]
    assert trades >= 2
    assert (row["growth"], row["trades"]) == (pytest.approx(value), trades)


@pytest.mark.parametrize("days", [300, 700])
def test_without_a_year_of_labels_and_prices_nothing_is_reviewed(days: int) -> None:
    walk(AssetFactory(coingecko_id="bitcoin"), days=days, seed=3)
    walk(AssetFactory(coingecko_id="ethereum"), days=days, seed=4)
    regimes.refresh(as_of=END)
    assert not SwitchingReview.objects.exists()


def test_a_policy_that_was_in_cash_throughout_stops_no_night() -> None:
    for coingecko_id in ("bitcoin", "ethereum"):
        asset = AssetFactory(coingecko_id=coingecko_id)
        walk(asset, days=1000, seed=5)
        prices = list(DailyPrice.objects.filter(asset=asset).order_by("date"))
        for n, price in enumerate(prices):
            price.close = price.high = price.low = 1000 * 0.99**n * (1 + 0.001 * (n % 2))
        DailyPrice.objects.bulk_update(prices, ["close", "high", "low"])
    assert regimes.refresh(as_of=END).label in ("bear", "high_volatility")
    assert not SwitchingReview.objects.exists()
