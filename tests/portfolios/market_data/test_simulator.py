"""The simulated market: a function of (seed, date), sound candles, the statistics of its model."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from portfolios.market_data import simulator
from portfolios.market_data.candles import Candle
from portfolios.market_data.simulator import ORIGIN, Array, SimulatedAsset

CALIBRATION: dict[str, Any] = json.loads(simulator.CALIBRATION.read_text())
BITCOIN = SimulatedAsset("bitcoin", "store-of-value")
ETHEREUM = SimulatedAsset("ethereum", "smart-contract-l1")
UNISWAP = SimulatedAsset("uniswap", "defi")
USDC = SimulatedAsset("usd-coin", "stablecoins")
DOLLAR = SimulatedAsset("usd", "cash")
NEW_MEME = SimulatedAsset("some-new-meme", "meme", starting_price=2.5e-5)
MARKET = [BITCOIN, ETHEREUM, UNISWAP, USDC, DOLLAR, NEW_MEME]
LONG_YEARS = 40


def after(days: int) -> date:
    return ORIGIN + timedelta(days=days)


def history(
    asset: SimulatedAsset, *, seed: int = 1, start: date = ORIGIN, end: date
) -> list[Candle]:
    return [candle for _, candle in simulator.candles([asset], seed=seed, start=start, end=end)]


def log_returns(candles: Iterable[Candle]) -> Array:
    return np.diff(np.log([candle.close for candle in candles]))


def long_returns(asset: SimulatedAsset, seed: int = 5) -> Array:
    return log_returns(history(asset, seed=seed, end=after(365 * LONG_YEARS)))


def clustering(returns: Array, lag: int) -> float:
    sizes = np.abs(returns)
    return float(np.corrcoef(sizes[lag:], sizes[:-lag])[0, 1])


def test_a_candle_depends_on_neither_the_days_asked_for_nor_the_other_assets() -> None:
    whole = dict[tuple[str, date], Candle]()
    for key, candle in simulator.candles(MARKET, seed=3, start=ORIGIN, end=after(1500)):
        whole[key, candle.date] = candle
    for asset in MARKET:
        for first, last in ((0, 0), (0, 7), (63, 64), (364, 801), (1499, 1500)):
            found = history(asset, seed=3, start=after(first), end=after(last))
            assert found == [whole[asset.key, after(day)] for day in range(first, last + 1)]


def test_the_market_extends_day_by_day() -> None:
    history_so_far: list[Candle] = []
    for day in range(40):
        history_so_far += history(ETHEREUM, start=after(day), end=after(day))
    assert history_so_far == history(ETHEREUM, end=after(39))


def test_another_process_sees_the_same_market() -> None:
    program = (
        "from portfolios.market_data import simulator as s;"
        "asset = s.SimulatedAsset('uniswap', 'defi');"
        "print(list(s.candles([asset], seed=9, start=s.ORIGIN, end=s.ORIGIN)))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONHASHSEED": "12345"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    here = list(simulator.candles([UNISWAP], seed=9, start=ORIGIN, end=ORIGIN))
    assert printed.strip() == str(here)


def test_another_seed_is_another_market() -> None:
    one, other = (log_returns(history(BITCOIN, seed=seed, end=after(2000))) for seed in (1, 2))
    assert abs(np.corrcoef(one, other)[0, 1]) < 4 / math.sqrt(2000)


@pytest.mark.parametrize("asset", MARKET, ids=lambda asset: asset.key)
def test_candles_are_whole_ordered_and_open_at_the_previous_close(asset: SimulatedAsset) -> None:
    candles = history(asset, end=after(1000))
    assert [candle.date for candle in candles] == [after(day) for day in range(1001)]
    for before, candle in pairwise(candles):
        assert candle.open == before.close
    for candle in candles:
        assert candle.low is not None
        assert candle.open is not None
        assert candle.high is not None
        assert 0 < candle.low <= min(candle.open, candle.close)
        assert max(candle.open, candle.close) <= candle.high < math.inf


def test_prices_start_where_the_calibration_left_or_where_they_are_told_to() -> None:
    assert (
        history(BITCOIN, end=ORIGIN)[0].open == CALIBRATION["assets"]["bitcoin"]["starting_price"]
    )
    assert history(NEW_MEME, end=ORIGIN)[0].open == 2.5e-5
    unknown = SimulatedAsset("unknown", "gaming")
    default = CALIBRATION["categories"]["gaming"]["starting_price"]
    assert history(unknown, end=ORIGIN)[0].open == pytest.approx(default, rel=1e-6)


def test_cash_is_exactly_one() -> None:
    assert {candle[1:] for candle in history(DOLLAR, end=after(1000))} == {(1, 1, 1, 1, None, None)}


def test_stablecoins_hug_one_dollar_with_rare_depegs_that_heal() -> None:
    deviations = np.array(
        [abs(candle.close - 1) for candle in history(USDC, end=after(365 * LONG_YEARS))]
    )
    assert np.mean(deviations < 0.005) > 0.98
    assert np.max(deviations) > 0.01
    assert np.max(deviations) < 0.15
    for depeg in np.flatnonzero(deviations > 0.02):
        assert np.min(deviations[depeg : depeg + 30]) < 0.005


def test_no_price_wanders_off_in_thirty_years() -> None:
    for seed in range(3):
        levels: dict[str, list[float]] = {}
        for key, candle in simulator.candles(
            [BITCOIN, ETHEREUM, UNISWAP, NEW_MEME], seed=seed, start=ORIGIN, end=after(365 * 30)
        ):
            levels.setdefault(key, []).append(candle.close)
        for key, closes in levels.items():
            assert min(closes) / closes[0] > 1e-3, key
            assert max(closes) / closes[0] < 1e3, key


def test_prices_have_no_long_run_drift() -> None:
    ends = np.array(
        [
            math.log(history(BITCOIN, seed=seed, start=after(1461), end=after(1461))[0].close)
            for seed in range(150)
        ]
    )
    start = math.log(CALIBRATION["assets"]["bitcoin"]["starting_price"])
    assert abs(ends.mean() - start) < 4 * ends.std() / math.sqrt(len(ends))


def test_volatility_is_the_calibrated_one() -> None:
    market = CALIBRATION["market"]["volatility"]
    for asset in (BITCOIN, ETHEREUM, UNISWAP):
        figures = CALIBRATION["assets"][asset.key]
        expected = math.hypot(figures["beta"] * market, figures["residual_volatility"])
        found = math.sqrt(np.mean([long_returns(asset, seed).var() for seed in range(4)]))
        assert found == pytest.approx(expected, rel=0.08)


def test_correlation_is_that_of_the_factor_model() -> None:
    market = CALIBRATION["market"]["volatility"]
    one, other = CALIBRATION["assets"]["uniswap"], CALIBRATION["categories"]["defi"]
    covariance = one["beta"] * other["beta"] * market**2 + (
        one["residual_volatility"]
        * other["residual_volatility"]
        * (
            one["altcoin_loading"] * other["altcoin_loading"]
            + one["group_loading"] * other["group_loading"]
        )
    )
    expected = covariance / math.prod(
        math.hypot(figures["beta"] * market, figures["residual_volatility"])
        for figures in (one, other)
    )
    unknown = SimulatedAsset("some-new-exchange-protocol", "defi")
    found = np.mean(
        [
            np.corrcoef(long_returns(UNISWAP, seed), long_returns(unknown, seed))[0, 1]
            for seed in range(4)
        ]
    )
    assert found == pytest.approx(expected, abs=0.04)


def test_members_of_a_category_move_together_more_than_strangers() -> None:
    one, two = SimulatedAsset("game-one", "gaming"), SimulatedAsset("game-two", "gaming")
    # Neither category has an altcoin of its own, so both have the figures of all altcoins.
    stranger = SimulatedAsset("stranger", "store-of-value")
    together = np.corrcoef(long_returns(one), long_returns(two))[0, 1]
    apart = np.corrcoef(long_returns(one), long_returns(stranger))[0, 1]
    assert apart + 0.02 < together < 0.95


def test_intraday_ranges_have_the_calibrated_variance() -> None:
    # The Rogers-Satchell estimator is unbiased for bridge extremes whatever the day's move is.
    candles = history(ETHEREUM, end=after(365 * LONG_YEARS))
    opened, high, low, close = np.log(np.array([candle[1:5] for candle in candles], dtype=float)).T
    variance = np.mean((high - close) * (high - opened) + (low - close) * (low - opened))
    assert variance / np.var(close - opened) == pytest.approx(CALIBRATION["range"], rel=0.05)


def test_tails_are_fatter_than_normal_even_within_one_regime() -> None:
    for asset in (BITCOIN, UNISWAP):
        returns = long_returns(asset)
        span = simulator.regimes(seed=5, start=after(1), end=after(365 * LONG_YEARS))
        normal = returns[[name == "normal" for _, name in span]]
        beyond = np.mean(np.abs(normal) > 4 * normal.std())
        assert beyond > 20 * math.erfc(4 / math.sqrt(2))


def test_large_moves_cluster() -> None:
    returns = long_returns(UNISWAP)
    noise = 1 / math.sqrt(len(returns))
    for lag in (1, 5, 20):
        assert clustering(returns, lag) > 3 * noise
    shuffled = np.random.default_rng(0).permutation(returns)
    assert abs(clustering(shuffled, 1)) < 4 * noise


def test_regimes_persist_and_all_of_them_come() -> None:
    names = [name for _, name in simulator.regimes(seed=5, start=ORIGIN, end=after(365 * 20))]
    stays: dict[str, list[bool]] = {}
    for today, tomorrow in pairwise(names):
        stays.setdefault(today, []).append(today == tomorrow)
    assert set(stays) == set(CALIBRATION["regimes"]["names"])
    for state, name in enumerate(CALIBRATION["regimes"]["names"]):
        chance = CALIBRATION["regimes"]["transitions"][state][state]
        error = math.sqrt(chance * (1 - chance) / len(stays[name]))
        assert abs(np.mean(stays[name]) - chance) < 4 * error


def test_stressed_days_are_more_volatile_than_calm_ones_as_calibrated() -> None:
    returns = long_returns(BITCOIN)
    names = np.array(
        [name for _, name in simulator.regimes(seed=5, start=after(1), end=after(365 * LONG_YEARS))]
    )
    scales = dict(
        zip(CALIBRATION["regimes"]["names"], CALIBRATION["regimes"]["scales"], strict=True)
    )
    ratio = returns[names == "stressed"].std() / returns[names == "calm"].std()
    assert ratio == pytest.approx(scales["stressed"] / scales["calm"], rel=0.15)


def test_a_successor_walks_its_predecessors_path_at_the_migration_ratio() -> None:
    maker = history(SimulatedAsset("maker", "defi"), end=after(800))
    sky = history(SimulatedAsset("sky", "defi"), end=after(800))
    ratios = np.array([old.close / new.close for old, new in zip(maker, sky, strict=True)])
    assert ratios == pytest.approx(24_000, rel=1e-5)


@pytest.mark.parametrize(
    ("form", "coin"), [("wrapped-bitcoin", BITCOIN), ("staked-ether", ETHEREUM)]
)
def test_a_form_follows_its_coin_and_strays_by_what_its_premium_allows(
    form: str, coin: SimulatedAsset
) -> None:
    """In the long run log premiums have a deviation of volatility / sqrt(1 - persistence²)."""
    figures = CALIBRATION["assets"][form]
    forms = history(SimulatedAsset(form, coin.category), end=after(3000))
    coins = history(coin, end=after(3000))
    premiums = np.log([one.close / other.close for one, other in zip(forms, coins, strict=True)])
    expected = figures["premium_volatility"] / math.sqrt(1 - figures["premium_persistence"] ** 2)
    assert premiums.std() == pytest.approx(expected, rel=0.25)
    assert abs(premiums.mean()) < expected / 2
    assert premiums.any()
    moves = [np.diff(np.log([candle.close for candle in each])) for each in (forms, coins)]
    assert np.corrcoef(*moves)[0, 1] > 0.995


def test_market_caps_follow_the_price_and_unknown_ones_stay_unknown() -> None:
    for candle in history(BITCOIN, end=after(300)):
        supply = CALIBRATION["assets"]["bitcoin"]["supply"]
        assert candle.market_cap == pytest.approx(candle.close * supply, rel=1e-9)
        assert candle.volume is not None
        assert candle.volume > 0
    assert {candle[5:] for candle in history(NEW_MEME, end=after(300))} == {(None, None)}


def test_volume_is_larger_on_days_of_large_moves() -> None:
    candles = history(BITCOIN, end=after(1500))[1:]
    sizes = np.array([abs(math.log(candle.close / (candle.open or 1))) for candle in candles])
    volumes = np.array([candle.volume or 0 for candle in candles])
    large = sizes > np.quantile(sizes, 0.9)
    assert np.median(volumes[large]) > 1.3 * np.median(volumes[~large])


def test_no_days_are_no_candles() -> None:
    assert history(BITCOIN, start=after(10), end=after(9)) == []


def test_days_before_the_origin_are_refused() -> None:
    with pytest.raises(ValueError, match="begins on 2022-01-01"):
        history(BITCOIN, start=after(-1), end=after(5))
    with pytest.raises(ValueError, match="begins on 2022-01-01"):
        simulator.regimes(seed=1, start=after(-1), end=after(5))


def test_an_uncalibrated_asset_of_an_unknown_category_is_refused_by_name() -> None:
    with pytest.raises(simulator.UnknownCategoryError, match="no-such-thing.*no-category"):
        history(SimulatedAsset("no-such-thing", "no-category"), end=ORIGIN)


def test_every_category_of_the_catalogue_can_be_simulated() -> None:
    for category in (*CALIBRATION["categories"], "stablecoins", "cash"):
        assert len(history(SimulatedAsset(f"new-{category}", category), end=after(9))) == 10
    assert len(CALIBRATION["categories"]) == 9
