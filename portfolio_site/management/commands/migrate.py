"""Django's own, which waits briefly for a table in use and as long as need be for its own work."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from psycopg.errors import LockNotAvailable

# Of the session: each migration is a transaction of its own.
PATIENCE = (
    "SELECT set_config('lock_timeout', %s, false), set_config('statement_timeout', '0', false)"
)


class Command(migrate.Command):
    applying = ""

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        seconds = settings.MIGRATION_LOCK_TIMEOUT_SECONDS
        with connection.cursor() as cursor:
            cursor.execute(PATIENCE, [f"{seconds * 1000:.0f}ms"])
        try:
            super().handle(*args, **options)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            raise CommandError(
                f"{self.applying or 'The migration'} gave up: it waited {seconds:g} s for a table "
                "that somebody uses, and to wait longer would hold up everybody behind it "
                "(MIGRATION_LOCK_TIMEOUT_SECONDS). It changed nothing; those before it are done. "
                "Run `manage.py migrate` again, best when no night is under way."
            ) from error
        finally:
            if not connection.in_atomic_block:  # tests may migrate inside their transaction
                connection.close()

    def migration_progress_callback(
        self, action: str, migration: Any = None, fake: bool = False
    ) -> None:
        if action == "apply_start":
            self.applying = str(migration)
        super().migration_progress_callback(action, migration, fake)
