"""Database connections of ours whose process stands still while others wait for what it holds.

A worker may be paused with its machine. Inside a statement or a transaction PostgreSQL's own
timeouts end its connection, but not while a COPY waits for the client's next rows: only ending
the connection from outside helps then (src/backend/tcop/postgres.c, ProcessClientReadInterrupt).
"""

import structlog
from django.conf import settings
from django.db import connection

END_STALLED = """
    SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user
      AND application_name = %(ours)s AND state = 'active' AND wait_event = 'ClientRead'
      AND query_start < clock_timestamp() - make_interval(secs => %(patience)s)
"""
logger = structlog.get_logger(__name__)


def end_stalled() -> int:
    """End what has stood in a COPY longer than any statement of ours may take; how many.

    One that moves never gets so old: the timeout ends it between two rows.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            END_STALLED,
            {
                "ours": settings.DATABASE_APPLICATION_NAME,
                "patience": settings.DATABASE_TIMEOUT_SECONDS,
            },
        )
        ended = [pid for pid, _ in cursor.fetchall()]
    if ended:
        logger.warning("stalled connections ended", backends=ended)
    return len(ended)
