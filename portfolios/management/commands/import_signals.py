from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portfolios.services import signal_imports


class Command(BaseCommand):
    help = (
        "Import market signals (dominance, funding, implied volatility, on-chain figures, fear "
        "and greed) from a directory of CSV files. Harmless to repeat."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", type=Path)

    def handle(self, *args: Any, directory: Path, **options: Any) -> None:
        try:
            report = signal_imports.import_directory(directory, today=timezone.now().date())
        except signal_imports.ERRORS as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{report.files} files, {report.readings:,} readings: {report.changed:,} changed, "
            f"{report.quarantined:,} rows quarantined."
        )
        for row in report.first_rejections:
            self.stdout.write(f"  {row.source}, line {row.line}: {row.reason}")
        if more := report.quarantined - len(report.first_rejections):
            self.stdout.write(f"  and {more:,} more, see the quarantine in the admin.")
        if report.unknown_symbols:
            self.stdout.write(
                f"Left out, not in the catalogue: {', '.join(report.unknown_symbols)}."
            )
