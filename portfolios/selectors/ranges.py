"""Ranges of days that are asked for."""

from datetime import date, timedelta

from portfolios.selectors import prices

USUAL_DAYS = 365
MOST_DAYS = 4_000


class RangeError(Exception):
    """A range of days that ends before it begins, or is too long."""


def days(*, since: date | None, until: date | None, today: date) -> tuple[date, date]:
    """The first and the last day; by default a year up to the last complete day.

    Raises RangeError.
    """
    last = until or prices.last_complete_day() or today
    try:
        first = since or last - timedelta(days=USUAL_DAYS - 1)
    except OverflowError:
        first = date.min
    if first > last:
        raise RangeError(f"{first} is after {last}. Give an earlier day in `since`.")
    if (last - first).days >= MOST_DAYS:
        raise RangeError(f"Ask for {MOST_DAYS:,} days at most, in several requests.")
    return first, last
