"""Nights in this process: one day's, the one that is due, or all that are unfinished."""

import gc
import json
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date, timedelta
from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from analytics.models import NightlyRun, RegimeDay
from analytics.services import market, nights, runs
from portfolios.services import price_imports

OPERATORS_ERRORS = (nights.NoSuchDay, market.MissingPrices, *price_imports.ERRORS)


def a_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no day. Write it as 2024-12-31.") from None


class Command(BaseCommand):
    help = "Run the night of one UTC day in this process. Repeating it is harmless."

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument(
            "--as-of",
            type=a_day,
            metavar="DATE",
            help="a UTC day, as 2024-12-31; by default the day that is due, after an outage with "
            "those that were missed",
        )
        which.add_argument(
            "--resume", action="store_true", help="finish all unfinished nights, the oldest first"
        )
        parser.add_argument("--json", action="store_true", help="print a line of JSON a night")

    def handle(self, *, as_of: date | None, resume: bool, json: bool, **options: Any) -> None:
        gc.collect()
        gc.freeze()  # what is loaded by now lives as long as this process
        try:
            wanted = self.wanted(as_of, resume=resume)
            problems = [self.finish(run_id, as_json=json) for run_id in wanted]
        except OPERATORS_ERRORS as error:
            raise CommandError(str(error)) from error
        if not wanted and not json:
            self.stdout.write("No night is unfinished.")
        if any(problems):
            raise CommandError("\n".join(problem for problem in problems if problem))

    def wanted(self, as_of: date | None, *, resume: bool) -> list[int]:
        """The ids of the nights to finish, in their order."""
        if as_of:
            return [self.the_day(as_of).pk]
        if resume:
            return runs.unfinished()
        due = self.the_due().pk
        return [run_id for run_id in runs.unfinished() if run_id != due] + [due]

    def the_day(self, as_of: date) -> NightlyRun:
        last = timezone.now().date() - timedelta(days=1)
        if as_of > last:
            raise CommandError(f"{as_of} is not over yet. The last complete day is {last} (UTC).")
        return nights.ensure(as_of=as_of)

    def the_due(self) -> NightlyRun:
        run = nights.ensure_due(now=timezone.now())
        if run is None:
            raise CommandError(
                "There are no prices at all. Import some, see `manage.py import_prices`."
            )
        return run

    def finish(self, run_id: int, *, as_json: bool) -> str:
        """Do what the night still lacks, and report it; what keeps it from being published."""
        started = monotonic()
        run = nights.finish(run_id=run_id)
        self.report(run, seconds=monotonic() - started, as_json=as_json)
        if run.state == NightlyRun.State.PUBLISHED:
            return ""
        if waits_for := runs.waits_for(run):
            reason = f"It waits for that of {waits_for.as_of}; --resume finishes both."
        elif run.state in NightlyRun.ENDED:
            reason = f"It is {run.state}: {run.problem}"
        else:
            reason = run.problem or "Workers are still at it."
        return f"{run} is not published. {reason}"

    def report(self, run: NightlyRun, *, seconds: float, as_json: bool) -> None:
        regime = RegimeDay.objects.filter(date=run.as_of).first()
        figures = {
            "as_of": run.as_of.isoformat(),
            "state": run.state,
            "regime": regime.get_label_display() if regime else None,
            "portfolios": run.portfolios,
            "in_breach": run.in_breach,
            "suggestions": run.suggestions,
            "emails_queued": run.emails_queued,
            "quarantined": run.chunks.filter(state="quarantined").count(),
            "seconds": round(seconds, 3),
        }
        if as_json:
            self.stdout.write(json.dumps(figures))
        else:
            for name, figure in figures.items():
                self.stdout.write(f"{name.replace('_', ' ')}: {figure}")
