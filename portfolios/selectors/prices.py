"""Reading prices: panels for the core, and the latest close of everything."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from django.db import connection
from django.db.models import F, Max, OuterRef, QuerySet, Subquery

from portfolios.models import Asset, DailyPrice, OwnPrice, ReferenceRate

# At the close of a day, the close before it is 24 hours old and the one before that 48:
# older than 36 hours is stale (OPERATIONS.md).
STALE_AFTER = timedelta(days=1)
# Reference rates rest over weekends and holidays; the longest rest is that of Christmas or Easter.
RATE_HOLDS = timedelta(days=7)
# A price that somebody has entered for themselves is worth a second look after this.
OWN_PRICE_OLD_AFTER = timedelta(days=90)

# An array an asset, not a row a close: a fifth of the time.
PANEL = """
    SELECT asset.id, array_agg(price.date - %(start)s), array_agg(price.close)
    FROM portfolios_asset AS asset
    JOIN portfolios_dailyprice AS price ON price.asset_id = asset.id
    WHERE price.date BETWEEN %(start)s AND %(end)s
      AND asset.kind <> 'cash' AND asset.owner_id IS NULL
      {which}
    GROUP BY asset.id ORDER BY asset.id
"""
# Said of the prices' own key, so that few assets are never looked for among all prices.
ALL, CHOSEN = "", "AND price.asset_id = ANY (%(assets)s)"
LATEST = """
    SELECT asset.id, price.close, price.date, false
    FROM portfolios_asset AS asset
    CROSS JOIN LATERAL (
        SELECT close, date FROM portfolios_dailyprice
        WHERE asset_id = asset.id AND date <= %(as_of)s ORDER BY date DESC LIMIT 1
    ) AS price
    WHERE asset.kind <> 'cash' AND asset.owner_id IS NULL {which}
    UNION ALL
    SELECT asset.id, 1, %(as_of)s, true FROM portfolios_asset AS asset
    WHERE asset.coingecko_id = 'usd' {which}
    UNION ALL
    SELECT asset.id, reference.rate::float8, reference.date, true
    FROM portfolios_asset AS asset
    CROSS JOIN LATERAL (
        SELECT rate, date FROM portfolios_referencerate
        WHERE asset_id = asset.id AND date <= %(as_of)s ORDER BY date DESC LIMIT 1
    ) AS reference
    WHERE asset.kind = 'cash' AND asset.coingecko_id <> 'usd' {which}
"""
AMONG = "AND asset.id = ANY (%(assets)s)"
HISTORIES = """
    SELECT price.asset_id, min(price.date), max(price.close),
           count(*) FILTER (WHERE price.date > %(as_of)s - 365),
           avg(price.volume * price.close) FILTER (WHERE price.date > %(as_of)s - 30),
           max(price.date) FILTER (WHERE price.market_cap > 0)
    FROM portfolios_dailyprice AS price
    JOIN portfolios_asset AS asset ON asset.id = price.asset_id
    WHERE price.date <= %(as_of)s AND asset.kind <> 'cash' AND asset.owner_id IS NULL
    GROUP BY price.asset_id
"""
# What people price themselves, for the assets that are asked for and no others.
LATEST_OWN = """
    SELECT asset.id, own.price, own.date
    FROM unnest(%(assets)s::bigint[]) AS asset (id)
    CROSS JOIN LATERAL (
        SELECT price, date FROM portfolios_ownprice
        WHERE asset_id = asset.id AND date <= %(as_of)s ORDER BY date DESC LIMIT 1
    ) AS own
"""


@dataclass(frozen=True)
class LatestClose:
    """The newest close of an asset, in US dollars.

    What its owner says holds until they say something else, so it is never stale.
    """

    close: float
    date: date
    is_stale: bool
    is_own: bool = False
    is_old: bool = False  # an own price that may have been forgotten


@dataclass(frozen=True)
class PriceHistory:
    """All that an asset's rows up to a day say together; money in US dollars."""

    first_day: date
    highest_close: float
    observed_days: int  # with a close, of the last 365
    volume: float | None  # a day, on average of the last 30
    market_cap: float | None = None  # the newest that is known
    market_cap_on: date | None = None
    supply: float | None = None  # units: that market cap over the close of its day


def close_panel(*, end: date, days: int, asset_ids: Collection[int] | None = None) -> pd.DataFrame:
    """Closes of the `days` days up to `end`: a row a date, a column an asset id, NaN for unknown.

    Of all listed assets, or of these. Assets without any close in the window have no column; nor
    has cash, which never moves.
    """
    start = end - timedelta(days=days - 1)
    with connection.cursor() as cursor:
        query = PANEL.format(which=ALL if asset_ids is None else CHOSEN)
        cursor.execute(query, {"start": start, "end": end, "assets": list(asset_ids or ())})
        histories = cursor.fetchall()
    closes = np.full((days, len(histories)), np.nan)
    for column, (_, rows, known) in enumerate(histories):
        closes[rows, column] = known
    return pd.DataFrame(
        closes,
        index=pd.Index([start + timedelta(days=n) for n in range(days)], name="date"),
        columns=pd.Index(
            [asset_id for asset_id, _, _ in histories], name="asset_id", dtype="int64"
        ),
    )


def daily(asset: Asset, *, start: date, end: date) -> list[dict[str, Any]]:
    """What is known of each day in [start, end]; of money and own assets only the close."""
    span = (start, end)
    rows: QuerySet[Any, Any]
    if asset.is_own:
        rows = OwnPrice.objects.filter(asset=asset, date__range=span).values(
            "date", close=F("price")
        )
    elif asset.kind == Asset.Kind.CASH:
        rates = ReferenceRate.objects.filter(asset=asset, date__range=span)
        rows = rates.values("date", close=F("rate"))
    else:
        measured = DailyPrice.objects.filter(asset=asset, date__range=span)
        rows = measured.values("date", "open", "high", "low", "close", "volume", "market_cap")
    return [dict(row) for row in rows.order_by("date")]


def candles(asset: Asset, *, end: date, days: int) -> pd.DataFrame:
    """Open, high, low and close of the `days` days up to `end`, a row a date; NaN for unknown."""
    start = end - timedelta(days=days - 1)
    names = ["open", "high", "low", "close"]
    rows = DailyPrice.objects.filter(asset=asset, date__range=(start, end))
    known = pd.DataFrame.from_records(
        list(rows.values_list("date", *names)), columns=["date", *names], index="date"
    )
    every = [start + timedelta(days=n) for n in range(days)]
    return known.reindex(pd.Index(every, name="date")).astype(float)


def histories(*, as_of: date) -> dict[int, PriceHistory]:
    """The price history of each listed asset that has a close by `as_of`, in two queries."""
    with connection.cursor() as cursor:
        cursor.execute(HISTORIES, {"as_of": as_of})
        rows = cursor.fetchall()
    found = {asset_id: PriceHistory(*figures) for asset_id, *figures, _ in rows}
    capped = {asset_id: day for asset_id, *_, day in rows if day}
    newest = DailyPrice.objects.filter(asset__in=capped, date__in=set(capped.values()))
    for asset_id, day, cap, close in newest.values_list("asset", "date", "market_cap", "close"):
        if cap and capped[asset_id] == day:
            found[asset_id] = replace(
                found[asset_id], market_cap=cap, market_cap_on=day, supply=cap / close
            )
    return found


def closes_of(*, coingecko_id: str, end: date) -> pd.Series:
    """Every close of one asset up to `end`, by date; empty when the asset is unknown."""
    rows = DailyPrice.objects.filter(asset__coingecko_id=coingecko_id, date__lte=end).order_by(
        "date"
    )
    closes = dict(rows.values_list("date", "close"))
    return pd.Series(closes, dtype=float)


def latest_closes(
    *, as_of: date, asset_ids: Collection[int] | None = None
) -> dict[int, LatestClose]:
    """The newest close by `as_of` of each listed asset, or of these, that has one.

    A dollar is one dollar.
    """
    query = LATEST.format(which=ALL if asset_ids is None else AMONG)
    with connection.cursor() as cursor:
        cursor.execute(query, {"as_of": as_of, "assets": list(asset_ids or ())})
        return {
            asset_id: LatestClose(
                close, day, is_stale=day < as_of - (RATE_HOLDS if is_rate else STALE_AFTER)
            )
            for asset_id, close, day, is_rate in cursor.fetchall()
        }


def latest_own_prices(*, as_of: date, asset_ids: Collection[int]) -> dict[int, LatestClose]:
    """The own price, on or before `as_of`, of each of these own assets that has one."""
    if not asset_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(LATEST_OWN, {"as_of": as_of, "assets": list(asset_ids)})
        return {
            asset_id: LatestClose(
                price, day, is_stale=False, is_own=True, is_old=day < as_of - OWN_PRICE_OLD_AFTER
            )
            for asset_id, price, day in cursor.fetchall()
        }


def closes_for(assets: Iterable[Asset], *, as_of: date) -> dict[int, LatestClose]:
    """The newest close of each of these that has one; of the own ones, their own price."""
    own: list[int] = []
    listed: list[int] = []
    for asset in assets:
        (own if asset.is_own else listed).append(asset.pk)
    closes = latest_closes(as_of=as_of, asset_ids=listed)
    return closes | latest_own_prices(as_of=as_of, asset_ids=own)


def last_complete_day() -> date | None:
    """The newest UTC day that any asset has a price of."""
    # The end of each asset's index entries, where max(date) would read all prices.
    prices = DailyPrice.objects.filter(asset=OuterRef("pk")).order_by("-date")
    newest: date | None = Asset.objects.aggregate(day=Max(Subquery(prices.values("date")[:1])))[
        "day"
    ]
    return newest
