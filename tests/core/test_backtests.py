import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analytics.core import (
    backtest_trades,
    backtests,
    bands,
    errors,
    rebalancing,
    regimes,
    sharpe_ratios,
)


def walk(days, assets, seed=0, volatility=0.05):
    """Prices (days, assets) that start anywhere and wander off."""
    generator = np.random.default_rng(seed)
    moves = generator.normal(0, volatility, (days, assets))
    return generator.lognormal(2, 3, assets) * np.exp(np.cumsum(moves, axis=0))


def replay(closes, targets, half_width, labels, *, fee_rate=0.0, delay=1, signals=None):
    """One policy, night by night, by the kernels that serve one; no asset may be unlisted."""

    def breached(values, day):
        drift = rebalancing.drift([values / values.sum()], [targets[labels[day]]])
        return rebalancing.breached(drift, [half_width]).any()

    units, nav, turnover, pending = targets[labels[0]] / closes[0], [1.0], [], False
    for day in range(1, len(closes)):
        values = units * closes[day]
        if pending if delay else breached(values, day) or signals[day]:
            goal = targets[labels[day - delay]]
            trades = rebalancing.trades_to_target([values], [goal], [fee_rate])
            values = values + trades.amounts[0]
            units = values / closes[day]
            turnover.append((day, trades.one_way_turnover[0]))
        pending = breached(values, day) or signals[day]
        nav.append(values.sum())
    return np.array(nav), turnover


def bt_run(closes, targets, tolerance):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import bt

        names = [f"a{i}" for i in range(len(targets))]
        frame = pd.DataFrame(closes, pd.date_range("2020-01-01", periods=len(closes)), names)
        algos = [bt.algos.WeighSpecified(**dict(zip(names, targets, strict=True)))]
        algos += [bt.algos.RunIfOutOfBounds(tolerance), bt.algos.Rebalance()]
        strategy = bt.Strategy("bounds", algos)
        test = bt.Backtest(strategy, frame, integer_positions=False, progress_bar=False)
        test.run()
        values = test.strategy.values.to_numpy()[1:]
    return values / values[0], int((test.turnover.to_numpy()[2:] > 1e-9).sum())


def test_bt_with_its_bounds_after_the_weights_finds_the_same_values():
    closes, targets = walk(400, 5), np.array([0.4, 0.2, 0.2, 0.15, 0.05])
    expected, rebalances = bt_run(closes, targets, 0.3)
    backtest = backtests.run(closes, [targets], half_widths=[0.3 * targets], delay=0)
    assert rebalances > 10
    assert backtest.rebalances.tolist() == [rebalances]
    np.testing.assert_allclose(backtest.nav[:, 0], expected, rtol=1e-12)


def test_buy_and_hold_by_hand():
    backtest = backtests.run([[1.0, 10.0], [2.0, 10.0], [4.0, 5.0]], [[0.5, 0.5]], fee_rate=0.01)
    np.testing.assert_allclose(backtest.nav[:, 0], [1.0, 1.5, 2.25])
    assert backtest.rebalances.tolist() == backtest.cost.tolist() == [0]


def test_a_breach_is_traded_at_the_next_close_and_pays_its_fee_by_hand():
    # Half each; the first doubles: 2/3 is outside 10 points. A day later both have halved: 0.5
    # and 0.25. To 0.375 each: 0.125 each way, 1 % on 0.25 less what the cost itself saves.
    closes = [[1.0, 1.0], [2.0, 1.0], [1.0, 0.5], [1.0, 0.5]]
    backtest = backtests.run(closes, [[0.5, 0.5]], half_widths=[[0.1, 0.1]], fee_rate=0.01)
    np.testing.assert_allclose(backtest.nav[:, 0], [1.0, 1.5, 0.75 - 0.0025, 0.75 - 0.0025])
    assert backtest.trade_day.tolist() == [2]
    np.testing.assert_allclose(backtest.cost, [0.0025])
    np.testing.assert_allclose(backtest.one_way_turnover, [0.125 / 0.75])


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.003, 0.2]), st.sampled_from([0, 1]))
def test_replaying_night_after_night_is_the_same_trade_by_trade(seed, fee_rate, delay):
    closes, half_width = walk(60, 4, seed), 0.04
    generator = np.random.default_rng(seed)
    targets = generator.dirichlet(np.ones(4), generator.integers(1, 4))
    labels = generator.integers(0, len(targets), 60)
    signals = backtests.every(60, 17)
    nav, turnover = replay(
        closes, targets, half_width, labels, fee_rate=fee_rate, delay=delay, signals=signals
    )
    backtest = backtests.run(
        closes, targets[:, None], half_widths=[[half_width] * 4], regimes=labels,
        fee_rate=fee_rate, delay=delay, signals=[signals], schedule=[0],
    )  # fmt: skip
    np.testing.assert_allclose(backtest.nav[:, 0], nav, rtol=1e-12)
    assert backtest.trade_day.tolist() == [day for day, _ in turnover]
    np.testing.assert_allclose(backtest.trade_turnover, [each for _, each in turnover], atol=1e-12)
    np.testing.assert_allclose(backtest.one_way_turnover, sum(each for _, each in turnover))


def test_a_calendar_trades_on_the_close_after_its_days():
    days = np.arange("2024-01-30", "2024-03-05", dtype="datetime64[D]")
    signals = [backtests.monthly(days, [1, 15]), backtests.every(len(days), 10)]
    backtest = backtests.run(
        walk(len(days), 3), np.full((3, 3), 1 / 3), signals=signals, schedule=[0, 1, -1]
    )
    traded = [days[backtest.trade_day[backtest.trade_policy == policy]] for policy in range(3)]
    assert [str(day) for day in traded[0]] == ["2024-02-02", "2024-02-16", "2024-03-02"]
    assert np.diff(traded[1].astype(int)).tolist() == [10, 10]
    assert len(traded[2]) == 0
    assert backtest.breaches.tolist() == [0, 0, 0]


def test_a_daily_calendar_keeps_the_weights_whatever_prices_do():
    closes = walk(30, 3)
    backtest = backtests.run(
        closes, [[0.2, 0.3, 0.5]], signals=[np.ones(30, bool)], schedule=[0], delay=0
    )
    returns = closes[1:] / closes[:-1] @ [0.2, 0.3, 0.5]
    np.testing.assert_allclose(backtest.nav[1:, 0], np.cumprod(returns), rtol=1e-12)
    assert backtest.rebalances.tolist() == [30]


def test_bands_are_wide_only_while_volatility_is_high():
    # The drift of 8 points lies outside 5 and inside 10; calm comes on the fourth day.
    closes = [[1.0, 1.0], [1.4, 1.0], [1.4, 1.0], [1.4, 1.0], [1.4, 1.0]]
    half = [[0.5, 0.5]]
    backtest = backtests.run(
        closes, half, half_widths=[[[0.05] * 2], [[0.1] * 2]], regimes=[0, 1, 1, 0, 0], delay=0
    )
    assert backtest.trade_day.tolist() == [3]


def test_targets_follow_the_regime_a_day_later_at_a_fee_by_hand():
    # All of the first; the regime of the second asset is known at the close of day 1, and traded
    # for at that of day 2, though a third regime is known by then: one day later again.
    targets = [[[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]]]
    closes = [[1.0, 1.0, 1.0], [2.0, 1.0, 1.0], [2.0, 1.0, 1.0], [2.0, 3.0, 1.0], [9.0, 9.0, 1.0]]
    backtest = backtests.run(
        closes, targets, half_widths=[[0.1] * 3], regimes=[0, 1, 2, 2, 2], fee_rate=0.01
    )
    kept = (1 - 0.01) / (1 + 0.01)  # all sold, and what that brings spent, fees included
    assert backtest.trade_day.tolist() == [2, 3]
    np.testing.assert_allclose(backtest.nav[:, 0], [1, 2, 2 * kept, 6 * kept**2, 6 * kept**2])


def test_without_bands_a_change_of_targets_is_no_reason_to_trade_but_a_schedule_is():
    targets, regimes = [[[1.0, 0.0]], [[0.0, 1.0]]], np.array([0, 0, 1, 1, 1])
    switches = np.append(False, regimes[1:] != regimes[:-1])
    closes = walk(5, 2)
    assert len(backtests.run(closes, targets, regimes=regimes).trade_day) == 0
    backtest = backtests.run(closes, targets, regimes=regimes, signals=[switches], schedule=[0])
    assert backtest.trade_day.tolist() == [3]
    held = np.array([closes[1:4, 0] / closes[0, 0]])
    np.testing.assert_allclose(backtest.nav[1:4, 0], held[0])
    np.testing.assert_allclose(backtest.nav[4, 0], held[0, 2] * closes[4, 1] / closes[3, 1])


@pytest.mark.parametrize("to_edge", [False, True])
def test_regimes_that_ask_for_the_same_change_nothing(to_edge):
    closes, targets, widths = random_case()
    regimes = np.random.default_rng(0).integers(0, 3, len(closes))
    plain = backtests.run(closes, targets, half_widths=widths, fee_rate=0.003, to_edge=to_edge)
    tripled = backtests.run(
        closes, [targets] * 3, half_widths=[widths] * 3, regimes=regimes, fee_rate=0.003,
        to_edge=to_edge,
    )  # fmt: skip
    np.testing.assert_allclose(tripled.nav, plain.nav, rtol=1e-12)
    np.testing.assert_array_equal(tripled.trade_day, plain.trade_day)


def test_the_labels_of_the_regimes_are_a_policy_as_they_come(bitcoin_closes):
    closes = bitcoin_closes["2021":"2022"].to_numpy()
    figures = np.full((len(regimes.SIGNALS), len(closes)), np.nan)
    figures[regimes.NAMES.index("trend")] = np.where(np.arange(len(closes)) < 300, 0.1, -0.1)
    labels = regimes.judge(figures, figures).labels
    narrow, wide = np.full((1, 2), 0.05), np.full((1, 2), 0.10)
    widths = [wide if label == regimes.Label.HIGH_VOLATILITY else narrow for label in regimes.Label]
    prices = np.stack([closes, np.ones_like(closes)], axis=1)
    backtest = backtests.run(prices, [[0.5, 0.5]], half_widths=widths, regimes=labels)
    assert backtest.rebalances[0] > 0


@pytest.mark.parametrize(("band", "traded"), [(0.05, [2]), (0.5, [])])
def test_before_its_first_price_an_asset_is_cash_and_then_below_its_target(band, traded):
    # 40 % waits as cash, so a doubling of the first makes 1.6; on the second day the other has a
    # price, and is bought if 40 points below target are outside the band.
    closes = [[1.0, np.nan], [2.0, np.nan], [2.0, 8.0], [2.0, 9.0]]
    backtest = backtests.run(
        closes, [[0.6, 0.4]], half_widths=[[np.inf, band]], delay=0, fee_rate=0.0
    )
    assert backtest.trade_day.tolist() == traded
    np.testing.assert_allclose(backtest.nav[:3, 0], [1.0, 1.6, 1.6])
    np.testing.assert_allclose(backtest.nav[3, 0], 1.68 if traded else 1.6)


def test_waiting_cash_pays_no_fee():
    # 0.5 in cash buys for 0.5 - c at 10 %: c = 0.05 / 1.1 when nothing else has to move.
    closes = [[1.0, np.nan], [1.0, 1.0]]
    backtest = backtests.run(closes, [[0.0, 1.0]], half_widths=[[1.0, 0.1]], delay=0, fee_rate=0.1)
    np.testing.assert_allclose(backtest.nav[1], [1 - 0.1 / 1.1])


def random_case(policies=12, days=150, assets=5, seed=4):
    generator = np.random.default_rng(seed)
    closes = walk(days, assets, seed)
    closes[:40, 1], closes[:90, 3] = np.nan, np.nan
    targets = generator.dirichlet(np.ones(assets), policies)
    return (
        closes,
        targets,
        bands.half_widths(targets, generator.uniform(0.02, 0.1, policies), np.full(policies, 0.4)),
    )


@pytest.mark.parametrize("to_edge", [False, True])
def test_a_policy_alone_equals_the_same_one_in_a_batch(to_edge):
    closes, targets, widths = random_case()
    batch = backtests.run(closes, targets, half_widths=widths, fee_rate=0.003, to_edge=to_edge)
    for policy in range(len(targets)):
        one = slice(policy, policy + 1)
        alone = backtests.run(
            closes, targets[one], half_widths=widths[one], fee_rate=0.003, to_edge=to_edge
        )
        np.testing.assert_allclose(alone.nav, batch.nav[:, one], rtol=1e-12)
        np.testing.assert_allclose(alone.cost, batch.cost[one], rtol=1e-9, atol=1e-15)
        assert alone.rebalances == batch.rebalances[one]


def test_more_policies_than_one_chunk_are_no_different(monkeypatch):
    closes, targets, widths = random_case()
    whole = backtests.run(closes, targets, half_widths=widths, fee_rate=0.003)
    monkeypatch.setattr(backtests, "CHUNK_POLICIES", 5)
    monkeypatch.setattr(backtest_trades, "CHUNK_TRADES", 7)
    parts = backtests.run(closes, targets, half_widths=widths, fee_rate=0.003)
    np.testing.assert_allclose(parts.nav, whole.nav, rtol=1e-12)
    np.testing.assert_array_equal(parts.trade_day, whole.trade_day)
    np.testing.assert_array_equal(parts.trade_policy, whole.trade_policy)
    assert parts.policies_tried == len(targets)


@pytest.mark.parametrize("to_edge", [False, True])
def test_the_order_of_assets_does_not_matter(to_edge):
    closes, targets, widths = random_case()
    order = [3, 0, 4, 1, 2]
    plain = backtests.run(closes, targets, half_widths=widths, fee_rate=0.003, to_edge=to_edge)
    permuted = backtests.run(
        closes[:, order], targets[:, order], half_widths=widths[:, order], fee_rate=0.003,
        to_edge=to_edge,
    )  # fmt: skip
    np.testing.assert_allclose(permuted.nav, plain.nav, rtol=1e-11)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(0, 0.5), st.floats(0, 0.3), st.booleans())
def test_nothing_is_ever_nan_and_value_only_leaves_as_cost(seed, width, fee_rate, to_edge):
    closes = walk(50, 4, seed, 0.3)
    closes[: seed % 50, 2] = np.nan
    targets = np.random.default_rng(seed).dirichlet(np.ones(4), 3)
    targets[0] = [1.0, 0.0, 0.0, 0.0]
    backtest = backtests.run(
        closes, targets, half_widths=np.full((3, 4), width), fee_rate=fee_rate, to_edge=to_edge
    )
    assert np.isfinite(backtest.nav).all()
    assert (backtest.nav > 0).all()
    assert ((backtest.trade_cost >= 0) & (backtest.trade_cost < 1)).all()
    # The fee is paid on what is traded; waiting cash trades without one.
    bound = fee_rate * 2 * backtest.trade_turnover
    assert (backtest.trade_cost <= bound + 1e-12).all()
    if seed % 50 == 0:
        np.testing.assert_allclose(backtest.trade_cost, bound, atol=1e-12)


@settings(max_examples=15)
@given(st.integers(0, 1000), st.integers(20, 59))
def test_the_future_changes_nothing_that_was(seed, cut):
    closes = walk(60, 4, seed)
    generator = np.random.default_rng(seed)
    options = {"half_widths": np.full((3, 2, 4), 0.05), "fee_rate": 0.003}
    targets, regimes = generator.dirichlet(np.ones(4), (3, 2)), generator.integers(0, 3, 60)
    whole = backtests.run(closes, targets, regimes=regimes, **options)
    past = backtests.run(closes[:cut], targets, regimes=regimes[:cut], **options)
    np.testing.assert_allclose(past.nav, whole.nav[:cut], rtol=1e-12)


def test_the_best_of_many_is_deflated_by_all_that_were_tried():
    closes, targets, widths = random_case(policies=30)
    backtest = backtests.run(closes[95:], targets, half_widths=widths)
    deflated = backtests.deflated_sharpe(backtest)
    returns = backtest.nav[1:] / backtest.nav[:-1] - 1
    daily = returns.mean(axis=0) / returns.std(axis=0, ddof=1)
    skewness, kurtosis = stats.skew(returns), stats.kurtosis(returns, fisher=False)
    expected = sharpe_ratios.deflated(
        daily, days=float(len(returns)), skewness=skewness, kurtosis=kurtosis, trials=30,
        variance_of_trials=daily.var(ddof=1),
    )  # fmt: skip
    np.testing.assert_allclose(deflated.probability, expected.probability, rtol=1e-9)
    np.testing.assert_allclose(deflated.threshold, expected.threshold, rtol=1e-9)
    alone = backtests.deflated_sharpe(backtests.run(closes[95:], targets[:1]))
    assert alone.threshold.tolist() == [0.0]


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"closes": [[1.0, 1.0], [0.0, 1.0]]}, errors.NotPositivePriceError, "row 1, column 0"),
        ({"closes": [[1.0, 1.0], [1.0, np.nan]]}, errors.NotFiniteError, "row 1, column 1"),
        ({"closes": [[1.0, 1.0], [np.inf, 1.0]]}, errors.NotFiniteError, "row 1, column 0"),
        ({"closes": np.ones((0, 2))}, errors.ShapeError, "no day"),
        ({"closes": np.ones((2, 3))}, errors.ShapeError, "target_weights"),
        ({"target_weights": [[0.5, 0.4]]}, errors.WeightsSumError, "row 0"),
        ({"target_weights": [[1.5, -0.5]]}, errors.NegativeWeightError, "column 1"),
        ({"half_widths": [[0.1, -0.1]]}, errors.OutOfRangeError, "half_widths.*column 1"),
        ({"regimes": [0]}, errors.ShapeError, "regimes"),
        ({"regimes": [0, 1]}, errors.OutOfRangeError, "regimes at row 1"),
        ({"regimes": [0.0, 0.0]}, errors.ShapeError, "regimes.*integers"),
        ({"half_widths": [[[0.1, 0.1]]] * 2}, errors.ShapeError, "regimes is not given"),
        (
            {"target_weights": [[[0.5, 0.5]], [[0.5, 0.4]]], "regimes": [0, 1]},
            errors.WeightsSumError,
            "regime 1 of row 0",
        ),
        (
            {"half_widths": [[[0.1, 0.1]], [[np.nan, 0.1]]], "regimes": [0, 1]},
            errors.OutOfRangeError,
            "half_widths of regime 1.*column 0",
        ),
        (
            {"target_weights": [[[0.5, 0.5]]] * 2, "half_widths": [[[0.1, 0.1]]] * 3},
            errors.ShapeError,
            "half_widths",
        ),
        ({"signals": [[True]]}, errors.ShapeError, "signals"),
        ({"schedule": [0]}, errors.OutOfRangeError, "schedule.*row 0"),
        ({"fee_rate": 1.0}, errors.OutOfRangeError, "fee_rate"),
        ({"delay": 2}, errors.OutOfRangeError, "delay"),
    ],
)
def test_an_unusable_backtest_is_refused_by_name(changed, error, message):
    usable = {"closes": np.ones((2, 2)), "target_weights": [[0.5, 0.5]]} | changed
    with pytest.raises(error, match=message):
        backtests.run(**usable)


def test_unusable_schedules_are_refused_by_name():
    with pytest.raises(errors.OutOfRangeError, match="period"):
        backtests.every(10, 0)
    with pytest.raises(errors.OutOfRangeError, match="row 1"):
        backtests.monthly([1, 2], [1, 32])
    with pytest.raises(errors.UnsortedDaysError, match="row 0"):
        backtests.monthly([2, 1], [1])
