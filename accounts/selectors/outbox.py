"""How far behind the mail is."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Min
from django.db.models.functions import Now

from accounts.models import OutgoingEmail

State = OutgoingEmail.State
WAITING = (State.PENDING, State.SENDING, State.UNKNOWN)


@dataclass(frozen=True)
class Backlog:
    """Messages that have not ended well yet, and how long the one that waits longest has waited."""

    messages: dict[str, int]  # by state: those that wait, and those that failed
    oldest_seconds: float  # since it was put into the outbox
    overdue_seconds: float  # since its turn came: large when nobody sends


def backlog() -> Backlog:
    """Both queries read a partial index, however many messages were ever sent."""
    waiting = OutgoingEmail.objects.filter(state__in=[state.value for state in WAITING])
    counts = dict(waiting.values_list("state").annotate(Count("pk")))
    ages = waiting.aggregate(
        oldest=Now() - Min("created_at"),
        overdue=Now() - Min("due_at"),
    )
    counts[State.FAILED] = OutgoingEmail.objects.filter(state=State.FAILED).count()
    return Backlog(
        messages={str(state.value): counts.get(state, 0) for state in (*WAITING, State.FAILED)},
        oldest_seconds=_seconds(ages["oldest"]),
        overdue_seconds=_seconds(ages["overdue"]),
    )


def _seconds(age: timedelta | None) -> float:
    """Zero for what does not wait, or not yet."""
    return max(age.total_seconds(), 0.0) if age else 0.0
