"""Reading market signals: as they were known on each day, and where they come from."""

from datetime import date

import pandas as pd
from django.db.models import F, Q

from portfolios.models import MarketSignal


def panel(*, coingecko_id: str, end: date) -> pd.DataFrame:
    """Signals of one asset's market and of all markets: a row a date, a column a name.

    NaN for unknown, and for a jump on the day on which nothing had confirmed it. Signals
    without any reading up to `end` have no column.
    """
    readings = MarketSignal.objects.filter(
        Q(asset__coingecko_id=coingecko_id) | Q(asset=None), date__lte=end, is_unconfirmed=False
    ).values_list("date", "name", "value")
    frame = pd.DataFrame.from_records(list(readings), columns=["date", "name", "value"])
    return frame.pivot(index="date", columns="name", values="value").sort_index()


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
