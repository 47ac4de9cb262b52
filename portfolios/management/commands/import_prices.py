import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portfolios.services import price_imports


class Command(BaseCommand):
    help = "Import daily prices from a directory of SYMBOL.csv files. Harmless to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", type=Path)

    def handle(self, *args: Any, directory: Path, **options: Any) -> None:
        started = time.perf_counter()
        try:
            report = price_imports.import_directory(directory, today=timezone.now().date())
        except price_imports.ERRORS as error:
            raise CommandError(str(error)) from error
        seconds = time.perf_counter() - started
        self.stdout.write(
            f"{report.files} files, {report.rows:,} rows, {report.rows / seconds:,.0f} rows/s: "
            f"{report.changed:,} changed, {report.quarantined:,} quarantined."
        )
        for row in report.first_rejections:
            self.stdout.write(f"  {row.source}, line {row.line}: {row.reason}")
        if more := report.quarantined - len(report.first_rejections):
            self.stdout.write(f"  and {more:,} more, see the quarantine in the admin.")
        if report.unknown_symbols:
            self.stdout.write(
                f"Left out, not in the catalogue: {', '.join(report.unknown_symbols)}."
            )
