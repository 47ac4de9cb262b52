"""What the holdings of today would have been worth, day by day, in one query."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from django.db import connection

from portfolios.models import Portfolio

DAYS = 365
# Days on which every asset that is held has a close: fewer would look like a loss.
HISTORY = """
    WITH held AS (
        SELECT holding.asset_id, holding.quantity::float8 AS quantity,
               asset.kind = 'cash' AS is_cash
        FROM portfolios_holding AS holding
        JOIN portfolios_asset AS asset ON asset.id = holding.asset_id
        WHERE holding.portfolio_id = %(portfolio)s AND holding.quantity > 0
    )
    SELECT price.date,
           sum(held.quantity * price.close)
             + (SELECT coalesce(sum(quantity), 0) FROM held WHERE is_cash)
    FROM held
    JOIN portfolios_dailyprice AS price ON price.asset_id = held.asset_id
    WHERE NOT held.is_cash AND price.date BETWEEN %(start)s AND %(end)s
    GROUP BY price.date
    HAVING count(*) = (SELECT count(*) FROM held WHERE NOT is_cash)
    ORDER BY price.date
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
