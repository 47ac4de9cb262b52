"""The article's questions, answered with what the kernels measure on real prices."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analytics.core import backtests, correlation, market_mode, risk
from analytics.core.returns import simple_returns
from analytics.models import ClaimDay, NightlyRun
from analytics.selectors import answers, questions
from analytics.selectors import market as markets
from analytics.services import claim_days, market
from portfolios.models import Asset
from tests.core.test_article_claims import graded_models

AS_OF = date(2024, 12, 31)


@pytest.fixture(scope="module")
def measured(loaded_market, django_db_blocker):
    with django_db_blocker.unblock():
        market.refresh(as_of=AS_OF)
        claim_days.refresh(as_of=AS_OF)
    return loaded_market


@pytest.fixture
def figures(measured, db) -> dict:
    return ClaimDay.objects.get().figures


@pytest.fixture(scope="session")
def frame(market_directory) -> pd.DataFrame:
    """Closes out of the files, by symbol."""
    symbols = sorted({symbol for model in graded_models().values() for symbol in model})
    columns = {}
    for symbol in symbols:
        path = market_directory / f"{symbol}.csv"
        columns[symbol] = pd.read_csv(path, index_col="date", parse_dates=["date"])["close"]
    frame = pd.DataFrame(columns).loc["2020-12-31":"2024-12-31"]
    frame.loc["2023-04-26":, "USDT"] = 1.0
    return frame.ffill()


def walked(frame, weights, **options):
    targets = np.array([[weights.get(symbol, 0.0) for symbol in frame.columns]])
    return backtests.run(frame.to_numpy(), targets, fee_rate=0.0025, **options)


def worst_fall(nav) -> float:
    return float((nav[:, 0] / np.maximum.accumulate(nav[:, 0]) - 1).min())


def test_models_are_graded_as_the_backtest_kernel_grades_them_out_of_the_files(figures, frame):
    models = graded_models()
    bands = {"half_widths": np.full((1, frame.shape[1]), 0.05)}
    for name, stored in {
        "conservative": "model-conservative",
        "moderate": "model-moderate",
        "aggressive": "model-aggressive",
        "bitcoin": "bitcoin-100",
        "eight alts": "alts",
    }.items():
        there = walked(frame, models[name], **bands)
        found = figures["policies"][stored]
        assert found["max_drawdown"] == pytest.approx(worst_fall(there.nav))
        assert found["cagr"] == pytest.approx(there.nav[-1, 0] ** (365 / 1461) - 1)
        returns = there.nav[1:, 0] / there.nav[:-1, 0] - 1
        assert found["volatility"] == pytest.approx(returns.std(ddof=1) * np.sqrt(365))
        bitcoin = frame["BTC"].pct_change().to_numpy()[1:]
        assert found["correlation"] == pytest.approx(np.corrcoef(returns, bitcoin)[0, 1])
        assert found["rebalances_a_year"] == pytest.approx(there.rebalances[0] * 365 / 1461)


def test_calendars_and_buying_and_holding_are_the_kernels(figures, frame):
    moderate, days = graded_models()["moderate"], frame.index.values.astype("datetime64[D]")
    # The close before the first of a month calls, and the first trades.
    monthly = np.append(backtests.monthly(days, [1])[1:], [True])  # 1 January 2025 is one
    there = walked(frame, moderate, signals=monthly[None], schedule=[0])
    assert figures["policies"]["monthly"]["cagr"] == pytest.approx(
        there.nav[-1, 0] ** (365 / 1461) - 1
    )
    alone = walked(frame, moderate)
    assert figures["policies"]["never"]["max_drawdown"] == pytest.approx(worst_fall(alone.nav))
    units = pd.Series(moderate) * (frame / frame.iloc[0]).fillna(1.0)[list(moderate)]
    shares = units.div(units.sum(axis=1), axis=0)
    assert figures["grown"]["asset"] == "SOL"
    assert figures["grown"]["weight"] == pytest.approx(shares["SOL"].max())
    assert figures["grown"]["on"] == f"{shares['SOL'].idxmax():%Y-%m-%d}"


def test_stablecoins_replace_the_rest_in_proportion(figures, frame):
    moderate = graded_models()["moderate"]
    rest = {symbol: weight / 0.88 for symbol, weight in moderate.items() if symbol != "USDC"}
    for share in (0, 20, 70):
        mix = {symbol: weight * (1 - share / 100) for symbol, weight in rest.items()}
        bands = np.full((1, frame.shape[1]), 0.05)
        there = walked(frame, mix | {"USDC": share / 100}, half_widths=bands)
        found = figures["policies"][f"stables-{share}"]
        assert found["max_drawdown"] == pytest.approx(worst_fall(there.nav))


def test_risks_and_correlations_are_those_of_the_night(figures, measured):
    assets = list(Asset.objects.order_by("pk"))
    known, covariance = markets.risk(assets, np.array([a.pk for a in assets]), AS_OF)
    coins = np.array([a.kind == Asset.Kind.COIN for a in assets]) & known
    inside = covariance[np.ix_(coins, coins)]
    rho = correlation.of_covariance(inside)
    n = len(rho)
    average = risk.average_correlation(rho, np.ones((1, n), dtype=bool))[0]
    assert figures["coins"] == n
    assert figures["average_correlation"] == pytest.approx(average)
    symbols = [asset.symbol for asset in assets]
    is_money = np.array([asset.is_money for asset in assets])
    for name, positions in (("conservative", 7), ("moderate", 10), ("aggressive", 11)):
        model = graded_models()[name]
        row = np.array([[model.get(s, 0.0) for s in symbols]]) * ~is_money
        found = figures["models"][name]
        assert found["positions"] == positions
        assert found["effective_bets"] == pytest.approx(
            risk.diversification(row, covariance).effective_bets[0]
        )
        split = risk.contributions(row / row.sum(), covariance)
        share = split.contributions[0, symbols.index("BTC")] / split.volatility[0]
        assert found["bitcoin_risk"] == pytest.approx(share)


def test_the_curve_is_the_mean_over_every_choice_of_coins(figures, measured):
    assets = list(Asset.objects.order_by("pk"))
    known, covariance = markets.risk(assets, np.array([a.pk for a in assets]), AS_OF)
    coins = np.flatnonzero(np.array([a.kind == Asset.Kind.COIN for a in assets]) & known)
    pairs = [(i, j) for i in coins for j in coins if i < j]
    weights = np.zeros((len(pairs), len(assets)))
    for row, pair in enumerate(pairs):
        weights[row, list(pair)] = 0.5
    of_pairs = risk.contributions(weights, covariance).volatility
    told = {row["positions"]: row["volatility"] for row in figures["curve"]}
    assert told[2] == pytest.approx(np.sqrt((of_pairs**2).mean()))
    assert told[1] == pytest.approx(np.sqrt(np.diag(covariance)[coins].mean() * 365))


def test_calm_and_stressed_days_are_the_market_modes_of_the_last_year(figures, measured):
    ids = [a.pk for a in Asset.objects.filter(kind=Asset.Kind.COIN).order_by("pk")]
    panel = claim_days.prices.close_panel(end=AS_OF, days=366, asset_ids=ids)
    snapshot = market.MarketSnapshot.objects.get(as_of=AS_OF)
    panel = panel[[pk for pk in panel.columns if pk in snapshot.asset_ids]]
    place = list(panel.columns).index(Asset.objects.get(coingecko_id="bitcoin").pk)
    split = market_mode.calm_and_stressed(simple_returns(panel.to_numpy()), market=place)
    upper = np.triu_indices(panel.shape[1], 1)
    assert figures["calm"] == pytest.approx(np.nanmean(split.calm.correlation[upper]))
    assert figures["stressed"] == pytest.approx(np.nanmean(split.stressed.correlation[upper]))


def test_what_followed_steep_rises_is_counted_as_plain_loops_count_it(figures, market_directory):
    symbols = [
        a.symbol for a in Asset.objects.filter(kind=Asset.Kind.COIN)
        if (market_directory / f"{a.symbol}.csv").exists()
    ]  # fmt: skip
    days = pd.date_range("2020-12-31", "2024-12-31")
    closes = {
        symbol: pd.read_csv(market_directory / f"{symbol}.csv", index_col="date", parse_dates=True)[
            "close"
        ].reindex(days)
        for symbol in symbols
    }
    bitcoin, cases = closes.pop("BTC").to_numpy(), []
    for series in closes.values():
        close = series.to_numpy()
        for now in range(0, len(days) - 90, 30):
            rises = [
                close[day] / close[day - 30] - 1 if day >= 30 else np.nan
                for day in range(now - 364, now + 1)
            ]
            if now < 364 or np.isnan(rises).any() or np.isnan(close[now + 90]):
                continue
            if (np.array(rises) <= rises[-1]).mean() > 0.9:
                cases.append(close[now + 90] / close[now] - bitcoin[now + 90] / bitcoin[now])
    assert figures["chased"]["cases"] == len(cases)
    assert figures["chased"]["median"] == pytest.approx(np.median(cases))


def test_the_known_days_off_their_pegs_are_told(figures):
    dollar = next(peg for peg in figures["pegs"] if peg["symbol"] == "USDC")
    assert (dollar["on"], round(dollar["lowest"], 4)) == ("2023-03-11", 0.9715)


def test_a_rerun_replaces_the_day(measured, db):
    before = ClaimDay.objects.get().figures
    claim_days.refresh(as_of=AS_OF)
    assert ClaimDay.objects.get().figures == before


# --- The words ------------------------------------------------------------------------------------


def test_every_question_is_answered_on_real_prices_and_claims_that_fail_are_told(figures):
    page = questions.read(as_of=AS_OF, own={})
    told = {each.question.key: each.answer for each in (*page.questions, *page.mistakes)}
    assert len(told) == 13
    assert None not in told.values()
    balanced = told["balanced"]
    assert balanced.verdict == answers.IN_PART
    assert "0 of the 3 models stayed within the fall" in balanced.words[1]
    rows = {row[0]: row for row in balanced.table.rows}
    assert rows["Bitcoin alone"][1] == "−76.6"
    assert rows["Conservative"][4] == "7"
    assert "not the article’s 33 %" in told["rebalancing-never"].words[1]
    assert "35.7 %" in told["rebalancing-never"].words[1]
    assert "0.64 to 0.74, it names 0.85 to 0.91" in told["false-diversification"].words[1]
    assert told["false-diversification"].verdict == answers.IN_PART
    assert "20.0 % with 90 % of stablecoins" in told["stablecoins"].words[1]
    assert "0.9715 US dollars on 11 March 2023" in told["stablecoins"].words[2]


def test_the_verdict_follows_the_figures_by_a_hair(figures):
    policies = figures["policies"]
    policies["alts"]["max_drawdown"] = -0.5

    def verdict(fall: float) -> str:
        policies["model-moderate"]["max_drawdown"] = -fall
        return answers.balanced(figures).verdict

    assert verdict(0.3499) == answers.HOLDS
    assert verdict(0.3501) == answers.IN_PART
    assert verdict(0.5001) == answers.FAILS
    monthly, never = policies["monthly"], policies["never"]
    monthly |= {"cagr": 0.1, "max_drawdown": -0.5}
    for cagr, fall, expected in (
        (0.1001, -0.4999, answers.FAILS),
        (0.0999, -0.4999, answers.IN_PART),
        (0.0999, -0.5001, answers.HOLDS),
    ):
        never |= {"cagr": cagr, "max_drawdown": fall}
        assert answers.rebalancing(figures).verdict == expected


def test_bear_markets_are_judged_by_what_waiting_in_cash_did():
    def waiting(fall: float) -> answers.Answer:
        rows = [
            {"name": name, "max_drawdown": -each, "cagr": 0.1}
            for name, each in (("hold_bitcoin", 0.8), ("leave_bear", fall))
        ]
        return answers.bear_markets({"switching": rows, "switching_since": "2021-01-01"})

    assert waiting(0.55).verdict == answers.HOLDS
    assert "55.0 %, that of holding on 80.0 %: 31.2 % smaller" in waiting(0.55).words[0]
    assert (waiting(0.57).verdict, waiting(0.81).verdict) == (answers.IN_PART, answers.FAILS)
    assert answers.bear_markets({}) is None


def test_what_was_not_measured_is_said_and_nothing_made_up():
    for question in (*questions.QUESTIONS, *questions.MISTAKES):
        if question.key != "bear-markets":
            assert question.answer({"policies": {"bitcoin-100": {"max_drawdown": -0.5}}}) is None


# --- The page -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_before_a_night_with_a_year_of_prices_the_page_says_so():
    page = Client().get(reverse("analytics:questions")).text
    assert "Answers need a night with at least a year of Bitcoin’s closes" in page
    assert page.count("Not measured:") == 13


def test_a_visitor_reads_the_figures_in_few_queries(figures):
    NightlyRun.objects.create(as_of=AS_OF, state=NightlyRun.State.PUBLISHED, is_current=True)
    with CaptureQueriesContext(connection) as captured:
        page = Client().get(reverse("analytics:questions")).text
    assert len(captured) <= 3
    assert "31 December 2020 to 31 December 2024" in page
    assert "Not measured:" not in page
    assert "Yours" not in page
