"""When a letter leaves: at its reader's hour, on their clock, whatever their clock does."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from accounts.models import AlertPreference

MONDAY = 0


def next_due(*, preference: str, hour: int, time_zone: str, after: datetime) -> datetime:
    """The first moment, not before `after`, at which this reader wants letters.

    An hour that the reader's clock leaves out is where the clock goes on; of an hour that it
    shows twice, the first counts.
    """
    if preference == AlertPreference.EACH:
        return after
    zone = ZoneInfo(time_zone)
    day = after.astimezone(zone).date()
    while True:
        moment = _moment(day, hour, zone)
        wanted = preference != AlertPreference.WEEKLY or day.weekday() == MONDAY
        if wanted and moment >= after:
            return moment
        day += timedelta(days=1)


def _moment(day: date, hour: int, zone: ZoneInfo) -> datetime:
    """With fold 0 a time in a gap is read by the clock before it, which is where the gap ends."""
    return datetime.combine(day, time(hour), zone).replace(fold=0).astimezone(UTC)
