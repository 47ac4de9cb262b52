"""The close that the market's pages show: of the current night, and where its prices come from."""

from dataclasses import dataclass
from datetime import date, timedelta

from analytics.models import NightlyRun
from portfolios.models import PriceSource

# The last complete day is yesterday; a feed that is down for a while is no reason to worry.
OLD_AFTER = timedelta(days=7)


@dataclass(frozen=True)
class MarketDay:
    as_of: date
    age: timedelta
    source: str  # in words; empty when nothing is imported

    @property
    def is_old(self) -> bool:
        return self.age > OLD_AFTER


def current(*, today: date) -> MarketDay | None:
    """None before the first night is out. Two queries."""
    run = NightlyRun.objects.filter(is_current=True).first()
    if run is None:
        return None
    source = PriceSource.objects.first()
    return MarketDay(
        as_of=run.as_of,
        age=today - run.as_of,
        source=PriceSource.Name(source.name).label if source else "",
    )
