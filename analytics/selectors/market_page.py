"""What the market page shows: the regime of one close."""

from dataclasses import dataclass
from datetime import date

from analytics.models import RegimeDay
from analytics.selectors import market_days
from analytics.selectors.market_days import MarketDay


@dataclass(frozen=True)
class MarketPage:
    day: MarketDay
    regime: RegimeDay | None


def read(*, today: date) -> MarketPage | None:
    """The market as the current night measured it; None before the first night is out."""
    day = market_days.current(today=today)
    if day is None:
        return None
    return MarketPage(day=day, regime=RegimeDay.objects.filter(date=day.as_of).first())
