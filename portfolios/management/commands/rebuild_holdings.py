from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portfolios.selectors import ledger
from portfolios.services import transactions
from portfolios.services.errors import PortfolioError

SHOWN = 20


class Command(BaseCommand):
    help = "Let all holdings be what their ledgers add up to. Harmless to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Only say what differs; fails when anything does."
        )

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        found = ledger.differences()
        for row in found[:SHOWN]:
            self.stdout.write(
                f"portfolio {row.portfolio_id}, asset {row.asset_id}: "
                f"holds {row.holding.normalize():f}, the ledger says {row.ledger.normalize():f}"
            )
        if len(found) > SHOWN:
            self.stdout.write(f"and {len(found) - SHOWN:,} more")
        if not found:
            self.stdout.write("Every holding is what its ledger adds up to.")
        elif check:
            raise CommandError(f"{len(found):,} holdings differ from their ledgers.")
        else:
            self._rebuild(sorted({row.portfolio_id for row in found}))

    def _rebuild(self, portfolio_ids: list[int]) -> None:
        refused = 0
        for pk in portfolio_ids:
            try:
                transactions.rebuild(portfolio_id=pk)
            except PortfolioError as refusal:
                refused += 1
                self.stderr.write(f"portfolio {pk}: {refusal}")
        self.stdout.write(f"{len(portfolio_ids) - refused:,} portfolios rebuilt.")
        if refused:
            raise CommandError(f"{refused:,} portfolios have ledgers that cannot be.")
