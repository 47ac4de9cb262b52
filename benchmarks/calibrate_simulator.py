"""Calibrate the simulated market on real daily candles.

    python -m benchmarks.calibrate_simulator DIR [--output FILE]

DIR holds SYMBOL.csv files in the import format. The figures, not the data, go into
portfolios/market_data/calibration.json; the same input gives the same file. The model is described
in portfolios/market_data/simulator.py; here each of its figures is estimated on WINDOW:

- regimes: maximum likelihood (EM) of a hidden Markov chain with Student-t emissions on the
  equally weighted return of all risky assets present in the whole window;
- betas: least squares on the market factor (BTC); altcoin loadings: iterated principal axis
  factoring of the residual correlations; group loadings: what residual correlation is left inside
  a category;
- tails: maximum likelihood of the degrees of freedom after scaling by the regime;
- ranges: Rogers-Satchell variance over close-to-close variance, which is unbiased for the
  Brownian-bridge extremes the simulator draws, whatever the day's return.
"""

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from portfolios.market_data import csv_directory
from portfolios.market_data.candles import Candle

Array = NDArray[np.floating[Any]]

OUTPUT = Path(csv_directory.__file__).with_name("calibration.json")
WINDOW = ("2021-01-01", "2024-12-31")
TODAY = date(2025, 1, 1)
REGIMES = ("calm", "normal", "stressed")
MARKET = "BTC"
TAIL_GRID = (3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 16.0, 24.0)
EM_STEPS = 1000
EM_TOLERANCE = 1e-4
DEPEG_THRESHOLD = 0.003
# CoinGecko id and catalogue category of every symbol the figures are estimated on.
ASSETS = {
    "BTC": ("bitcoin", "store-of-value"),
    "ETH": ("ethereum", "smart-contract-l1"),
    "SOL": ("solana", "smart-contract-l1"),
    "AVAX": ("avalanche-2", "smart-contract-l1"),
    "ADA": ("cardano", "smart-contract-l1"),
    "DOT": ("polkadot", "smart-contract-l1"),
    "NEAR": ("near", "smart-contract-l1"),
    "ATOM": ("cosmos", "smart-contract-l1"),
    "TRX": ("tron", "smart-contract-l1"),
    "UNI": ("uniswap", "defi"),
    "AAVE": ("aave", "defi"),
    "MKR": ("maker", "defi"),
    "LINK": ("chainlink", "infrastructure"),
    "GRT": ("the-graph", "infrastructure"),
    "ARB": ("arbitrum", "l2-scaling"),
    "OP": ("optimism", "l2-scaling"),
    "MATIC": ("matic-network", "l2-scaling"),
    "XRP": ("ripple", "payments"),
    "LTC": ("litecoin", "payments"),
    "BNB": ("binancecoin", "exchange"),
    "DOGE": ("dogecoin", "meme"),
}
STABLECOINS = {"USDC": "usd-coin", "USDT": "tether"}
# A successor walks its predecessor's path at a fixed ratio: key -> (predecessor, units per unit).
SUCCESSORS = {"polygon-ecosystem-token": ("matic-network", 1), "sky": ("maker", 24_000)}
# A form follows its coin; how far its price strays in a day is assumed, in round figures, and the
# persistence lets a tenth of what is left return each day: key -> (coin, daily volatility).
FORMS = {"staked-ether": ("ethereum", 0.001), "wrapped-bitcoin": ("bitcoin", 0.0005)}
FORM_PERSISTENCE = 0.9
# Not estimated, there is no data: gold's daily volatility and price in round figures.
ASSUMED = {
    "pax-gold": {
        "category": "store-of-value",
        "beta": 0.05,
        "residual_volatility": 0.009,
        "altcoin_loading": 0.0,
        "group_loading": 0.0,
        "tail": 5.0,
        "starting_price": 2600.0,
        "supply": None,
        "volume": None,
    }
}
CATEGORIES_WITHOUT_DATA = ("gaming",)


@dataclass(frozen=True)
class RegimeFit:
    """A fitted chain: row-stochastic transitions and the posterior (day, regime)."""

    transitions: Array
    posterior: Array
    tail: float
    log_likelihood: float


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args(arguments)
    candles = {path.stem: load(path) for path in csv_directory.files(options.directory)}
    text = json.dumps(rounded(calibrate(candles)), indent=1, sort_keys=True) + "\n"
    options.output.write_text(text, encoding="utf-8")
    print(text, end="")


def load(path: Path) -> pd.DataFrame:
    with csv_directory.open_text(path) as lines:
        rows = csv_directory.parse(lines, source=path.name, today=TODAY)
        frame = pd.DataFrame([row for row in rows if isinstance(row, Candle)], dtype=None)
    frame.index = pd.DatetimeIndex(frame.pop("date"))
    return frame.astype(float)


def calibrate(candles: dict[str, pd.DataFrame]) -> dict[str, Any]:
    returns = log_returns(candles)
    returns -= returns.mean()
    regimes = fit_regimes(returns.dropna(axis="columns").mean(axis="columns").to_numpy())
    scales = regime_scales(returns / returns.std(), regimes)
    shocks = in_average_regime(returns, pd.Series(regimes.posterior @ scales**2, returns.index))
    market = shocks[MARKET]
    betas = shocks.apply(lambda asset: asset.cov(market) / market[asset.notna()].var())
    explained = pd.DataFrame(np.outer(market, betas), market.index, betas.index)
    residuals = (shocks - explained).drop(columns=MARKET)
    correlations = residuals.corr(min_periods=120)
    loadings = factor_loadings(correlations)
    groups = group_loadings(correlations, loadings)
    altcoins, own = split_residuals(residuals, loadings)
    own[MARKET] = market
    figures = asset_figures(
        candles=candles,
        residuals=residuals,
        betas=betas,
        loadings=loadings,
        groups=groups,
        tails=own.apply(tail),
    )
    return {
        "window": list(WINDOW),
        "regimes": {
            "names": list(REGIMES),
            "transitions": regimes.transitions.tolist(),
            "scales": scales.tolist(),
        },
        "market": {"volatility": market.std(), "tail": tail(market)},
        "altcoins": {"tail": tail(altcoins)},
        "range": range_figure(candles, returns),
        "volume": volume_figures(candles, returns),
        "assets": figures | successor_figures(figures) | form_figures(figures) | ASSUMED,
        "categories": category_figures(figures, groups),
        "stablecoins": stablecoin_figures(candles),
    }


def log_returns(candles: dict[str, pd.DataFrame]) -> pd.DataFrame:
    logs = pd.DataFrame({symbol: np.log(candles[symbol]["close"]) for symbol in ASSETS})
    return logs.sort_index().diff().loc[WINDOW[0] : WINDOW[1]]


# Regimes


def fit_regimes(returns: Array) -> RegimeFit:
    centred = returns - returns.mean()
    fits = [_expectation_maximisation(centred, tail) for tail in (4.0, 5.0, 6.0, 8.0)]
    return max(fits, key=lambda fit: fit.log_likelihood)


def _expectation_maximisation(returns: Array, tail: float) -> RegimeFit:
    count = len(REGIMES)
    scales = returns.std() * np.geomspace(0.5, 1.8, count)
    transitions = np.full((count, count), 0.05 / (count - 1))
    np.fill_diagonal(transitions, 0.95)
    start = np.full(count, 1 / count)
    log_likelihood = -math.inf
    for _ in range(EM_STEPS):
        densities = _student_density(returns[:, None] / scales, tail) / scales
        forward, likelihoods = _forward(start, transitions, densities)
        backward = _backward(transitions, densities, likelihoods)
        posterior = forward * backward
        following = densities[1:] * backward[1:] / likelihoods[1:, None]
        moves = transitions * (forward[:-1].T @ following)
        transitions = moves / moves.sum(axis=1, keepdims=True)
        start = posterior[0]
        weights = (tail + 1) / (tail + (returns[:, None] / scales) ** 2)
        squares = (posterior * weights * returns[:, None] ** 2).sum(axis=0)
        scales = np.sqrt(squares / posterior.sum(axis=0))
        previous, log_likelihood = log_likelihood, float(np.log(likelihoods).sum())
        if log_likelihood - previous < EM_TOLERANCE:
            break
    return RegimeFit(transitions, posterior, tail, log_likelihood)


def _forward(start: Array, transitions: Array, densities: Array) -> tuple[Array, Array]:
    forward, likelihoods = np.empty_like(densities), np.empty(len(densities))
    belief = start
    for day, density in enumerate(densities):
        joint = belief * density
        likelihoods[day] = joint.sum()
        forward[day] = joint / likelihoods[day]
        belief = forward[day] @ transitions
    return forward, likelihoods


def _backward(transitions: Array, densities: Array, likelihoods: Array) -> Array:
    backward = np.ones_like(densities)
    for day in range(len(densities) - 2, -1, -1):
        ahead = densities[day + 1] * backward[day + 1]
        backward[day] = transitions @ ahead / likelihoods[day + 1]
    return backward


def _student_density(values: Array, tail: float) -> Array:
    constant = math.exp(math.lgamma((tail + 1) / 2) - math.lgamma(tail / 2))
    kernel: Array = (1 + values**2 / tail) ** (-(tail + 1) / 2)
    density: Array = kernel * (constant / math.sqrt(tail * math.pi))
    return density


def stationary_distribution(transitions: Array) -> Array:
    values, vectors = np.linalg.eig(transitions.T)
    vector = np.real(vectors[:, np.argmax(np.real(values))])
    distribution: Array = vector / vector.sum()
    return distribution


def regime_scales(returns: pd.DataFrame, regimes: RegimeFit) -> Array:
    """Volatility in each regime relative to the whole; mean square 1 in the long run."""
    squares = np.nan_to_num(returns.to_numpy() ** 2)
    present = returns.notna().to_numpy().astype(float)
    weights = regimes.posterior.T
    variances = (weights @ squares).sum(axis=1) / (weights @ present).sum(axis=1)
    average = float(stationary_distribution(regimes.transitions) @ variances)
    scales: Array = np.sqrt(variances / average)
    return scales


def in_average_regime(returns: pd.DataFrame, variance: pd.Series) -> pd.DataFrame:
    """Returns freed of the regimes, each asset as volatile as it was for the regimes it lived in.

    Dividing by the day's scale alone would understate assets whose outliers fell on stressed days.
    """
    shocks = returns.div(np.sqrt(variance), axis="index")
    lived = returns.notna().mul(variance, axis="index").sum() / returns.notna().sum()
    return shocks * (returns.std() / np.sqrt(lived) / shocks.std())


# Factors


def factor_loadings(correlations: pd.DataFrame, iterations: int = 200) -> pd.Series:
    """One common factor by iterated principal axes: corr[i, j] is close to l[i] l[j]."""
    matrix = correlations.to_numpy().copy()
    loadings = np.full(len(matrix), 0.5)
    for _ in range(iterations):
        np.fill_diagonal(matrix, loadings**2)
        values, vectors = np.linalg.eigh(matrix)
        loadings = np.abs(vectors[:, -1]) * math.sqrt(values[-1])
    return pd.Series(loadings, correlations.index)


def group_loadings(correlations: pd.DataFrame, loadings: pd.Series) -> dict[str, float]:
    """The loading every member of a category has on its group factor, for two members or more."""
    left = correlations - np.outer(loadings, loadings)
    groups = {}
    for category in sorted({category for _, category in ASSETS.values()}):
        members = [s for s, (_, slug) in ASSETS.items() if slug == category and s in left]
        pairs = left.loc[members, members].to_numpy()[np.triu_indices(len(members), 1)]
        if len(pairs):
            groups[category] = math.sqrt(max(float(pairs.mean()), 0.0))
    return groups


def split_residuals(residuals: pd.DataFrame, loadings: pd.Series) -> tuple[pd.Series, pd.DataFrame]:
    """The common altcoin factor, by Bartlett's weights, and what it leaves of each asset."""
    unit = residuals / residuals.std()
    weights = loadings / (1 - loadings**2)
    factor = unit.mul(weights).sum(axis=1) / unit.notna().mul(weights * loadings).sum(axis=1)
    own = unit.apply(lambda asset: asset - factor * asset.cov(factor) / factor.var())
    return factor, own


def tail(shocks: pd.Series) -> float:
    """Degrees of freedom on TAIL_GRID of the likeliest unit-variance Student t."""
    unit = (shocks / shocks.std()).dropna().to_numpy()

    def log_likelihood(freedom: float) -> float:
        stretch = math.sqrt(freedom / (freedom - 2))
        return float(np.log(_student_density(unit * stretch, freedom) * stretch).sum())

    return max(TAIL_GRID, key=log_likelihood)


# Levels, ranges and volumes


def asset_figures(
    *,
    candles: dict[str, pd.DataFrame],
    residuals: pd.DataFrame,
    betas: pd.Series,
    loadings: pd.Series,
    groups: dict[str, float],
    tails: pd.Series,
) -> dict[str, dict[str, Any]]:
    figures: dict[str, dict[str, Any]] = {}
    for symbol, (key, category) in ASSETS.items():
        volumes = candles[symbol]["volume"].dropna()
        figures[key] = {
            "category": category,
            "beta": betas[symbol],
            "residual_volatility": residuals[symbol].std() if symbol in residuals else 0.0,
            "altcoin_loading": loadings.get(symbol, 0.0),
            "group_loading": groups.get(category, 0.0) if symbol in residuals else 0.0,
            "tail": tails[symbol],
            "starting_price": candles[symbol]["close"].iloc[-1],
            "supply": last_supply(candles[symbol]),
            "volume": volumes.iloc[-365:].median() if len(volumes) else None,
        }
    return figures


def successor_figures(figures: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        key: figures[predecessor]
        | {
            "path_of": predecessor,
            "starting_price": figures[predecessor]["starting_price"] / ratio,
            "supply": None,
            "volume": None,
        }
        for key, (predecessor, ratio) in SUCCESSORS.items()
    }


def form_figures(figures: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        key: figures[coin]
        | {
            "path_of": coin,
            "premium_volatility": volatility,
            "premium_persistence": FORM_PERSISTENCE,
            "supply": None,
            "volume": None,
        }
        for key, (coin, volatility) in FORMS.items()
    }


def category_figures(
    figures: dict[str, dict[str, Any]], groups: dict[str, float]
) -> dict[str, dict[str, Any]]:
    """What an asset without figures of its own gets: its category's median, else all altcoins'."""
    altcoins = [asset for asset in figures.values() if asset["residual_volatility"] > 0]
    slugs = sorted({asset["category"] for asset in figures.values()} | set(CATEGORIES_WITHOUT_DATA))
    return {
        slug: {
            "category": slug,
            **{
                name: float(np.median([asset[name] for asset in members]))
                for name in (
                    "beta",
                    "residual_volatility",
                    "altcoin_loading",
                    "tail",
                    "starting_price",
                )
            },
            "group_loading": groups.get(slug, float(np.median(list(groups.values())))),
            "supply": None,
            "volume": None,
        }
        for slug in slugs
        for members in [[a for a in altcoins if a["category"] == slug] or altcoins]
    }


def range_figure(candles: dict[str, pd.DataFrame], returns: pd.DataFrame) -> float:
    ratios = [
        rogers_satchell(candles[symbol].loc[WINDOW[0] : WINDOW[1]]).mean() / returns[symbol].var()
        for symbol in ASSETS
    ]
    return float(np.median(ratios))


def rogers_satchell(candles: pd.DataFrame) -> pd.Series:
    known = candles[["open", "high", "low", "close"]].dropna().apply(np.log)
    upper = (known["high"] - known["close"]) * (known["high"] - known["open"])
    lower = (known["low"] - known["close"]) * (known["low"] - known["open"])
    variances: pd.Series = upper + lower
    return variances


def volume_figures(candles: dict[str, pd.DataFrame], returns: pd.DataFrame) -> dict[str, float]:
    """How log volume moves about its 90-day median: with the size of the return, and by itself."""
    pieces = []
    for symbol in ASSETS:
        volume = candles[symbol]["volume"].reindex(returns.index)
        excess = np.log(volume.where(volume > 0) / volume.rolling(90).median())
        size = returns[symbol].abs() / returns[symbol].std()
        pieces.append(pd.DataFrame({"excess": excess, "size": size}).dropna())
    pooled = pd.concat(pieces)
    slope = pooled["excess"].cov(pooled["size"]) / pooled["size"].var()
    noise = (pooled["excess"] - slope * pooled["size"]).std()
    return {"per_size": slope, "noise": noise, "mean_size": pooled["size"].mean()}


def stablecoin_figures(candles: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Deviations from one dollar: quiet days are an AR(1), the rest are depegs."""
    figures: dict[str, Any] = {"assets": {}}
    quiet, depegs, days, ranges = [], [], 0, []
    for symbol, key in STABLECOINS.items():
        frame = candles[symbol].loc[WINDOW[0] : WINDOW[1]]
        deviation = np.log(frame["close"])
        days += len(deviation)
        calm = deviation.abs() < DEPEG_THRESHOLD
        pairs = pd.DataFrame({"now": deviation, "before": deviation.shift()})
        quiet.append(pairs[calm & calm.shift(fill_value=False)])
        first = ~calm & calm.shift(fill_value=True)
        spells = deviation[~calm].abs().groupby(first.cumsum()[~calm]).max()
        depegs.extend(spells.tolist())
        ranges.append(rogers_satchell(frame).median())
        figures["assets"][key] = {"supply": last_supply(candles[symbol])}
    pairs = pd.concat(quiet)
    persistence = pairs["now"].cov(pairs["before"]) / pairs["before"].var()
    figures |= {
        "persistence": persistence,
        "volatility": (pairs["now"] - persistence * pairs["before"]).std(),
        "range_volatility": math.sqrt(float(np.median(ranges))),
        "depegs_per_day": len(depegs) / days,
        "depeg_size": float(np.mean(depegs)),
    }
    return figures


def last_supply(candles: pd.DataFrame) -> float | None:
    known = (candles["market_cap"] / candles["close"]).dropna()
    return float(known.iloc[-1]) if len(known) else None


def rounded(figures: Any) -> Any:
    """The same figures with six significant digits, so that the file is stable."""
    if isinstance(figures, dict):
        return {key: rounded(value) for key, value in figures.items()}
    if isinstance(figures, list):
        return [rounded(value) for value in figures]
    # Below a billionth, an estimated probability is a zero with noise.
    return float(f"{round(figures, 9):.6g}") if isinstance(figures, float) else figures


if __name__ == "__main__":
    main()
