"""What the holdings of today would have been worth, day by day, in one query."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from django.db import connection

from portfolios.models import Portfolio

DAYS = 365
# Days on which everything that is held has a price: fewer would look like a loss. An own price
# and a reference rate hold from their day to the day before the next one, the last to the end.
HISTORY = """
    WITH held AS (
        SELECT holding.asset_id, holding.quantity::float8 AS quantity,
               asset.coingecko_id IS NOT DISTINCT FROM 'usd' AS is_dollar
        FROM portfolios_holding AS holding
        JOIN portfolios_asset AS asset ON asset.id = holding.asset_id
        WHERE holding.portfolio_id = %(portfolio)s AND holding.quantity > 0
    ), lasting AS (
        SELECT asset_id, price, date FROM portfolios_ownprice
        UNION ALL
        SELECT asset_id, rate::float8, date FROM portfolios_referencerate
    ), span AS (
        SELECT asset_id, price, date,
               lead(date - 1, 1, %(end)s) OVER (PARTITION BY asset_id ORDER BY date) AS until
        FROM lasting
        WHERE asset_id IN (SELECT asset_id FROM held)
    ), priced AS (
        SELECT price.date, held.quantity * price.close AS value
        FROM held JOIN portfolios_dailyprice AS price ON price.asset_id = held.asset_id
        WHERE NOT held.is_dollar AND price.date BETWEEN %(start)s AND %(end)s
        UNION ALL
        SELECT day::date, held.quantity * span.price
        FROM held JOIN span ON span.asset_id = held.asset_id
        CROSS JOIN generate_series(
            greatest(span.date, %(start)s), least(span.until, %(end)s), '1 day'
        ) AS day
    )
    SELECT date, sum(value) + (SELECT coalesce(sum(quantity), 0) FROM held WHERE is_dollar)
    FROM priced
    GROUP BY date
    HAVING count(*) = (SELECT count(*) FROM held WHERE NOT is_dollar)
    ORDER BY date
"""


@dataclass(frozen=True)
class ValueHistory:
    days: Sequence[tuple[date, float]]  # ascending; US dollars

    @property
    def month_ends(self) -> list[tuple[date, float]]:
        """The last day of each month, the latest first: the table beside the chart."""
        months = groupby(self.days, key=lambda day: (day[0].year, day[0].month))
        return [list(days)[-1] for _, days in months][::-1]

    @property
    def chart(self) -> list[dict[str, object]]:
        """What charts.js draws as values."""
        return [{"day": day.isoformat(), "value": round(value, 2)} for day, value in self.days]


def read(portfolio: Portfolio, *, as_of: date) -> ValueHistory:
    """A year up to the close of `as_of`; no days when not everything has a price."""
    start = as_of - timedelta(days=DAYS)
    with connection.cursor() as cursor:
        cursor.execute(HISTORY, {"portfolio": portfolio.pk, "start": start, "end": as_of})
        return ValueHistory(days=cursor.fetchall())
