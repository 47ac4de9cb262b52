"""On which days a portfolio is due by its calendar. A day is a UTC close."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from analytics.selectors import regimes
from portfolios.models import Portfolio
from portfolios.models.portfolios import Cadence

# A day stays due so long that nobody misses it, nor an outage, and weeks do not overlap.
DUE_DAYS = 7
LONGEST_WAIT = 92
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Calendar:
    """What the calendar of a portfolio says at a close."""

    cadence: Cadence
    due_on: date | None  # the day that is due now
    next_on: date | None  # the next one, if the regime stays

    @property
    def decides(self) -> bool:
        """Whether days call for action, and not bands."""
        return self.cadence != Cadence.BANDS


def names(cadence: Cadence, day: date, *, stormy: Container[date]) -> bool:
    """Whether the cadence names this day; `stormy` are days of high volatility."""
    first = day.day == 1
    return {
        Cadence.BANDS: False,
        Cadence.MONTHLY: first,
        Cadence.ADAPTIVE: day.isoweekday() == 1 if day in stormy else first,
        Cadence.QUARTERLY: first and day.month % 3 == 1,
    }[cadence]


def due_on(cadence: Cadence, *, as_of: date, stormy: Container[date]) -> date | None:
    """The newest day that it names and that is still due at the close of `as_of`."""
    days = (as_of - n * DAY for n in range(DUE_DAYS))
    return next((day for day in days if names(cadence, day, stormy=stormy)), None)


def all_due(*, as_of: date, stormy: Container[date]) -> Mapping[Cadence, date | None]:
    """The day that is due by each cadence."""
    return {cadence: due_on(cadence, as_of=as_of, stormy=stormy) for cadence in Cadence}


def read(portfolio: Portfolio, *, as_of: date) -> Calendar:
    """What the portfolio's calendar says at a close; what comes is told as if the regime stays."""
    cadence = Cadence(portfolio.cadence)
    stormy = regimes.stormy_days(end=as_of, days=DUE_DAYS) if cadence == Cadence.ADAPTIVE else ()
    ahead = [as_of + n * DAY for n in range(1, LONGEST_WAIT + 1)]
    staying = ahead if as_of in stormy else ()
    return Calendar(
        cadence,
        due_on=due_on(cadence, as_of=as_of, stormy=stormy),
        next_on=next((day for day in ahead if names(cadence, day, stormy=staying)), None),
    )
