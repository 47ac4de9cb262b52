"""The market of one night, ready for a batch of portfolios."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from analytics.models import MarketSnapshot, RegimeDay
from portfolios.models import Asset
from portfolios.selectors import prices


@dataclass(frozen=True)
class Market:
    """Prices and risks of all m assets at the close of `as_of`.

    An asset without any price has a close of NaN. An asset whose risk was not measured (too
    young) has zero covariance and `measured` False; cash has zero covariance and is measured.
    """

    as_of: date
    high_volatility: bool
    asset_ids: NDArray[np.int64]  # (m,) ascending
    closes: NDArray[np.float64]  # (m,) US dollars
    measured: NDArray[np.bool_]  # (m,)
    covariance: NDArray[np.float64]  # (m, m) of daily returns

    def only(self, asset_ids: NDArray[np.int64]) -> "Market":
        """The same market for these assets; all of them must be known."""
        index = np.searchsorted(self.asset_ids, asset_ids)
        return Market(
            as_of=self.as_of,
            high_volatility=self.high_volatility,
            asset_ids=asset_ids,
            closes=self.closes[index],
            measured=self.measured[index],
            covariance=self.covariance[np.ix_(index, index)],
        )


def read(*, as_of: date) -> Market:
    """What the night of `as_of` measured, and the closes it used."""
    snapshot = MarketSnapshot.objects.get(as_of=as_of)
    kinds = dict(Asset.objects.order_by("pk").values_list("pk", "kind"))
    asset_ids = np.array(list(kinds), dtype=np.int64)
    latest = prices.latest_closes(as_of=as_of)
    closes = np.array([latest[pk].close if pk in latest else np.nan for pk in kinds])

    index = np.searchsorted(asset_ids, np.array(snapshot.asset_ids, dtype=np.int64))
    measured = np.array([kind == Asset.Kind.CASH for kind in kinds.values()])
    measured[index] = True
    volatility = np.array(snapshot.daily_volatility)
    correlation = np.array(snapshot.correlation).reshape(len(index), len(index))
    covariance = np.zeros((len(asset_ids), len(asset_ids)))
    covariance[np.ix_(index, index)] = correlation * np.outer(volatility, volatility)
    return Market(
        as_of=as_of,
        high_volatility=bool(RegimeDay.objects.get(date=as_of).high_volatility),
        asset_ids=asset_ids,
        closes=closes,
        measured=measured,
        covariance=covariance,
    )
