"""The states of a night. Everything that changes one comes through here, and is written down.

    created -> priced -> measured -> planned -> published | withheld
    any of the first four -> cancelled (by staff) | skipped (it stood still for a day)
    withheld, cancelled, skipped -> taken up again

Each change asks for the state before it in the same statement, so whoever comes second changes
nothing, at any moment and from anywhere.
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from analytics.models import NightlyRun, RunStep
from analytics.services import chunks

State = NightlyRun.State
UNFINISHED = (State.CREATED, State.PRICED, State.MEASURED, State.PLANNED)
# For so long a night that stands still holds up the ones after it.
STANDSTILL = timedelta(days=1)


class NotInThatState(Exception):
    """What was asked for makes no sense any more, or not yet."""


@transaction.atomic
def enter(*, run_id: int, state: State, after: Collection[State], **figures: Any) -> bool:
    """Bring a run from one of the states `after` into `state`; whether it was in one of them."""
    before = NightlyRun.objects.filter(pk=run_id, state__in=after)
    if not before.update(state=state, **figures):
        return False
    RunStep.objects.create(run_id=run_id, state=state)
    return True


@transaction.atomic
def create(*, as_of: date, state: State = State.CREATED, problem: str = "") -> NightlyRun:
    """The run of a day, new or as it stands."""
    run, is_new = NightlyRun.objects.get_or_create(
        as_of=as_of, defaults={"state": state, "problem": problem}
    )
    if is_new:
        RunStep.objects.create(run=run, state=state)
    return run


def unfinished() -> list[int]:
    """What is still to be done, in the order in which it is done."""
    runs = NightlyRun.objects.filter(state__in=UNFINISHED).order_by("as_of")
    return list(runs.values_list("pk", flat=True))


def next_up() -> int | None:
    """The one night that is worked on now: each waits for those before it."""
    return next(iter(unfinished()), None)


def waits_for(run: NightlyRun) -> NightlyRun | None:
    """The unfinished night before this one: letters are right only when nights end in order."""
    before = NightlyRun.objects.filter(state__in=UNFINISHED, as_of__lt=run.as_of)
    return before.order_by("as_of").first()


def is_waited_for(run: NightlyRun) -> bool:
    return NightlyRun.objects.filter(state__in=UNFINISHED, as_of__gt=run.as_of).exists()


def cancel(*, run_id: int, problem: str) -> None:
    """Stop working on a night; readers keep the previous one. Raises NotInThatState.

    Workers notice between two chunks. What they stored so far stays, for a retry.
    """
    cancelled = enter(run_id=run_id, state=State.CANCELLED, after=UNFINISHED, problem=problem)
    if not cancelled:
        run = NightlyRun.objects.get(pk=run_id)
        raise NotInThatState(f"{run} is {run.state}: there is nothing to cancel.")


@transaction.atomic
def retry(*, run_id: int) -> None:
    """Take up a withheld, cancelled or skipped night where it stopped. Raises NotInThatState.

    Chunks that failed get one more attempt. A published night stays as it is, see
    `recomputation.recompute_quarantined`.
    """
    run = NightlyRun.objects.select_for_update().get(pk=run_id)
    stopped = (State.WITHHELD, State.CANCELLED, State.SKIPPED)
    state = State.PLANNED if run.chunks.exists() else State.CREATED
    if not enter(run_id=run_id, state=state, after=stopped, problem=""):
        raise NotInThatState(f"{run} is {run.state}: there is nothing to take up again.")
    chunks.retry(run_id=run_id)


def skip_standing(*, now: datetime) -> None:
    """Give up on a night that has stood still for a day while a newer one waits for it."""
    run = NightlyRun.objects.filter(pk=next_up() or 0).exclude(problem="").first()
    step = run and run.steps.last()
    if not run or not step or not is_waited_for(run):
        return
    if run.state != State.PLANNED and step.entered_at < now - STANDSTILL:
        enter(run_id=run.pk, state=State.SKIPPED, after=[State(run.state)])
