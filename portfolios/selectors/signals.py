"""Reading market signals: as they were known on each day, and where they come from."""

from collections.abc import Sequence
from datetime import date

import numpy as np
from django.db import connection
from django.db.models import F, Q, QuerySet
from numpy.typing import NDArray

from portfolios.models import MarketSignal

# Arrays, not a row a day: a fifth of the time.
SERIES = """
    SELECT name, array_agg(date - %(start)s), array_agg(value)
    FROM portfolios_marketsignal
    WHERE date BETWEEN %(start)s AND %(end)s AND NOT is_unconfirmed AND (
        asset_id IS NULL
        OR asset_id = (SELECT id FROM portfolios_asset WHERE coingecko_id = %(coingecko_id)s)
    )
    GROUP BY name
"""


def series(*, coingecko_id: str, days: Sequence[date]) -> dict[str, NDArray[np.float64]]:
    """Signals of one asset's market and of all markets, by name, on consecutive days.

    NaN for unknown, and for a jump on the day on which nothing had confirmed it. Signals
    without any reading on these days are left out.
    """
    known = {}
    with connection.cursor() as cursor:
        cursor.execute(SERIES, {"coingecko_id": coingecko_id, "start": days[0], "end": days[-1]})
        for name, rows, values in cursor.fetchall():
            known[name] = np.full(len(days), np.nan)
            known[name][rows] = values
    return known


def readings(name: str, *, coingecko_id: str, start: date, end: date) -> QuerySet[MarketSignal]:
    """One signal of one asset's market, or of all markets, day by day."""
    of_asset = Q(asset__coingecko_id=coingecko_id) | Q(asset=None)
    rows = MarketSignal.objects.filter(of_asset, name=name, date__range=(start, end))
    return rows.select_related("asset").order_by("date", "pk")


def sources(*, coingecko_id: str, end: date) -> dict[str, tuple[str, date]]:
    """Where the newest reading of each of these signals comes from, and its day."""
    newest = (
        MarketSignal.objects.filter(
            Q(asset__coingecko_id=coingecko_id) | Q(asset=None), date__lte=end
        )
        .order_by("name", F("date").desc())
        .distinct("name")
    )
    return {row.name: (row.source, row.date) for row in newest}
