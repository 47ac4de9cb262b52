"""A worker that dies between a webhook's answer and its own commit."""

from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Lock

import psycopg
import pytest

from accounts.services import encryption, webhook_requests
from accounts.services.webhook_deliveries import AT_ONCE
from tests.accounts.receiver import Receiver, listening, make_certificate
from tests.faults.conftest import IN_BREACH
from tests.faults.stack import DATABASE, Held, Stack, wait_until

TABLE = "accounts_webhookdelivery"
EVERYBODY_S = """
    INSERT INTO accounts_webhook (user_id, url, kinds, secret, state, failures)
    SELECT id, %(url)s, '{drift}', %(secret)s, 'active', 0 FROM accounts_user
"""
# What PostgreSQL has been told already would else be done without the one who said it.
FORGET = f"""
    SELECT pg_terminate_backend(pid) FROM pg_locks
    WHERE relation = '{TABLE}'::regclass AND NOT granted
"""
LATER = f"UPDATE {TABLE} SET lease_until = lease_until - interval '7 minutes'"


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with listening(make_certificate(tmp_path)) as found:
        yield found


def test_a_worker_is_killed_between_a_webhook_s_answer_and_its_commit(
    night: Stack, receiver: Receiver
) -> None:
    """Each event is told at least once, and a second time only under the same id."""
    secret = encryption.encrypt(webhook_requests.new_secret())
    night.tell(EVERYBODY_S, url=receiver.url, secret=secret)
    allowed = {
        "WEBHOOK_PORTS": str(receiver.port),
        "WEBHOOK_PRIVATE_NETWORKS": "127.0.0.0/8,::1/128",
        "WEBHOOK_CA_FILE": receiver.ca_file,
    }
    with psycopg.connect(night.database_url(DATABASE)) as holder:
        taken: list[int] = []
        first = Lock()

        def take_and_hold(handler: BaseHTTPRequestHandler) -> None:
            with first:
                if not taken:
                    holder.execute(f"LOCK TABLE {TABLE} IN SHARE MODE")
                    taken.append(1)
            handler.send_response(204)
            handler.end_headers()

        receiver.behave = take_and_hold
        sender = night.start_worker(concurrency=1, **allowed)
        Held(night, TABLE).wait_for_somebody()
        night.end(sender)
        night.tell(FORGET)
    told = set(receiver.ids)
    assert told
    night.tell(LATER)
    night.start_worker(**allowed)
    left = f"SELECT count(*) FROM {TABLE} WHERE state <> 'delivered'"
    queued = f"SELECT count(*) FROM {TABLE}"
    wait_until(
        lambda: night.ask(queued) == IN_BREACH and night.ask(left) == 0, "all webhooks are told"
    )
    times = Counter(receiver.ids)
    assert len(times) == IN_BREACH
    twice = {event for event, number in times.items() if number == 2}
    assert told <= twice
    assert len(twice) <= AT_ONCE
    assert max(times.values()) == 2
