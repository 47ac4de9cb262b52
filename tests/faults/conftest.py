"""A night of 600 portfolios, 30 of them newly in breach, ready to be disturbed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.stack import Reader, Stack

PORTFOLIOS = 600
IN_BREACH = 30
POISONED = 333  # not in breach


@dataclass(frozen=True)
class Clean:
    """What an undisturbed night comes to."""

    fingerprint: str
    without_poisoned: str


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one process of pytest-xdist take all of these: they share the prepared stack."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.xdist_group("faults"))


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Clean]]:
    stack = Stack(tmp_path_factory.mktemp("stack"))
    stack.smtp.start()
    try:
        stack.start_postgres()
        stack.start_valkey()
        stack.prepare(portfolios=PORTFOLIOS)
        stack.renew()
        stack.manage("nightly")
        yield stack, Clean(stack.fingerprint(), stack.fingerprint(but=[POISONED]))
    finally:
        stack.stop()
        stack.smtp.stop()


@pytest.fixture
def clean(prepared: tuple[Stack, Clean]) -> Clean:
    return prepared[1]


@pytest.fixture
def stack(prepared: tuple[Stack, Clean]) -> Iterator[Stack]:
    stack, _ = prepared
    stack.start_postgres()
    stack.renew()
    yield stack
    stack.end_processes()


@pytest.fixture
def night(stack: Stack, clean: Clean) -> Iterator[Stack]:
    """A stack whose night, whatever the test does to it, has to end as a clean one does."""
    stack.start_beat()
    with Reader(stack):
        yield stack
        stack.wait_for_publication()
        stack.wait_for_mail()
    assert stack.fingerprint() == clean.fingerprint
    assert_one_message_a_breach(stack)


def assert_one_message_a_breach(stack: Stack) -> None:
    alerts = stack.ask("SELECT count(*) FROM analytics_alertevent")
    alerted = stack.ask("SELECT count(DISTINCT portfolio_id) FROM analytics_alertevent")
    assert alerts == alerted == IN_BREACH
    letters = stack.ask(
        "SELECT count(DISTINCT letter_id) FROM accounts_notification WHERE kind = 'drift'"
    )
    assert letters == IN_BREACH
