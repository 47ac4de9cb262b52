"""Workers that die, stall, or tell the wrong time."""

from tests.faults.conftest import POISONED, Clean, assert_one_message_a_breach
from tests.faults.stack import Reader, Stack, wait_until

# What each stage of the night writes to last: who waits for it is in the middle of the stage.
STAGES = [
    "portfolios_dailyprice",
    "analytics_marketsnapshot",
    "analytics_runchunk",
    "analytics_portfolioresult",
    "analytics_alertevent",
    "accounts_outgoingemail",
]
IN_COPY = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event = 'ClientRead' AND query LIKE 'COPY%%'
"""
LEASE_MINUTES = 7  # and a little more


def test_a_worker_is_killed_in_every_stage(night: Stack) -> None:
    for table in STAGES:
        with night.holding(table) as held:
            worker = night.start_worker()
            held.wait_for_somebody()
            night.end(worker)
        night.later(minutes=LEASE_MINUTES)
    night.start_worker()


def test_the_children_of_a_worker_are_killed_in_mid_chunk(night: Stack) -> None:
    with night.holding("analytics_portfolioresult") as held:
        worker = night.start_worker()
        held.wait_for_somebody()
        for child in worker.children():
            child.kill()
    night.later(minutes=LEASE_MINUTES)
    wait_until(lambda: len(worker.children()) == 2, "the worker has new children")


def test_what_a_stalled_worker_writes_after_its_lease_does_not_count(night: Stack) -> None:
    """It is stopped in mid-chunk; another worker does its chunk meanwhile."""
    with night.holding("portfolios_holding", readers_too=True) as held:
        stalled = night.start_worker(concurrency=1)
        held.wait_for_somebody()
        family = [stalled, *stalled.children()]
        for process in family:
            process.suspend()
        taken = night.ask("SELECT id FROM analytics_runchunk WHERE state = 'leased'")
    night.later(minutes=LEASE_MINUTES)
    night.start_worker(concurrency=1)
    done = "SELECT state = 'done' AND attempt > 1 FROM analytics_runchunk WHERE id = %(id)s"
    wait_until(lambda: night.ask(done, id=taken), "another worker has done its chunk")
    for process in family:
        process.resume()


def test_a_worker_that_stands_still_in_a_copy_is_put_out(night: Stack) -> None:
    """PostgreSQL would wait for its rows for ever. A tick ends the connection."""
    with night.holding("analytics_portfolioresult") as held:
        stalled = night.start_worker(concurrency=1)
        held.wait_for_somebody()
        family = [stalled, *stalled.children()]
        for process in family:
            process.suspend()
    wait_until(lambda: night.ask(IN_COPY) == 1, "it has what it waited for, and stands still")
    night.start_worker(DATABASE_TIMEOUT_SECONDS="2")
    wait_until(lambda: night.ask(IN_COPY) == 0, "its connection is ended")
    night.later(minutes=LEASE_MINUTES)
    night.wait_for_publication()
    for process in family:
        process.resume()


def test_a_worker_whose_clock_is_three_hours_ahead_shares_the_night(night: Stack) -> None:
    night.start_worker(hours_ahead=3, concurrency=1)
    night.start_worker(concurrency=1)


def test_a_portfolio_that_cannot_be_computed_is_quarantined_alone(
    stack: Stack, clean: Clean
) -> None:
    stack.tell(
        "UPDATE portfolios_holding SET quantity = 'NaN' WHERE portfolio_id = %(id)s", id=POISONED
    )
    stack.start_beat()
    with Reader(stack):
        stack.start_worker()
        stack.wait_for_publication()
        stack.wait_for_mail()
    quarantined = stack.ask(
        "SELECT array_agg(ARRAY[first_portfolio_id, last_portfolio_id])"
        " FROM analytics_runchunk WHERE state = 'quarantined'"
    )
    assert quarantined == [[POISONED, POISONED]]
    assert stack.fingerprint() == clean.without_poisoned
    assert_one_message_a_breach(stack)
