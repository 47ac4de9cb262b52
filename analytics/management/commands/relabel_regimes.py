from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from analytics.models import NightlyRun, RegimeDay
from analytics.services import regimes


class Command(BaseCommand):
    help = (
        "Tell the regime of every past day anew, from the prices and signals that are stored now: "
        "after older ones were imported. Harmless to repeat."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        as_of = newest_measured_day()
        if as_of is None:
            raise CommandError("No night has measured a day yet. Run `manage.py nightly` first.")
        before = dict(RegimeDay.objects.values_list("date", "label"))
        regimes.refresh(as_of=as_of, rebuild=True)
        after = dict(RegimeDay.objects.values_list("date", "label"))
        changed = sum(before.get(day) != label for day, label in after.items())
        self.stdout.write(f"{len(after):,} days up to {as_of}: {changed:,} have another label.")


def newest_measured_day() -> date | None:
    """That of the night on show, else the last one stored."""
    current = NightlyRun.objects.filter(is_current=True).values_list("as_of", flat=True)
    return current.first() or RegimeDay.objects.values_list("date", flat=True).first()
