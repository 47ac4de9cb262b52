"""A simulated market: seeded daily candles of any day since ORIGIN, from (seed, date) alone.

A regime-switching factor model of daily log returns. The regime R (calm, normal, stressed) is a
Markov chain whose scale k(R) multiplies every volatility of the day:

    bitcoin        k(R) market
    another asset  beta * bitcoin + k(R) volatility (a altcoins + g group + own)

with altcoins one factor of all of them, group one factor a category, and own the asset's own shock,
weighted so that the bracket has variance one. A wrapped or staked form walks its coin's path, times
a premium of its own that is pulled back to one. Shocks are unit-variance Student t, no larger than
LARGEST_SHOCK. Stablecoins stay near one dollar but for rare depegs; cash is exactly one.
The figures in calibration.json come from benchmarks/calibrate_simulator.py.

Drift: the log price is pulled to its starting level with a half-life of one year. The pull is
about a thirtieth of a typical day's move, so daily statistics keep their calibration, while the
level has no drift in the long run and a stationary spread (a standard deviation of a factor of
about 3 for a volatile altcoin) instead of wandering off to zero or infinity over the years.

Every stream of randomness (regime, a factor, an asset) is a Philox generator of its own, keyed by
a hash of (seed, name) and read in day order from ORIGIN with the same number of draws each day.
So a candle depends neither on the days asked for nor on the other assets. Raw generator output is
turned into shocks here, because only that is promised to be the same in every numpy version.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portfolios.market_data.candles import Candle

Array = NDArray[np.floating[Any]]

ORIGIN = date(2022, 1, 1)
MARKET = "bitcoin"
STABLECOINS = "stablecoins"
CASH = "cash"
LEVEL_HALFLIFE_DAYS = 365
LARGEST_SHOCK = 10.0
LARGEST_DEPEG = 0.1
PRICE_DIGITS = 8
CALIBRATION = Path(__file__).with_name("calibration.json")


class UnknownCategoryError(ValueError):
    """The asset is not calibrated, and neither is its category."""


@dataclass(frozen=True, slots=True)
class SimulatedAsset:
    """An asset by provider id; an id or price the calibration lacks comes from its category."""

    key: str
    category: str
    starting_price: float | None = None


@dataclass(frozen=True, slots=True)
class _Factors:
    """What all assets share, by day since ORIGIN."""

    seed: int
    scale: Array
    market: Array
    altcoins: Array
    groups: dict[str, Array]


def candles(
    assets: Iterable[SimulatedAsset], *, seed: int, start: date, end: date
) -> Iterator[tuple[str, Candle]]:
    """Yield (key, candle) asset by asset, each ascending from `start` to `end`, both included.

    Raises ValueError for days before ORIGIN, UnknownCategoryError for an asset without figures.
    """
    dates = _dates(start, end)
    if not dates:
        return
    first = (start - ORIGIN).days
    factors = _factors(seed, first + len(dates))
    for asset in assets:
        for row in zip(dates, *_columns(asset, factors, first), strict=True):
            yield asset.key, tuple.__new__(Candle, row)


def regimes(*, seed: int, start: date, end: date) -> list[tuple[date, str]]:
    """The regime behind each day: the truth that a test can hold an estimate against."""
    dates = _dates(start, end)
    names = _calibration()["regimes"]["names"]
    path = _regime_path(seed, (start - ORIGIN).days + len(dates))
    return [(day, names[path[(day - ORIGIN).days]]) for day in dates]


def _dates(start: date, end: date) -> list[date]:
    if start < ORIGIN:
        raise ValueError(f"The simulated market begins on {ORIGIN}; {start} is before it.")
    return [start + timedelta(days=day) for day in range((end - start).days + 1)]


@cache
def _calibration() -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(CALIBRATION.read_text(encoding="utf-8"))
    return figures


# What all assets share


def _factors(seed: int, days: int) -> _Factors:
    figures = _calibration()
    scale = np.array(figures["regimes"]["scales"])[_regime_path(seed, days)]
    tail = figures["altcoins"]["tail"]
    market_shocks = _student(_uniforms(seed, "market", days, 2), figures["market"]["tail"])
    return _Factors(
        seed=seed,
        scale=scale,
        market=figures["market"]["volatility"] * scale * market_shocks,
        altcoins=_student(_uniforms(seed, "altcoins", days, 2), tail),
        groups={
            slug: _student(_uniforms(seed, f"group:{slug}", days, 2), tail)
            for slug in figures["categories"]
        },
    )


def _regime_path(seed: int, days: int) -> list[int]:
    """The state of the chain each day; it starts in the second state, the usual one."""
    thresholds = np.cumsum(_calibration()["regimes"]["transitions"], axis=1)[:, :-1].tolist()
    draws = _uniforms(seed, "regime", days, 1)[:, 0].tolist()

    def move(state: int, draw: float) -> int:
        return sum(draw >= threshold for threshold in thresholds[state])

    return list(accumulate(draws, move, initial=1))[1:]


# One asset


def _columns(asset: SimulatedAsset, factors: _Factors, first: int) -> list[list[Any]]:
    """Open, high, low, close, volume and market cap from day `first` on."""
    days = len(factors.scale) - first
    if asset.category == CASH:
        return [[1.0] * days] * 4 + [[None] * days] * 2
    if asset.category == STABLECOINS:
        return _stablecoin_columns(asset, factors, first)
    figures = _figures(asset)
    draws = _uniforms(
        factors.seed, f"asset:{figures.get('path_of', asset.key)}", len(factors.scale), 6
    )
    volatility = factors.scale * math.hypot(
        figures["beta"] * _calibration()["market"]["volatility"], figures["residual_volatility"]
    )
    returns = _returns(figures, factors, draws)
    levels = np.array(list(_pulled(returns.tolist()))) + _premium(asset.key, figures, factors)
    spread = volatility * math.sqrt(_calibration()["range"])
    prices = _prices(asset.starting_price or figures["starting_price"], levels, spread, draws)
    volume = _volume(figures, np.abs(returns) / volatility, draws)
    return _as_lists(prices, volume, figures["supply"], first)


def _figures(asset: SimulatedAsset) -> dict[str, Any]:
    calibration = _calibration()
    figures: dict[str, Any] | None = calibration["assets"].get(asset.key)
    figures = figures or calibration["categories"].get(asset.category)
    if figures is None:
        raise UnknownCategoryError(
            f"No figures to simulate {asset.key}: the category {asset.category!r} is not "
            f"calibrated (known: {', '.join([*calibration['categories'], STABLECOINS, CASH])})."
        )
    return figures


def _returns(figures: dict[str, Any], factors: _Factors, draws: Array) -> Array:
    common, group = figures["altcoin_loading"], figures["group_loading"]
    residual = (
        common * factors.altcoins
        + group * factors.groups[figures["category"]]
        + math.sqrt(1 - common**2 - group**2) * _student(draws[:, :2], figures["tail"])
    )
    returns: Array = (
        figures["beta"] * factors.market + figures["residual_volatility"] * factors.scale * residual
    )
    return returns


def _pulled(returns: list[float]) -> Iterator[float]:
    """Log levels relative to the start, each day pulled a little back to it."""
    kept = 0.5 ** (1 / LEVEL_HALFLIFE_DAYS)
    return accumulate(returns, lambda level, move: kept * level + move)


def _premium(key: str, figures: dict[str, Any], factors: _Factors) -> Array:
    """How far, in logs, a form's price strays from its coin's; nothing for all others."""
    days = len(factors.scale)
    if "premium_volatility" not in figures:
        return np.zeros(days)
    shocks = _normal(_uniforms(factors.seed, f"premium:{key}", days, 2))
    moves = figures["premium_volatility"] * factors.scale * shocks
    kept = figures["premium_persistence"]
    return np.array(list(accumulate(moves.tolist(), lambda level, move: kept * level + move)))


def _stablecoin_columns(asset: SimulatedAsset, factors: _Factors, first: int) -> list[list[Any]]:
    figures = _calibration()["stablecoins"]
    draws = _uniforms(factors.seed, f"asset:{asset.key}", len(factors.scale), 6)
    noise = figures["volatility"] * _normal(draws[:, :2])
    # One uniform decides whether a depeg begins, and given that it does, how large it is.
    rate, side = figures["depegs_per_day"], np.where(draws[:, 5] < 0.5, -1.0, 1.0)
    size = -figures["depeg_size"] * np.log(np.minimum(draws[:, 4] / rate, 1.0))
    moves = noise + side * np.minimum(size, LARGEST_DEPEG)
    kept = figures["persistence"]
    levels = np.array(list(accumulate(moves.tolist(), lambda x, move: kept * x + move)))
    spread = np.full(len(levels), figures["range_volatility"])
    supply = figures["assets"].get(asset.key, {}).get("supply")
    prices = _prices(asset.starting_price or 1.0, levels, spread, draws)
    return _as_lists(prices, None, supply, first)


def _prices(start: float, levels: Array, spread: Array, draws: Array) -> Array:
    """Rows open, high, low, close. A day opens at the previous close, ORIGIN at `start`.

    High and low are drawn from their law for a Brownian bridge between open and close: for a
    move x, volatility s and exponential e the highest point is (x + sqrt(x^2 + 2 s^2 e)) / 2.
    """
    opened = np.concatenate([[0.0], levels[:-1]])
    move = levels - opened
    reach = np.sqrt(move[:, None] ** 2 - 2 * spread[:, None] ** 2 * np.log(draws[:, 2:4]))
    high = opened + (move + reach[:, 0]) / 2
    low = opened + (move - reach[:, 1]) / 2
    # Prices look like prices, and the last bits of exp and log never matter.
    decimals = PRICE_DIGITS - 1 - math.floor(math.log10(start))
    prices: Array = np.round(start * np.exp(np.stack([opened, high, low, levels])), decimals)
    return prices


def _volume(figures: dict[str, Any], size: Array, draws: Array) -> Array | None:
    if figures["volume"] is None:
        return None
    model = _calibration()["volume"]
    excess = model["per_size"] * (size - model["mean_size"]) + model["noise"] * _normal(
        draws[:, 4:]
    )
    volume: Array = np.round(figures["volume"] * np.exp(excess), 2)
    return volume


def _as_lists(
    prices: Array, volume: Array | None, supply: float | None, first: int
) -> list[list[Any]]:
    unknown = [None] * (prices.shape[1] - first)
    caps = unknown if supply is None else np.round(prices[3, first:] * supply, 2).tolist()
    volumes = unknown if volume is None else volume[first:].tolist()
    return [*prices[:, first:].tolist(), volumes, caps]


# Randomness


def _uniforms(seed: int, name: str, days: int, per_day: int) -> Array:
    """Uniforms in (0, 1), (day, draw), the same for a day however many days are asked for."""
    key = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=16).digest()
    raw = np.random.Philox(key=int.from_bytes(key, "little")).random_raw(days * per_day)
    uniforms: Array = ((raw >> np.uint64(11)) + 0.5) * 2.0**-53
    return uniforms.reshape(days, per_day)


def _normal(uniforms: Array) -> Array:
    """Box and Muller 1958."""
    shocks: Array = np.sqrt(-2 * np.log(uniforms[:, 0])) * np.cos(2 * np.pi * uniforms[:, 1])
    return shocks


def _student(uniforms: Array, tail: float) -> Array:
    """Student t of unit variance with `tail` > 2 degrees of freedom (Bailey 1994), truncated."""
    radius = np.sqrt((tail - 2) * (uniforms[:, 0] ** (-2 / tail) - 1))
    shocks = radius * np.cos(2 * np.pi * uniforms[:, 1])
    truncated: Array = shocks.clip(-LARGEST_SHOCK, LARGEST_SHOCK)
    return truncated
