"""What staff are written about: a night that is late, withheld or partial. Once each."""

from datetime import date, datetime, timedelta

from django.conf import settings
from django.urls import reverse

from accounts.models import User
from accounts.services import outbox
from analytics.models import NightlyRun
from analytics.services import runs


def withheld(run: NightlyRun, *, problem: str) -> None:
    _tell(
        reason=f"withheld:{run.pk}",
        subject=f"{run} was withheld",
        text=f"{run} was not published: {problem} Readers keep the previous night.\n\n"
        f"What failed, and how to try again: {_url(run)}\n",
    )


def partial(run: NightlyRun, *, quarantined: int) -> None:
    portfolios = "one portfolio" if quarantined == 1 else f"{quarantined} portfolios"
    _tell(
        reason=f"partial:{run.pk}",
        subject=f"{run} was published without {portfolios}",
        text=f"{run} was published without {portfolios} that could not be computed. "
        "Their pages say so.\n\n"
        f"What failed, and how to try again: {_url(run)}\n",
    )


def late(*, now: datetime, due: date) -> None:
    """Tell of nights unpublished long after they were created, and of one that could not be.

    `due` is the day whose night should be there NIGHT_LATE_AFTER_MINUTES after it was due.
    """
    patience = timedelta(minutes=settings.NIGHT_LATE_AFTER_MINUTES)
    unfinished = NightlyRun.objects.filter(state__in=runs.UNFINISHED)
    for run in unfinished.filter(created_at__lt=now - patience).order_by("as_of"):
        _tell(
            reason=f"late:{run.pk}",
            subject=f"{run} is late",
            text=f"{run} has not ended: {run.get_state_display().lower()}. {run.problem}\n\n"
            f"Where it stands: {_url(run)}\n",
        )
    newest = NightlyRun.objects.first()
    if newest and newest.as_of < due:
        _tell(
            reason=f"no-prices:{newest.as_of}",
            subject=f"The night of {due} is late",
            text=f"The newest night is that of {newest.as_of}: there are no prices after it, or "
            "their files cannot be read. The log of the workers says which.\n",
        )


def _tell(*, reason: str, subject: str, text: str) -> None:
    """Write to each of the staff, unless they have been told."""
    for member in User.objects.filter(is_staff=True, is_active=True):
        outbox.enqueue(
            dedupe_key=f"{reason}:{member.pk}",
            recipient=member.email,
            kind="staff",
            subject=subject,
            text=text,
            user=member,
        )


def _url(run: NightlyRun) -> str:
    return settings.SITE_URL + reverse("admin:analytics_nightlyrun_change", args=[run.pk])
