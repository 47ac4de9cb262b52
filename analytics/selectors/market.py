"""The market of one night, ready for a batch of portfolios."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from analytics.models import MarketSnapshot, RegimeDay
from portfolios.models import Asset
from portfolios.models.assets import DOLLAR
from portfolios.selectors import prices

# How many days before a close changes are measured from.
EARLIER_DAYS = (1, 7, 30)


@dataclass(frozen=True)
class Market:
    """Prices and risks of all m assets at the close of `as_of`.

    An asset without any price has a close of NaN; an earlier close is NaN when stale, too.
    An asset whose risk was not measured (too young) has zero covariance and `measured` False;
    the dollar has zero covariance and is measured; other currencies are not.
    """

    as_of: date
    high_volatility: bool
    asset_ids: NDArray[np.int64]  # (m,) ascending
    closes: NDArray[np.float64]  # (m,) US dollars
    earlier_closes: NDArray[np.float64]  # (3, m) US dollars, EARLIER_DAYS before
    measured: NDArray[np.bool_]  # (m,)
    covariance: NDArray[np.float64]  # (m, m) of daily returns

    def knows(self, asset_ids: NDArray[np.int64]) -> bool:
        return bool(np.isin(asset_ids, self.asset_ids).all())

    def only(self, asset_ids: NDArray[np.int64]) -> "Market":
        """The same market for these assets; all of them must be known."""
        index = np.searchsorted(self.asset_ids, asset_ids)
        return Market(
            as_of=self.as_of,
            high_volatility=self.high_volatility,
            asset_ids=asset_ids,
            closes=self.closes[index],
            earlier_closes=self.earlier_closes[:, index],
            measured=self.measured[index],
            covariance=self.covariance[np.ix_(index, index)],
        )


def read(*, as_of: date) -> Market:
    """What the night of `as_of` measured, and the closes it used."""
    snapshot = MarketSnapshot.objects.get(as_of=as_of)
    keys = dict(Asset.objects.order_by("pk").values_list("pk", "coingecko_id"))
    asset_ids = np.array(list(keys), dtype=np.int64)
    latest = prices.latest_closes(as_of=as_of)
    closes = np.array([latest[pk].close if pk in latest else np.nan for pk in keys])

    measured_ids = np.array(snapshot.asset_ids, dtype=np.int64)
    remaining = np.isin(measured_ids, asset_ids)  # an asset may have been deleted since
    index = np.searchsorted(asset_ids, measured_ids[remaining])
    measured = np.array([key == DOLLAR for key in keys.values()])
    measured[index] = True
    volatility = np.array(snapshot.daily_volatility)[remaining]
    correlation = np.array(snapshot.correlation).reshape(len(measured_ids), len(measured_ids))
    correlation = correlation[np.ix_(remaining, remaining)]
    covariance = np.zeros((len(asset_ids), len(asset_ids)))
    covariance[np.ix_(index, index)] = correlation * np.outer(volatility, volatility)
    return Market(
        as_of=as_of,
        high_volatility=bool(RegimeDay.objects.get(date=as_of).high_volatility),
        asset_ids=asset_ids,
        closes=closes,
        earlier_closes=np.array(
            [_fresh_closes(as_of - timedelta(days=days), asset_ids) for days in EARLIER_DAYS]
        ),
        measured=measured,
        covariance=covariance,
    )


def _fresh_closes(day: date, asset_ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """(m,) closes of a day; NaN where there is none, or only a stale one."""
    fresh = {pk: c.close for pk, c in prices.latest_closes(as_of=day).items() if not c.is_stale}
    return np.array([fresh.get(asset_id, np.nan) for asset_id in asset_ids.tolist()])
