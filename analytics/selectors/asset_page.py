"""One asset: what it is known by, its year, and what changed within a quarter."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

import numpy as np

from analytics.models import AssetDay
from analytics.models.assets import PERIODS, QUARTER
from analytics.selectors.market_days import MarketDay
from portfolios.models import Asset, MarketSignal
from portfolios.selectors import prices, signals

YEAR_DAYS = 365


@dataclass(frozen=True)
class Change:
    """A figure a quarter ago and now; `kind` says how it is written."""

    label: str
    term: str  # its entry in the glossary
    kind: str  # price, percent, ratio, rank, money or quantity
    then: float | None
    now: float | None

    @property
    def growth(self) -> float | None:
        """As a fraction of what it was, for amounts."""
        amounts = {"price", "money", "quantity"}
        if self.kind not in amounts or not self.then or self.now is None:
            return None
        return self.now / self.then - 1

    @property
    def difference(self) -> float | None:
        """In the figure's own unit, for the others."""
        if self.growth is not None or self.then is None or self.now is None:
            return None
        return self.now - self.then

    @property
    def places(self) -> str:
        """A change of rank in words."""
        if not self.difference:
            return "the same"
        return f"{abs(self.difference):.0f} {'up' if self.difference < 0 else 'down'}"


@dataclass(frozen=True)
class Strength:
    days: int
    change: float | None
    against_bitcoin: float | None
    against_category: float | None


@dataclass(frozen=True)
class AssetPage:
    day: MarketDay
    asset: Asset
    figures: AssetDay | None  # None: the night measured nothing of it
    earlier: AssetDay | None  # a quarter ago
    closes: Sequence[tuple[date, float]]  # of the last year, ascending
    active_addresses: float | None
    active_addresses_before: float | None

    @property
    def is_cap_old(self) -> bool:
        return bool(self.figures and self.figures.market_cap_on != self.figures.as_of)

    @property
    def strengths(self) -> list[Strength]:
        if self.figures is None:
            return []
        rows = zip(
            PERIODS,
            self.figures.changes,
            self.figures.against_bitcoin,
            self.figures.against_category,
            strict=True,
        )
        return [Strength(*row) for row in rows]

    @property
    def changes(self) -> list[Change]:
        """What is known of now and of a quarter ago; empty where nothing is of then."""
        then, now = self.earlier, self.figures
        if then is None or now is None:
            return []
        rows = [
            Change("Price, USD", "price", "price", then.close, now.close),
            Change(
                "Volatility, % a year", "volatility", "percent", then.volatility, now.volatility
            ),
            Change(
                "Correlation to Bitcoin", "correlation", "ratio", then.correlation, now.correlation
            ),
            Change("Below its peak, %", "below_peak", "percent", then.drawdown, now.drawdown),
            Change("Rank among coins by 90-day growth", "growth_rank", "rank", then.rank, now.rank),
            Change("Volume a day, USD", "volume", "money", then.volume, now.volume),
            Change("Supply, units", "supply", "quantity", *self._supplies()),
            Change(
                "Active addresses",
                "active_addresses",
                "quantity",
                self.active_addresses_before,
                self.active_addresses,
            ),
        ]
        return [row for row in rows if row.then is not None or row.now is not None]

    def _supplies(self) -> tuple[float | None, float | None]:
        """Only those of the very days: a supply carried forward would look unchanged."""
        fresh = [
            each.supply if each and each.market_cap_on == each.as_of else None
            for each in (self.earlier, self.figures)
        ]
        return fresh[0], fresh[1]

    @property
    def chart(self) -> dict[str, object]:
        return {
            "unit": "price",
            "days": [day.isoformat() for day, _ in self.closes],
            "series": [{"name": self.asset.symbol, "values": [close for _, close in self.closes]}],
        }

    @property
    def month_ends(self) -> list[tuple[date, float]]:
        """The latest first: the table beside the chart."""
        months = groupby(self.closes, key=lambda close: (close[0].year, close[0].month))
        return [list(closes)[-1] for _, closes in months][::-1]


def read(day: MarketDay, asset: Asset) -> AssetPage:
    """The page of a listed asset in three queries."""
    measured = {
        each.as_of: each
        for each in AssetDay.objects.filter(asset=asset, as_of__in=[day.as_of, day.as_of - QUARTER])
    }
    panel = prices.close_panel(end=day.as_of, days=YEAR_DAYS, asset_ids=[asset.pk])
    known = panel.dropna()  # one column, or none
    days = [day.as_of - timedelta(days=n) for n in range(QUARTER.days, -1, -1)]
    found = signals.series(coingecko_id=asset.coingecko_id or "", days=days)
    addresses = found.get(MarketSignal.Name.ACTIVE_ADDRESSES, np.full(len(days), np.nan))
    return AssetPage(
        day=day,
        asset=asset,
        figures=measured.get(day.as_of),
        earlier=measured.get(day.as_of - QUARTER),
        closes=list(zip(known.index.tolist(), known.to_numpy().ravel().tolist(), strict=True))
        if asset.pk in known.columns
        else [],
        active_addresses=_known(addresses[-1]),
        active_addresses_before=_known(addresses[0]),
    )


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
