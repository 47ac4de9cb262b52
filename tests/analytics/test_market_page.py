"""The market page: the regime in a sentence, its evidence, its past, and what may come."""

import html
import re
from datetime import date, timedelta
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from analytics.core.regime_signals import SIGNALS
from analytics.models import NightlyRun, RegimeDay, SwitchingReview
from analytics.selectors import market_page
from analytics.selectors import regimes as regime_selector
from analytics.services import regimes, switching
from portfolios.models import MarketEvent, PriceSource
from portfolios.services import catalogue, price_imports, signal_imports
from tests.factories import UserFactory
from tests.reading import unexplained

pytestmark = pytest.mark.django_db

AS_OF = date(2024, 6, 30)


def evidence(**values: tuple[float, int]) -> dict[str, Any]:
    """The signals of a day: these with a value and a state, the others unavailable."""
    told = {}
    for signal in SIGNALS:
        value, state = values.get(signal.name, (None, None))
        told[signal.name] = {
            "value": value,
            "percentile": None if value is None else 0.123,
            "state": state,
            "judged": "percentile" if signal.by_percentile else "value",
            "high": signal.thresholds.high,
            "low": signal.thresholds.low,
            "decides": signal.decides,
            "source": None if value is None else "somewhere.csv",
            "as_of": None if value is None else "2024-06-29",
        }
    told["alt_share"]["counted"] = 17
    return told


def tell(label: str, *, days: int = 12, high: bool | None = False, **values: Any) -> RegimeDay:
    NightlyRun.objects.get_or_create(as_of=AS_OF, is_current=True, state="published")
    return RegimeDay.objects.create(
        date=AS_OF, label=label, days=days, high_volatility=high, signals=evidence(**values)
    )


def page() -> str:
    client = Client()
    client.force_login(UserFactory())
    response = client.get(reverse("analytics:market"))
    assert response.status_code == 200
    return response.text


def words(page: str) -> str:
    main = unexplained(page.partition('id="main"')[2])
    text = html.unescape(re.sub(r"<[^>]+>", " ", main)).replace("\xa0", " ")
    return re.sub(r"\s+([.,])", r"\1", " ".join(text.split()))


# The sentence


@pytest.mark.parametrize(
    ("label", "values", "sentence"),
    [
        ("bull", {"trend": (0.308, 1)},
         "bull market, for 12 days now: its close stands 30.8 % above its 200-day mean"),
        ("bear", {"trend": (-0.1, -1), "drawdown": (-0.355, -1)},
         "bear market, for 12 days now: its close stands 10.0 % below its 200-day mean and "
         "35.5 % below its peak"),
        ("high_volatility", {"realised_volatility": (0.695, 1)},
         "highly volatile, for 12 days now: its volatility over 30 days is 69.5 % a year, and "
         "12.3 % of the last 365 days were calmer"),
        ("altseason", {"alt_share": (0.8, 1)},
         "Altcoins lead, for 12 days now: 80.0 % of the 17 counted beat Bitcoin"),
        ("neutral", {"trend": (-0.01, 0), "drawdown": (-0.05, 0)},
         "No regime’s rule holds, for 12 days now: Bitcoin’s close stands 1.0 % below"),
        ("unknown", {}, "not known yet: a trend needs 200 days"),
    ],
)  # fmt: skip
def test_the_regime_is_told_in_one_sentence(label: str, values: Any, sentence: str) -> None:
    tell(label, high=label == "high_volatility", **values)
    assert sentence in words(page())


def test_it_is_said_what_the_label_was_made_from() -> None:
    tell("bull", trend=(0.2, 1), drawdown=(-0.1, 0), funding=(0.12, 1), fear_greed=(10, -1))
    told = words(page())
    assert "Told from: trend, drawdown. Unavailable: realised volatility, altcoins ahead" in told
    assert "Of 2 other signals that are available 1 speaks for it, too." in told
    day = RegimeDay.objects.get()
    day.signals["funding"] |= {"state": 0}
    day.save()
    assert "Of 2 other signals that are available none speaks for it." in words(page())


# The evidence


def test_every_signal_has_its_row_and_a_missing_one_is_unavailable_not_zero() -> None:
    tell("bull", trend=(0.2, 1), funding=(-0.02, -1), dominance_change=(-0.02, -1))
    rows = re.findall(r"<tr>.*?</tr>", page().partition('id="regime-evidence"')[2], re.DOTALL)
    told = {row: words(f'id="main"{row}') for row in rows}
    lines = [line for line in told.values() if "≥" in line or "≤" in line]
    assert len(lines) == len(SIGNALS)
    by_title = {
        wording.title: next(line for line in lines if f"{wording.title} {wording.what}" in line)
        for wording in regime_selector.WORDINGS.values()
    }
    assert (
        "+20.0 % 12.3 ≥ +3.0 until < 0.0 ≤ −3.0 until > 0.0 for a bull market"
        in (by_title["Trend"])
    )
    assert "−2.0 %" in by_title["Funding"]
    assert "for a bear market 29 Jun 2024 somewhere.csv" in by_title["Funding"]
    assert "−2.0 points" in by_title["Dominance"]
    assert "for an altseason" in by_title["Dominance"]
    assert "— — ≤ 0.0 until > 0.0 unavailable — none" in by_title["Term structure"]
    assert "percentile ≥ 90 until < 75 unavailable" in by_title["Liquidations"]
    assert sum("unavailable" in line for line in lines) == len(SIGNALS) - 3


def test_every_signal_has_its_words() -> None:
    assert set(regime_selector.WORDINGS) == {signal.name for signal in SIGNALS}
    spoken = {label for signal in SIGNALS for label in (signal.high, signal.low) if label}
    assert spoken == set(regime_selector.SPEAKS_FOR)
    assert set(market_page.POLICIES) == set(switching.POLICIES)


# What follows


@pytest.mark.parametrize(
    ("label", "high", "band", "opinion"),
    [
        ("bull", False, "± 5 points", "“Reduce stables, increase alt exposure.”"),
        ("bear", False, "± 5 points", "“Increase BTC %, increase stables.”"),
        ("high_volatility", True, "± 10 points",
         "“Reduce overall exposure, widen rebalance bands.”"),
        ("altseason", False, "± 5 points", "“Increase quality alt exposure.”"),
        ("neutral", False, "± 5 points", "The article names none"),
        ("unknown", None, "± 5 points", "a year of Bitcoin’s closes is needed"),
    ],
)  # fmt: skip
def test_the_band_in_force_and_the_articles_opinion_as_its_opinion(
    label: str, high: bool | None, band: str, opinion: str
) -> None:
    tell(label, high=high, trend=(0.1, 1), drawdown=(-0.1, 0), realised_volatility=(1, 1))
    told = words(page())
    assert f"Band in force {band}" in told
    assert opinion in told
    assert ("not a calculation of ours" in told) == (label not in ("neutral", "unknown"))
    assert "advice" not in told


def test_upcoming_events_are_listed_and_past_ones_not() -> None:
    tell("bull", trend=(0.1, 1))
    for days, title in ((-1, "Yesterday’s"), (3, "FOMC decision"), (40, "CPI <June>")):
        MarketEvent.objects.create(
            date=AS_OF + timedelta(days=days), title=title, kind="rates", link="https://example.org"
        )
    told = words(page())
    assert "3 Jul 2024 FOMC decision Interest rates 9 Aug 2024 CPI <June>" in told
    assert "Yesterday’s" not in told
    MarketEvent.objects.all().delete()
    assert "Nothing in the calendar" in words(page())


# The past


def test_the_past_is_a_chart_and_a_table_of_episodes() -> None:
    day = AS_OF - timedelta(days=30)
    for label, days in (("bear", 20), ("bull", 10)):
        for n in range(days):
            day += timedelta(days=1)
            if day < AS_OF:
                RegimeDay.objects.create(date=day, label=label, days=n + 1)
    tell("bull", days=10, trend=(0.1, 1))
    told = regime_selector.history(as_of=AS_OF)
    assert [(e.label, e.since, e.days, e.is_current) for e in told.episodes] == [
        ("bull market", date(2024, 6, 21), 10, True),
        ("bear market", date(2024, 6, 1), 20, False),
    ]
    assert told.chart == []  # without a price there is nothing to draw
    assert "No history yet" in words(page())


# Switching


def review_row(name: str, cagr: float, against: str | None = None) -> dict[str, Any]:
    return {
        "name": name, "against": against, "growth": 2.0, "cagr": cagr, "volatility": 0.5,
        "max_drawdown": -0.6, "sharpe": 1.1, "sharpe_standard_error": 0.4, "trades": 7,
        "turnover_a_year": 1.5, "cost": 0.03, "deflated_sharpe": 0.91 if against else None,
    }  # fmt: skip


def test_switching_is_shown_beside_doing_nothing_with_its_costs() -> None:
    tell("bull", trend=(0.1, 1))
    SwitchingReview.objects.create(
        as_of=AS_OF,
        since=date(2020, 1, 1),
        fee_rate=0.0025,
        policies=[
            review_row("hold_bitcoin", 0.30),
            review_row("leave_bear", 0.25, against="hold_bitcoin"),
        ],
    )
    told = words(page())
    assert "Bitcoin, bought and held +30.0 — 50.0 −60.0 1.10 ± 0.40 7 150.0 3.0 —" in told
    assert "Bitcoin, in cash in bear markets +25.0 −5.0 50.0 −60.0 1.10 ± 0.40 7 150.0 3.0" in told
    assert "a trade costs 0.25 % of its amount" in told
    assert "1 Jan 2020 to 30 Jun 2024" in told
    assert "2 policies were tried" in told


# On the full real data


def test_on_all_real_days_the_page_takes_nine_queries_and_a_tenth_of_a_second(
    market_directory: Path, settings: Settings
) -> None:
    settings.MARKET_DATA_DIR = str(market_directory)
    settings.MARKET_SIGNALS_DIR = str(market_directory.parent / "signals")
    catalogue.load()
    as_of = date(2024, 12, 31)
    price_imports.refresh(as_of=as_of)
    signal_imports.refresh(as_of=as_of)
    regimes.refresh(as_of=as_of)
    NightlyRun.objects.create(as_of=as_of, is_current=True, state="published")
    assert PriceSource.objects.exists()
    client = Client()
    client.force_login(UserFactory())
    address = reverse("analytics:market")
    told = words(client.get(address).text)
    assert "bull market, for 11 days now" in told
    assert "20 counted" in told
    assert "global.csv" in told
    assert "13 Jun 2019 to 31 Dec 2024" in told

    # Computing and queries, the least of seven: other work on the machine is not the page's.
    took = []
    for _ in range(7):
        with CaptureQueriesContext(connection) as captured:
            started = process_time()
            client.get(address)
            computing = process_time() - started
        took.append(computing + sum(float(query["time"]) for query in captured))
    assert min(took) < 0.1
    assert len(captured) <= 9
