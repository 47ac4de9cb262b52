"""What the article's claims come to in the prices of a night: the figures of its questions.

`figures` of a ClaimDay has, each only where it could be measured:
`policies` by name, see `claim_backtests`; `grown`, the largest of what nobody rebalanced;
`models`, each with positions, effective bets and Bitcoin's share of the risk; `coins`, how many
were measured, their average correlation, also on calm and stressed days, and volatilities;
`curve`, so many coins of average size and risk held in equal parts; `alike`, the article's five
layer ones; `pegs`, the worst close of each stablecoin; `chased`, what followed steep rises.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from django.db import transaction
from numpy.typing import NDArray

from analytics.core import DAYS_PER_YEAR, correlation, market_mode, risk
from analytics.core.returns import simple_returns
from analytics.models import ClaimDay
from analytics.selectors import market as markets
from analytics.selectors.findings import DEPEG
from analytics.selectors.mistakes import CHASED_OVER, LOOKED_AT_DAYS, TOP
from analytics.services import claim_backtests
from analytics.services.claim_backtests import ALTS, BITCOIN
from analytics.services.switching import FEE_RATE
from portfolios.models import Asset, ModelPortfolio
from portfolios.selectors import model_portfolios, prices

Floats = NDArray[np.float64]

WINDOW_DAYS = 4 * 365 + 1  # a rise and a fall
YEAR = 365
FEWEST_DAYS = 365
CURVE = (1, 2, 4, 8, 15, 30)
ALIKE = ("solana", "avalanche-2", "polkadot", "cosmos", "near")  # of the false diversification trap
AHEAD_DAYS = 90  # after a purchase


@dataclass(frozen=True)
class Prices:
    """Closes of the window: a row a date, a column a coingecko id."""

    raw: pd.DataFrame  # as observed
    closes: pd.DataFrame  # held on after the last close; money that is no longer quoted is 1
    assets: Mapping[str, Asset]

    def coins(self) -> list[str]:
        kinds = {key: asset.kind for key, asset in self.assets.items()}
        return [key for key in self.raw.columns if kinds[key] == Asset.Kind.COIN]


def refresh(*, as_of: date) -> None:
    """Store the day's figures. Idempotent: a rerun replaces them.

    The day's market must have been measured. With less than a year of Bitcoin nothing is stored.
    """
    told = _prices(as_of)
    with transaction.atomic():
        ClaimDay.objects.filter(as_of=as_of).delete()
        if told is not None:
            ClaimDay.objects.create(
                as_of=as_of,
                since=told.raw.index[0],
                fee_rate=FEE_RATE,
                figures=_figures(told, as_of),
            )


def _prices(as_of: date) -> Prices | None:
    panel = prices.close_panel(end=as_of, days=WINDOW_DAYS + 1)
    assets = Asset.objects.select_related("category").in_bulk(panel.columns.tolist())
    ids = {pk: asset.coingecko_id or str(pk) for pk, asset in assets.items()}
    raw = panel[list(assets)].rename(columns=ids)
    if BITCOIN not in raw.columns:
        return None
    raw = raw.loc[raw[BITCOIN].first_valid_index() :]
    if len(raw) <= FEWEST_DAYS:
        return None
    raw = raw.dropna(axis=1, how="all")
    by_key = {key: assets[pk] for pk, key in ids.items() if key in raw.columns}
    money = [key for key in raw.columns if by_key[key].is_money]
    closes = raw.copy()
    closes[money] = closes[money].where(closes[money].bfill().notna(), 1.0)
    return Prices(raw=raw, closes=closes.ffill(), assets=by_key)


def _figures(told: Prices, as_of: date) -> dict[str, Any]:
    models = {
        model.slug: weights
        for model in model_portfolios.all_with_lines()
        if (weights := _weights(model, told)) is not None
    }
    stablecoins = {key for key, asset in told.assets.items() if asset.is_money}
    policies = claim_backtests.policies(models, stablecoins, set(told.assets))
    used = dict.fromkeys([BITCOIN, *(key for each in policies.weights for key in each)])
    figures: dict[str, Any] = {
        "policies": claim_backtests.run(told.closes[list(used)], policies),
        "pegs": _pegs(told, stablecoins),
        **_measured(told, models, as_of),
    }
    if claim_backtests.REBALANCED in models:
        weights = models[claim_backtests.REBALANCED]
        grown = claim_backtests.left_alone(told.closes, weights)
        figures["grown"] = grown | {"asset": told.assets[str(grown["asset"])].symbol}
    if (chased := _chased(told.raw[told.coins()])) is not None:
        figures["chased"] = chased
    return figures


def _weights(model: ModelPortfolio, told: Prices) -> dict[str, float] | None:
    """The model's weights by coin; None where one of them has no price.

    A category's slot gets what has been priced for longest of those it does not name, the largest.
    """
    lines = list(model.lines.all())
    named = {line.asset.coingecko_id or "" for line in lines if line.asset}
    weights: dict[str, float] = {}
    for line in lines:
        key = (
            (line.asset.coingecko_id or "")
            if line.asset
            else _for_slot(line.category_id, named, told)
        )
        if key not in told.assets:
            return None
        weights[key] = weights.get(key, 0.0) + float(line.weight)
    total = sum(weights.values())
    return {key: weight / total for key, weight in weights.items()}


def _for_slot(category_id: int | None, named: set[str], told: Prices) -> str:
    fitting = [
        (-int(told.raw[key].notna().sum()), asset.cap_rank or len(told.assets), key)
        for key, asset in told.assets.items()
        if asset.category_id == category_id and key not in named
    ]
    return min(fitting)[2] if fitting else ""


# --- Risk, on the night's covariance --------------------------------------------------------------


def _measured(
    told: Prices, models: Mapping[str, Mapping[str, float]], as_of: date
) -> dict[str, Any]:
    keys = list(told.assets)
    order = np.argsort([told.assets[key].pk for key in keys])
    keys = [keys[place] for place in order]
    assets = [told.assets[key] for key in keys]
    ids = np.array([asset.pk for asset in assets], dtype=np.int64)
    known, covariance = markets.risk(assets, ids, as_of)
    column = {key: place for place, key in enumerate(keys) if known[place]}
    coins = [key for key in told.coins() if key in column]
    risky = {
        slug: {key: weight for key, weight in weights.items() if not told.assets[key].is_money}
        for slug, weights in models.items()
    }
    counts = {slug: len(weights) for slug, weights in models.items()}
    figures: dict[str, Any] = {"models": _models(risky, counts, column, covariance)}
    if len(coins) > 1 and BITCOIN in coins:
        places = [column[key] for key in coins]
        figures |= _coins(told, coins, covariance[np.ix_(places, places)])
    if set(ALIKE) <= column.keys() and BITCOIN in column:
        figures["alike"] = _alike(told, column, covariance)
    return figures


def _models(
    risky: Mapping[str, Mapping[str, float]],
    counts: Mapping[str, int],
    column: Mapping[str, int],
    covariance: Floats,
) -> dict[str, dict[str, float]]:
    """Of what is risky in each model: money without a price any more changes neither figure."""
    found = {}
    for slug, weights in risky.items():
        if not weights.keys() <= column.keys():
            continue
        row = _row(weights, column, len(covariance))
        split = risk.contributions(row, covariance)
        shares = split.contributions[0] / split.volatility[0]
        found[slug] = {
            "positions": counts[slug],
            "effective_bets": float(risk.diversification(row, covariance).effective_bets[0]),
            "bitcoin": weights.get(BITCOIN, 0.0),
            "bitcoin_risk": float(shares[column[BITCOIN]]) if BITCOIN in weights else 0.0,
        }
    return found


def _row(weights: Mapping[str, float], column: Mapping[str, int], size: int) -> Floats:
    row = np.zeros((1, size))
    for key, weight in weights.items():
        row[0, column[key]] = weight
    return row


def _coins(told: Prices, coins: Sequence[str], covariance: Floats) -> dict[str, Any]:
    """What all measured coins have in common, and what holding several of them brings."""
    n = len(coins)
    variances = np.diag(covariance)
    apart = float((covariance.sum() - variances.sum()) / (n * (n - 1)))
    average = float(
        risk.average_correlation(
            correlation.of_covariance(covariance), np.ones((1, n), dtype=np.bool_)
        )[0]
    )
    volatility = np.sqrt(variances * DAYS_PER_YEAR)
    calm, stressed = _calm_and_stressed(told, coins)
    return {
        "coins": n,
        "average_correlation": average,
        "calm": calm,
        "stressed": stressed,
        "bitcoin_volatility": float(volatility[list(coins).index(BITCOIN)]),
        "median_volatility": float(np.median(volatility)),
        # The expected variance of equal parts of m coins drawn at random: exact, not simulated.
        "curve": [
            {
                "positions": m,
                "volatility": float(
                    np.sqrt(DAYS_PER_YEAR * (variances.mean() / m + (1 - 1 / m) * apart))
                ),
                "effective_bets": m / (1 + (m - 1) * average),
            }
            for m in CURVE
            if m <= n
        ],
    }


def _calm_and_stressed(told: Prices, coins: Sequence[str]) -> tuple[float | None, float | None]:
    """The mean of all pairs on calm and on stressed days of the last year."""
    returns = simple_returns(told.raw[list(coins)].to_numpy()[-YEAR - 1 :])
    split = market_mode.calm_and_stressed(returns, market=list(coins).index(BITCOIN))
    upper = np.triu_indices(len(coins), 1)
    means = []
    for each in (split.calm, split.stressed):
        pairs = each.correlation[upper]
        means.append(float(np.nanmean(pairs)) if np.isfinite(pairs).any() else None)
    return means[0], means[1]


def _alike(told: Prices, column: Mapping[str, int], covariance: Floats) -> dict[str, Any]:
    """The layer ones of the article's trap: their correlation to Bitcoin, and how many bets."""
    keys = [BITCOIN, *ALIKE]
    returns = simple_returns(told.raw[keys].to_numpy()[-YEAR - 1 :])
    with_bitcoin = correlation.pairwise(returns).correlation[0, 1:]
    several = np.concatenate(
        [_row(dict.fromkeys(group, 1 / len(group)), column, len(covariance)) for group in (
            ALIKE, [key for key in ALTS if key in column])]
    )  # fmt: skip
    bets = risk.diversification(several, covariance).effective_bets
    return {
        "symbols": [told.assets[key].symbol for key in ALIKE],
        "correlations": [float(rho) if np.isfinite(rho) else None for rho in with_bitcoin],
        "effective_bets": float(bets[0]),
        "alts": int((several[1] > 0).sum()),
        "alts_effective_bets": float(bets[1]),
    }


# --- History --------------------------------------------------------------------------------------


def _pegs(told: Prices, stablecoins: set[str]) -> list[dict[str, Any]]:
    """The close of each stablecoin that was furthest below a dollar, and the days off its peg."""
    found = []
    for key in sorted(stablecoins, key=lambda each: told.assets[each].symbol):
        closes = told.raw[key].dropna()
        if told.assets[key].kind != Asset.Kind.STABLECOIN:
            continue
        found.append(
            {
                "symbol": told.assets[key].symbol,
                "lowest": float(closes.min()),
                "on": f"{closes.idxmin():%Y-%m-%d}",
                "days_off": int(((closes - 1).abs() > DEPEG).sum()),
                "days": len(closes),
            }
        )
    return found


def _chased(closes: pd.DataFrame) -> dict[str, float | int] | None:
    """How coins did against Bitcoin after a rise among the steepest tenth of their last year.

    As the mistake is looked for in somebody's history: the rise over a month is compared with those
    of the year before. One day a month, so that the same weeks are not counted thirty times.
    """
    rise = closes / closes.shift(CHASED_OVER) - 1
    rank = rise.rolling(LOOKED_AT_DAYS, min_periods=LOOKED_AT_DAYS).rank(pct=True)
    ahead = closes.shift(-AHEAD_DAYS) / closes - 1
    ahead = ahead.sub(ahead[BITCOIN], axis=0).drop(columns=BITCOIN)
    ahead, rank = ahead.iloc[::CHASED_OVER], rank.drop(columns=BITCOIN).iloc[::CHASED_OVER]
    known = ahead.notna() & rank.notna()
    chased = ahead.to_numpy()[(known & (rank > TOP)).to_numpy()]
    usual = ahead.to_numpy()[(known & (rank <= TOP)).to_numpy()]
    if not (len(chased) and len(usual)):
        return None
    return {
        "cases": len(chased),
        "median": float(np.median(chased)),
        "ahead": float((chased > 0).mean()),
        "usual_cases": len(usual),
        "usual_median": float(np.median(usual)),
        "usual_ahead": float((usual > 0).mean()),
    }
