"""What the market page shows: the regime of one close, its past, and what may come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from analytics.models import RegimeDay, SwitchingReview
from analytics.selectors import market_days, regimes
from analytics.selectors.market_days import MarketDay
from analytics.selectors.regimes import Regime, RegimeHistory
from portfolios.models import MarketEvent, Portfolio

EVENTS_SHOWN, EVENT_DAYS = 10, 90
# How each policy of a SwitchingReview is described.
POLICIES = {
    "hold_bitcoin": "Bitcoin, bought and held",
    "leave_bear": "Bitcoin, in cash in bear markets",
    "leave_bear_and_volatile": "Bitcoin, in cash in bear markets and high volatility",
    "hold_mix": "60 % Bitcoin, 20 % Ethereum, 20 % cash, bought and held",
    "rebalance_mix": "The same, brought back to these weights at every change of regime",
    "tilt_mix": "The same, tilted at every change of regime as the article suggests",
}


@dataclass(frozen=True)
class PolicyRow:
    description: str
    switches: bool
    figures: Mapping[str, Any]
    ahead: float | None  # a year, of what it is compared with


@dataclass(frozen=True)
class MarketPage:
    day: MarketDay
    regime: Regime | None
    history: RegimeHistory
    review: SwitchingReview | None
    events: Sequence[MarketEvent]

    @property
    def band(self) -> Decimal:
        """The band in force for who has not set one of their own."""
        is_high = self.regime is not None and self.regime.day.high_volatility
        usual = Portfolio()
        return usual.wide_band if is_high else usual.tolerance_band

    @property
    def policies(self) -> list[PolicyRow]:
        """Each policy with what it is compared with before it."""
        if self.review is None:
            return []
        by_name = {row["name"]: row for row in self.review.policies}
        return [
            PolicyRow(
                description=POLICIES[name],
                switches=row["against"] is not None,
                figures=row,
                ahead=row["cagr"] - by_name[row["against"]]["cagr"] if row["against"] else None,
            )
            for name, row in by_name.items()
            if name in POLICIES
        ]


def read(*, today: date) -> MarketPage | None:
    """The market as the current night measured it; None before the first night is out."""
    day = market_days.current(today=today)
    if day is None:
        return None
    told = RegimeDay.objects.filter(date=day.as_of).first()
    upcoming = MarketEvent.objects.filter(
        date__gt=day.as_of, date__lte=max(day.as_of, today) + timedelta(days=EVENT_DAYS)
    )
    return MarketPage(
        day=day,
        regime=regimes.read(told) if told else None,
        history=regimes.history(as_of=day.as_of),
        review=SwitchingReview.objects.filter(as_of=day.as_of).first(),
        events=list(upcoming[:EVENTS_SHOWN]),
    )
