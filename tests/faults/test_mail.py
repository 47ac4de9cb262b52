"""A mail server that refuses, hangs, hangs up, or does not know one of the recipients."""

import time
from threading import Event

import psycopg

from tests.accounts.conftest import HANG_UP
from tests.faults.conftest import IN_BREACH
from tests.faults.stack import DATABASE, PATIENCE_SECONDS, Held, Stack, wait_until
from tests.faults.test_workers import LEASE_MINUTES

# What PostgreSQL has been told already would else be done without the one who said it.
FORGET = """
    SELECT pg_terminate_backend(pid) FROM pg_locks
    WHERE relation = 'accounts_outgoingemail'::regclass AND NOT granted
"""
ONCE = [1] * IN_BREACH


def times_delivered(night: Stack) -> list[int]:
    """How often the server took each message, known by its Message-ID."""
    return sorted(night.delivered().values())


def test_the_mail_server_is_down_and_comes_back(night: Stack) -> None:
    night.close_mail()
    night.start_worker()
    night.wait_for_publication()
    time.sleep(2)
    assert night.outbox() == {"pending": IN_BREACH}
    night.open_mail()
    night.wait_for_mail()
    assert times_delivered(night) == ONCE


def test_the_mail_server_refuses_for_now(night: Stack) -> None:
    night.mail.to_recipient = "451 come back later"
    night.start_worker()
    night.wait_for_publication()
    tried = "SELECT count(*) FROM accounts_outgoingemail WHERE attempt > 0 AND state = 'pending'"
    wait_until(lambda: night.ask(tried) == IN_BREACH, "every message was tried and put back")
    night.mail.to_recipient = "250 OK"
    night.later(minutes=LEASE_MINUTES)
    night.wait_for_mail()
    assert times_delivered(night) == ONCE


def test_the_mail_server_hangs_and_one_message_is_in_doubt(night: Stack) -> None:
    """Without an answer nobody knows: it is sent once more, under the same Message-ID."""
    hung: list[int] = []
    given_up = Event()

    def hang_once() -> str:
        hung.append(1)
        if len(hung) == 1:
            given_up.wait(PATIENCE_SECONDS)  # the sender waits for 10
        return "250 OK"

    night.mail.to_body = hang_once
    night.start_worker()
    night.wait_for_publication()
    wait_until(lambda: night.outbox()["unknown"] == 1, "one message is in doubt")
    given_up.set()
    night.later(minutes=2)
    night.wait_for_mail()
    assert times_delivered(night) == [*ONCE[1:], 2]


def test_the_mail_server_hangs_up_after_three_bodies(night: Stack) -> None:
    dropped: list[int] = []

    def drop_three() -> str:
        dropped.append(1)
        return HANG_UP if len(dropped) <= 3 else "250 OK"

    night.mail.to_body = drop_three
    night.start_worker()
    night.wait_for_publication()
    wait_until(lambda: night.outbox()["unknown"] == 3, "three messages are in doubt")
    night.later(minutes=2)
    night.wait_for_mail()
    assert times_delivered(night) == [*ONCE[3:], 2, 2, 2]
    assert night.outbox() == {"sent": IN_BREACH}


def test_the_sender_dies_before_the_body(night: Stack) -> None:
    """Nobody has the message: it leaves once, when the claim of the dead one has run out."""
    reached, is_over = Event(), Event()

    def hold_on() -> None:
        reached.set()
        is_over.wait(PATIENCE_SECONDS)

    night.mail.think = hold_on
    sender = night.start_worker(concurrency=1)
    assert reached.wait(PATIENCE_SECONDS)
    night.end(sender)
    is_over.set()
    assert night.outbox() == {"sending": 1, "pending": IN_BREACH - 1}
    night.later(minutes=LEASE_MINUTES)
    night.start_worker()
    night.wait_for_mail()
    assert times_delivered(night) == ONCE
    assert night.outbox() == {"sent": IN_BREACH}


def test_the_sender_dies_between_the_answer_and_its_commit(night: Stack) -> None:
    """The server has the message, and the outbox does not know: once more, the same Message-ID."""
    with psycopg.connect(night.database_url(DATABASE)) as holder:
        taken: list[int] = []

        def take_and_hold() -> str:
            if not taken:
                holder.execute("LOCK TABLE accounts_outgoingemail IN SHARE MODE")
            taken.append(1)
            return "250 OK"

        night.mail.to_body = take_and_hold
        sender = night.start_worker(concurrency=1)
        Held(night, "accounts_outgoingemail").wait_for_somebody()
        night.end(sender)
        night.tell(FORGET)
    assert taken == [1]
    night.later(minutes=LEASE_MINUTES)
    night.start_worker()
    night.wait_for_mail()
    assert times_delivered(night) == [*ONCE[1:], 2]
    assert night.outbox() == {"sent": IN_BREACH}


def test_one_recipient_is_unknown_to_the_mail_server(night: Stack) -> None:
    night.mail.strangers.add("bench40@example.org")  # every twentieth is in breach
    night.start_worker()
    night.wait_for_publication()
    night.wait_for_mail()
    assert night.outbox() == {"sent": IN_BREACH - 1, "suppressed": 1}
    assert times_delivered(night) == ONCE[1:]
