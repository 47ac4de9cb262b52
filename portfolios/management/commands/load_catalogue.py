from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from portfolios.services import catalogue


class Command(BaseCommand):
    help = "Load categories, assets, risk profiles and model portfolios. Harmless to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--refresh",
            action="store_true",
            help="overwrite what admins have edited in rows that the file describes",
        )

    def handle(self, *args: Any, refresh: bool, **options: Any) -> None:
        report = catalogue.load(refresh=refresh)
        self.stdout.write(
            f"Catalogue: {report.created} rows created, {report.updated} updated, "
            f"{report.unchanged} left as they were."
        )
