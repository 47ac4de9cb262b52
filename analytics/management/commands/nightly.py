"""The night of one day, in this process."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date, timedelta
from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from analytics.models import NightlyRun, RegimeDay
from analytics.services import market, nights
from portfolios.services import price_imports


def a_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no day. Write it as 2024-12-31.") from None


class Command(BaseCommand):
    help = "Run the night of one UTC day in this process. Repeating it is harmless."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--as-of",
            type=a_day,
            metavar="DATE",
            help="a UTC day, as 2024-12-31; the day that is due by default",
        )
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *, as_of: date | None, json: bool, **options: Any) -> None:
        started = monotonic()
        try:
            run = self.run_day(as_of) if as_of else self.run_due()
        except (nights.NoSuchDay, market.MissingPrices, *price_imports.ERRORS) as error:
            raise CommandError(str(error)) from error
        self.report(run, seconds=monotonic() - started, as_json=json)
        if run.state != NightlyRun.State.PUBLISHED:
            raise CommandError(
                f"{run} is not published. {run.problem or 'Workers are still at it.'}"
            )

    def run_day(self, as_of: date) -> NightlyRun:
        last = timezone.now().date() - timedelta(days=1)
        if as_of > last:
            raise CommandError(f"{as_of} is not over yet. The last complete day is {last} (UTC).")
        return nights.run_to_end(as_of=as_of)

    def run_due(self) -> NightlyRun:
        run = nights.ensure_due(now=timezone.now())
        if run is None:
            raise CommandError(
                "There are no prices at all. Import some, see `manage.py import_prices`."
            )
        return nights.run_to_end(as_of=run.as_of)

    def report(self, run: NightlyRun, *, seconds: float, as_json: bool) -> None:
        figures = {
            "as_of": run.as_of.isoformat(),
            "regime": RegimeDay.objects.get(date=run.as_of).label,
            "portfolios": run.portfolios,
            "in_breach": run.in_breach,
            "suggestions": run.suggestions,
            "emails_queued": run.emails_queued,
            "seconds": round(seconds, 3),
        }
        if as_json:
            self.stdout.write(json.dumps(figures))
        else:
            for name, figure in figures.items():
                self.stdout.write(f"{name.replace('_', ' ')}: {figure}")
