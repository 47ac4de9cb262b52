"""Following the night's suggestions through 2021–2024 on real prices is the backtest of the core.

The moderate model at 30 basis points, bands of 5 points and 10 while volatility is high. Arbitrum
was listed in March 2023: until its first close MATIC stands in, and on that close what MATIC is
worth becomes Arbitrum, at no cost.
"""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analytics.core import backtests, regime_signals, regimes
from analytics.models import Suggestion
from analytics.selectors.market import Market
from analytics.selectors.positions import CategoryTargets, CostChoices, OwnAssets, Positions
from analytics.services import cadences, measurements, plans, proposals
from portfolios.models.portfolios import Cadence

MODERATE = {
    "BTC": 0.35, "ETH": 0.20, "SOL": 0.08, "AVAX": 0.04, "ATOM": 0.03,
    "LINK": 0.05, "AAVE": 0.05, "ARB": 0.04, "GRT": 0.04, "USDC": 0.12,
}  # fmt: skip
TARGETS = np.array(list(MODERATE.values()))
N = len(TARGETS)
FEE, NARROW, WIDE = 0.003, 0.05, 0.10


def read_closes(directory: Path) -> pd.DataFrame:
    series = {
        symbol: pd.read_csv(directory / f"{symbol}.csv", index_col="date", parse_dates=True)[
            "close"
        ]
        for symbol in [*MODERATE, "MATIC"]
    }
    first = series["ARB"].index[0]
    later = series["ARB"] * series["MATIC"][first] / series["ARB"][first]
    before = series["MATIC"][: first - pd.Timedelta(days=1)]
    series["ARB"] = pd.concat([before, later])
    return pd.DataFrame(series)[list(MODERATE)].loc["2021":"2024"]


def high_volatility(directory: Path, days: pd.Index) -> np.ndarray:
    """As Bitcoin's own history until each day tells."""
    closes = pd.read_csv(directory / "BTC.csv", index_col="date", parse_dates=True)["close"]
    closes = closes["2019":"2024"]
    told = regimes.read(regime_signals.observations(closes.to_numpy()))
    states = pd.Series(told.states[regimes.NAMES.index("realised_volatility")] > 0, closes.index)
    return states.loc[days].to_numpy()


def night(
    quantities: np.ndarray,
    closes: np.ndarray,
    stormy: bool,
    *,
    day: date = date(2021, 1, 2),
    cadence: Cadence = Cadence.BANDS,
    stormy_days: frozenset[date] = frozenset(),
) -> measurements.Measurements:
    """What the night makes of one portfolio on one day."""
    none, ids = np.zeros((1, 0)), np.arange(1, N + 1)
    positions = Positions(
        portfolio_ids=np.array([1]),
        revisions=np.array([1], dtype=np.int32),
        tolerance_bands=np.array([NARROW]),
        wide_bands=np.array([WIDE]),
        relative_bands=np.array([np.nan]),
        cadences=np.array([list(Cadence).index(cadence)], dtype=np.int32),
        costs=CostChoices(
            fee_rates=np.array([FEE]),
            venue_ids=np.array([0]),
            as_maker=np.array([False]),
            withdraws=np.array([False]),
            risk_aversions=np.array([3.0]),
            horizons=np.array([0], dtype=np.int32),
            counts_tax=np.array([False]),
        ),
        listed_ids=ids,
        own=OwnAssets(none.astype(np.int64), np.zeros((4, 1, 0))),
        quantities=quantities[None],
        target_weights=TARGETS[None],
        category_targets=CategoryTargets(
            np.zeros(0, np.int64), none, none.astype(np.int64), np.zeros(0, np.int64)
        ),
        rules=None,
        roles=None,
    )
    market = Market(
        as_of=day,
        high_volatility=stormy,
        stormy_days=stormy_days,
        asset_ids=ids,
        closes=closes,
        earlier_closes=np.full((3, N), np.nan),
        measured=np.ones(N, dtype=bool),
        covariance=np.eye(N) * 0.0016,
        returns=np.zeros((365, N)),
        daily_volume=np.full(N, np.nan),
        assumed_volume=np.full(N, 2e6),
        spread_tiers=np.zeros(N, dtype=np.int64),
        venues={},
    )
    return measurements.measure(positions, market)


def follow(closes: np.ndarray, stormy: np.ndarray) -> tuple[list[tuple[int, float]], np.ndarray]:
    """Carry out at each close what the night before suggested for, at the prices of that close."""
    quantities, traded, nav, pending = TARGETS / closes[0], [], [1.0], False
    for day in range(1, len(closes)):
        if pending:
            amounts = plan_to_target(quantities, closes[day])
            traded.append((day, np.abs(amounts).sum() / (quantities * closes[day]).sum() / 2))
            quantities = quantities + amounts / closes[day]
        pending = len(night(quantities, closes[day], bool(stormy[day])).suggested) > 0
        nav.append(float((quantities * closes[day]).sum()))
    return traded, np.array(nav)


def follow_calendar(
    closes: np.ndarray, stormy: np.ndarray, days: list[date], cadence: Cadence
) -> tuple[list[tuple[int, float]], np.ndarray]:
    """Carry out the suggestion of each day of the calendar, at the close after it was made.

    A day has one suggestion (SuggestionLife.due_on): what is due already followed is over.
    """
    quantities, traded, nav, pending = TARGETS / closes[0], [], [1.0], False
    wild = frozenset(np.array(days)[stormy])  # a Monday is asked for what it was itself
    followed = cadences.due_on(cadence, as_of=days[0], stormy=wild)
    for row in range(1, len(closes)):
        if pending:
            amounts = plan_to_target(quantities, closes[row])
            traded.append((row, np.abs(amounts).sum() / (quantities * closes[row]).sum() / 2))
            quantities = quantities + amounts / closes[row]
        due = cadences.due_on(cadence, as_of=days[row], stormy=wild)
        told = night(
            quantities, closes[row], bool(stormy[row]),
            day=days[row], cadence=cadence, stormy_days=wild,
        )  # fmt: skip
        called = len(told.suggested) > 0 and told.verdicts.answer[0] != Suggestion.Answer.NOT_DUE
        assert due is not None or not called
        pending = called and due != followed
        followed = due or followed
        nav.append(float((quantities * closes[row]).sum()))
    return traded, np.array(nav)


def plan_to_target(quantities: np.ndarray, closes: np.ndarray) -> np.ndarray:
    values = (quantities * closes)[None]
    nothing = np.zeros(N)
    terms = plans.Terms(
        np.array([FEE]), nothing, nothing, nothing + 1, nothing + 1, 0.0, nothing, np.zeros(1)
    )
    drawn = plans.draw(values, terms, proposals.to_target(values, TARGETS[None]))
    return drawn.amounts[0]


def test_following_the_suggestions_is_the_backtest_trade_by_trade(market_directory):
    frame = read_closes(market_directory)
    assert len(frame) == 1461
    assert frame.notna().all().all()
    closes, stormy = frame.to_numpy(), high_volatility(market_directory, frame.index)
    assert 0.02 < stormy.mean() < 0.5
    backtest = backtests.run(
        closes,
        [TARGETS],
        half_widths=[np.full((1, N), NARROW), np.full((1, N), WIDE)],
        regimes=stormy.astype(int),
        fee_rate=FEE,
    )
    traded, nav = follow(closes, stormy)
    assert [day for day, _ in traded] == backtest.trade_day.tolist()
    assert len(traded) == backtest.rebalances[0] > 5
    np.testing.assert_allclose([t for _, t in traded], backtest.trade_turnover, rtol=1e-9)
    assert sum(t for _, t in traded) == pytest.approx(backtest.one_way_turnover[0], rel=1e-9)
    assert nav[-1] == pytest.approx(backtest.nav[-1, 0], rel=1e-9)


@pytest.mark.parametrize("cadence", [Cadence.MONTHLY, Cadence.ADAPTIVE, Cadence.QUARTERLY])
def test_following_a_calendar_is_the_backtest_of_its_schedule(market_directory, cadence):
    """As with the bands, every suggestion is followed, whatever its verdict."""
    frame = read_closes(market_directory)
    days = [day.date() for day in frame.index]
    closes, stormy = frame.to_numpy(), high_volatility(market_directory, frame.index)
    signal = [
        cadences.names(cadence, day, stormy=[day] if wild else []) and row > 0
        for row, (day, wild) in enumerate(zip(days, stormy, strict=True))
    ]
    backtest = backtests.run(closes, [TARGETS], signals=[signal], schedule=[0], fee_rate=FEE)
    traded, nav = follow_calendar(closes, stormy, days, cadence)
    assert [row for row, _ in traded] == backtest.trade_day.tolist()
    assert len(traded) == backtest.rebalances[0] >= 15
    np.testing.assert_allclose([t for _, t in traded], backtest.trade_turnover, rtol=1e-9)
    np.testing.assert_allclose(nav, backtest.nav[:, 0], rtol=1e-9)
