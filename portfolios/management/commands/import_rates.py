from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portfolios.services import reference_rates


class Command(BaseCommand):
    help = "Import daily reference rates of currencies from CSV. Harmless to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="A file, or a directory of .csv files.")

    def handle(self, *args: Any, path: Path, **options: Any) -> None:
        try:
            report = reference_rates.import_files(path)
        except reference_rates.ERRORS as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{report.files} files, {report.rates:,} rates.")
        if report.unknown_currencies:
            self.stdout.write(
                f"Left out, not in the catalogue: {', '.join(report.unknown_currencies)}."
            )
