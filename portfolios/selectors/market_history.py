"""The whole past of a market, as it was known on each day: what tells its regime."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# Arrays, not a row a day: a fifth of the time.
CANDLES = """
    SELECT array_agg(date), array_agg(high), array_agg(low), array_agg(close), array_agg(volume)
    FROM portfolios_dailyprice
    WHERE date <= %(end)s
      AND asset_id = (SELECT id FROM portfolios_asset WHERE coingecko_id = %(coingecko_id)s)
"""
# Days that a token has from the one it replaced are none of its own: they would count twice.
COINS = """
    SELECT asset.coingecko_id, array_agg(price.date - %(start)s), array_agg(price.close),
           array_agg(price.market_cap)
    FROM portfolios_asset AS asset
    JOIN portfolios_dailyprice AS price ON price.asset_id = asset.id
    WHERE price.date BETWEEN %(start)s AND %(end)s AND price.migration_id IS NULL
      AND asset.kind = 'coin' AND asset.owner_id IS NULL
      AND asset.coingecko_id <> %(benchmark)s
    GROUP BY asset.id ORDER BY asset.id
"""


@dataclass(frozen=True)
class Candles:
    """Every day of an asset from its first on; NaN for unknown."""

    days: list[date]
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray


@dataclass(frozen=True)
class Coins:
    """Days of m coins; NaN for unknown."""

    coingecko_ids: list[str]
    closes: FloatArray  # (n_days, m)
    market_caps: FloatArray  # (n_days, m)


def candles(*, coingecko_id: str, end: date) -> Candles:
    """One asset up to `end`; no days where it has no price."""
    with connection.cursor() as cursor:
        cursor.execute(CANDLES, {"coingecko_id": coingecko_id, "end": end})
        known, *figures = cursor.fetchone()
    if not known:
        return Candles([], *np.empty((4, 0)))
    first = min(known)
    days = [first + timedelta(days=n) for n in range((end - first).days + 1)]
    rows = [(day - first).days for day in known]
    return Candles(days, *(_laid_out(len(days), rows, column) for column in figures))


def coins(*, start: date, end: date, benchmark: str) -> Coins:
    """All coins but one from `start` to `end`: no stablecoins, nothing wrapped, no cash."""
    with connection.cursor() as cursor:
        cursor.execute(COINS, {"start": start, "end": end, "benchmark": benchmark})
        histories = cursor.fetchall()
    n_days = (end - start).days + 1
    closes, caps = np.empty((n_days, len(histories))), np.empty((n_days, len(histories)))
    for column, (_, rows, known, sizes) in enumerate(histories):
        closes[:, column] = _laid_out(n_days, rows, known)
        caps[:, column] = _laid_out(n_days, rows, sizes)
    ids = [coingecko_id for coingecko_id, *_ in histories]
    return Coins(coingecko_ids=ids, closes=closes, market_caps=caps)


def _laid_out(n_days: int, rows: list[int], known: list[Any]) -> FloatArray:
    """Figures on their days; NULL and a day without a row are NaN."""
    column = np.full(n_days, np.nan)
    column[rows] = np.array(known, dtype=np.float64)
    return column
