"""What staff see of a night: how it went on, how fast, which chunks were slow, and what failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, QuerySet, Sum

from analytics.models import NightlyRun, RunChunk

SLOWEST = 10
MOST_QUARANTINED_SHOWN = 100
State = RunChunk.State


@dataclass(frozen=True)
class Stage:
    """A state that the run entered, and how long it stayed in it, until now if it still is."""

    state: NightlyRun.State
    entered_at: datetime
    took: timedelta | None  # None: it ended there

    @property
    def seconds(self) -> float | None:
        return self.took.total_seconds() if self.took is not None else None


@dataclass(frozen=True)
class ChunkCount:
    """All chunks in one state."""

    state: str
    chunks: int
    portfolios: int
    seconds: float


@dataclass(frozen=True)
class Progress:
    """How many portfolios there are, how many are done, and how fast."""

    counts: Sequence[ChunkCount]
    elapsed: float  # seconds, all workers together

    @property
    def portfolios(self) -> int:
        return sum(count.portfolios for count in self.counts)

    @property
    def done(self) -> int:
        return sum(count.portfolios for count in self.counts if count.state == State.DONE)

    @property
    def busy(self) -> float:
        """Seconds that workers have spent on what is done."""
        return sum(count.seconds for count in self.counts if count.state == State.DONE)

    @property
    def per_second(self) -> float | None:
        return self.done / self.elapsed if self.done and self.elapsed else None

    @property
    def per_busy_second(self) -> float | None:
        """What one worker does while it is at it."""
        return self.done / self.busy if self.done and self.busy else None


def stages(run: NightlyRun, *, now: datetime) -> list[Stage]:
    entered = [(NightlyRun.State(step.state), step.entered_at) for step in run.steps.all()]
    ended_at = None if run.state in NightlyRun.ENDED else now
    following = [*(at for _, at in entered[1:]), ended_at]
    return [
        Stage(state, at, until - at if until else None)
        for (state, at), until in zip(entered, following, strict=False)
    ]


def progress(run: NightlyRun, *, stages: Sequence[Stage]) -> Progress:
    """By state, in the order in which a chunk passes through them; a state without any is out."""
    rows = run.chunks.values("state").annotate(
        chunks=Count("pk"), of_portfolios=Sum("portfolios"), of_seconds=Sum("seconds")
    )
    found = {row["state"]: row for row in rows.order_by()}
    counts = [
        ChunkCount(
            state.value,
            found[state]["chunks"],
            found[state]["of_portfolios"],
            found[state]["of_seconds"] or 0.0,
        )
        for state in State
        if state in found
    ]
    planned = (stage.seconds for stage in stages if stage.state == NightlyRun.State.PLANNED)
    return Progress(counts, elapsed=sum(seconds or 0.0 for seconds in planned))


def chunks(run: NightlyRun, *, state: str = "") -> QuerySet[RunChunk]:
    """The run's chunks, or those in one state, by number."""
    rows = run.chunks.order_by("stage", "number")
    return rows.filter(state=state) if state else rows


def slowest(run: NightlyRun) -> QuerySet[RunChunk]:
    return run.chunks.filter(seconds__isnull=False).order_by(F("seconds").desc())[:SLOWEST]


def quarantined(run: NightlyRun) -> QuerySet[RunChunk]:
    """Each is one portfolio."""
    rows = run.chunks.filter(state=State.QUARANTINED)
    return rows.order_by("first_portfolio_id")[:MOST_QUARANTINED_SHOWN]
