"""A migration that meets a table in use gives up, and says what to do."""

import time

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tests.workers import database_url


@pytest.fixture
def migrated_back(transactional_db):
    call_command("migrate", "accounts", "0004", verbosity=0)
    yield
    call_command("migrate", verbosity=0)


def has_index() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_indexes WHERE indexname = 'outgoing_email_failed'")
        return bool(cursor.fetchall())


def test_a_migration_waits_briefly_for_a_table_in_use_and_changes_nothing(migrated_back, settings):
    settings.MIGRATION_LOCK_TIMEOUT_SECONDS = 0.2
    with psycopg.connect(database_url()) as reader:
        reader.execute("LOCK TABLE accounts_outgoingemail IN ROW EXCLUSIVE MODE")
        began = time.monotonic()
        with pytest.raises(CommandError) as refused:
            call_command("migrate", verbosity=0)
        assert time.monotonic() - began < 5
    assert str(refused.value).startswith(
        "accounts.0005_failed_mail_index gave up: it waited 0.2 s for a table that somebody uses"
    )
    assert "Run `manage.py migrate` again" in str(refused.value)
    assert not has_index()
    call_command("migrate", verbosity=0)
    assert has_index()


def test_other_connections_keep_their_patience(transactional_db):
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("5min",)
