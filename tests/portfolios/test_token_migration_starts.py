"""Large token migrations are begun by staff and ended by a worker, whatever happens to it."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from portfolios import tasks
from portfolios.admin import token_migrations as admin_pages
from portfolios.models import Holding, Portfolio, TokenMigration
from portfolios.services import token_migrations
from portfolios.services.errors import TokenMigrationError
from tests.factories import HoldingFactory, PortfolioFactory, UserFactory, staff
from tests.portfolios.test_admin import act, confirm, history
from tests.portfolios.test_token_migrations import TODAY, facts, prepare, quantities
from tests.workers import somebody_waits_for_a_lock, wait, worker

State = TokenMigration.State
LIST = "/admin/portfolios/tokenmigration/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def migration() -> TokenMigration:
    """1 OLD becomes 24,000 NEW; a dozen portfolios hold one."""
    migration = prepare()
    owner = UserFactory()
    for _ in range(12):
        HoldingFactory(portfolio=PortfolioFactory(owner=owner), asset=migration.old_asset)
    return migration


@pytest.fixture
def rings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The migrations that were rung for; nobody hears it."""
    heard: list[int] = []
    for name in ("delay", "delay_on_commit"):
        monkeypatch.setattr(tasks.carry_out_token_migration, name, heard.append)
    return heard


def start(migration: TokenMigration, change: State = State.APPLYING) -> None:
    token_migrations.start(migration=migration, change=change, today=TODAY, by=staff())


def carry_out(migration: TokenMigration, today: date = TODAY) -> None:
    token_migrations.carry_out(migration_id=migration.pk, today=today)
    migration.refresh_from_db()


def dies(*_: Any, **__: Any) -> None:
    raise SystemExit("killed")


def test_a_large_one_is_started_in_the_admin_and_its_list_says_how_far_it_is(
    client: Client,
    migration: TokenMigration,
    rings: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admin_pages, "DONE_AT_ONCE", 11)
    by = staff()
    client.force_login(by)
    answer = confirm(client, LIST, act(client, "apply", migration).text).text
    assert "has been started" in answer
    assert "Being applied, waiting" in answer
    assert rings == [migration.pk]
    assert Holding.objects.filter(asset=migration.new_asset).count() == 0

    token_migrations.carry_out(migration_id=migration.pk, today=TODAY)
    done = "Applied 1 OLD → 24,000 NEW: 12 portfolios and 0 model portfolios changed."
    assert done in client.get(LIST).text
    assert done in history(client, migration)
    assert LogEntry.objects.get(change_message=done).user == by

    confirm(client, LIST, act(client, "reverse", migration).text)
    assert "Being reversed, waiting" in client.get(LIST).text
    carry_out(migration)
    assert (migration.state, migration.applied_at) == (State.PREPARED, None)
    assert "Reversed 1 OLD → 24,000 NEW: 12 portfolios" in client.get(LIST).text


def test_a_small_one_is_done_at_once(client: Client, migration: TokenMigration) -> None:
    client.force_login(staff())
    answer = confirm(client, LIST, act(client, "apply", migration).text).text
    assert "Applied 1 OLD → 24,000 NEW: 12 portfolios" in answer


def test_without_a_broker_it_is_started_and_rung_for_later(
    client: Client, migration: TokenMigration, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kombu.exceptions import OperationalError

    def away(_: int) -> None:
        raise OperationalError

    monkeypatch.setattr(admin_pages, "DONE_AT_ONCE", 0)
    monkeypatch.setattr(tasks.carry_out_token_migration, "delay_on_commit", away)
    client.force_login(staff())
    assert "has been started" in confirm(client, LIST, act(client, "apply", migration).text).text
    assert token_migrations.unfinished() == [migration.pk]


@pytest.mark.parametrize("change", [State.APPLYING, State.REVERSING])
def test_what_is_under_way_is_not_started_again_edited_or_removed(
    client: Client, migration: TokenMigration, change: State
) -> None:
    start(migration)
    with pytest.raises(TokenMigrationError, match="is applying already. Wait until it is done"):
        start(migration, change)
    client.force_login(staff())
    address = reverse("admin:portfolios_tokenmigration_change", args=[migration.pk])
    client.post(address, {"new_units": "7", "effective_on": "2024-01-01"})
    migration.refresh_from_db()
    assert migration.new_units == 24_000
    removal = reverse("admin:portfolios_tokenmigration_delete", args=[migration.pk])
    assert client.post(removal, {"post": "yes"}).status_code == 409


def test_carrying_out_twice_moves_once(migration: TokenMigration) -> None:
    start(migration)
    carry_out(migration)
    before = facts()
    carry_out(migration)
    assert facts() == before
    assert set(Portfolio.objects.values_list("revision", flat=True)) == {2}


def test_nothing_is_carried_out_that_nobody_started(migration: TokenMigration) -> None:
    before = facts()
    carry_out(migration)
    assert facts() == before
    assert migration.state == State.PREPARED


@pytest.mark.parametrize("change", [State.APPLYING, State.REVERSING])
def test_a_worker_that_dies_leaves_nothing_half_done_and_the_next_one_ends_it(
    migration: TokenMigration, change: State, rings: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    if change == State.REVERSING:
        start(migration)
        carry_out(migration)
    start(migration, change)
    before = facts()
    with monkeypatch.context() as broken:
        for name in ("add", "remove"):  # the last that is done
            broken.setattr(token_migrations.price_continuations, name, dies)
        with pytest.raises(SystemExit):
            carry_out(migration)
    assert facts() == before
    migration.refresh_from_db()
    assert (migration.state, migration.attempt) == (change, 1)

    tasks.ring_for_token_migrations()
    assert rings == [migration.pk]
    carry_out(migration)
    assert migration.state == {"applying": "applied", "reversing": "prepared"}[change]
    tasks.ring_for_token_migrations()
    assert rings == [migration.pk]


def test_what_never_ends_is_given_up_with_a_sentence(
    migration: TokenMigration, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(migration)
    before = facts()
    with monkeypatch.context() as broken:
        broken.setattr(token_migrations.price_continuations, "add", dies)
        for _ in range(token_migrations.MAX_ATTEMPTS):
            with pytest.raises(SystemExit):
                carry_out(migration)
        carry_out(migration)
    assert migration.state == State.PREPARED
    assert migration.outcome == "It was begun 5 times and never ended. Nothing has changed."
    assert facts() == before
    start(migration)
    carry_out(migration)
    assert migration.state == State.APPLIED


def test_what_became_impossible_meanwhile_says_why_and_changes_nothing(
    migration: TokenMigration,
) -> None:
    start(migration)
    migration.new_asset.is_active = False
    migration.new_asset.save()
    before = facts()
    carry_out(migration)
    assert migration.state == State.PREPARED
    assert migration.outcome.endswith("is not active. Activate it first. Nothing has changed.")
    assert facts() == before


def test_a_failed_repetition_leaves_what_is_applied_applied(
    migration: TokenMigration, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(migration)
    carry_out(migration)
    start(migration)
    monkeypatch.setattr(token_migrations, "MAX_ATTEMPTS", 0)
    carry_out(migration)
    assert migration.state == State.APPLIED


@pytest.mark.django_db(transaction=True)
def test_four_workers_at_once_move_every_portfolio_once(migration: TokenMigration) -> None:
    start(migration)

    def work(_: int) -> None:
        try:
            token_migrations.carry_out(migration_id=migration.pk, today=TODAY)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    migration.refresh_from_db()
    assert migration.state == State.APPLIED
    assert set(Portfolio.objects.values_list("revision", flat=True)) == {2}
    held = Holding.objects.values_list("asset", "quantity").distinct()
    assert list(held) == [(migration.new_asset_id, Decimal(24_000))]


@pytest.mark.django_db(transaction=True)
def test_a_real_worker_is_killed_in_the_middle_and_another_one_ends_its_work(
    migration: TokenMigration,
) -> None:
    last = Portfolio.objects.order_by("-pk").first()
    assert last is not None
    start(migration)
    with worker() as process, transaction.atomic():
        Portfolio.objects.select_for_update().get(pk=last.pk)
        tasks.carry_out_token_migration.delay(migration.pk)
        wait(somebody_waits_for_a_lock)
        os.killpg(process.pid, signal.SIGKILL)
    migration.refresh_from_db()
    assert (migration.state, migration.attempt) == (State.APPLYING, 1)
    assert quantities(last) == {"OLD": Decimal(1)}
    with worker():
        tasks.ring_for_token_migrations()
        wait(lambda: token_migrations.unfinished() == [])
    migration.refresh_from_db()
    assert migration.outcome.startswith("Applied 1 OLD → 24,000 NEW: 12 portfolios")
    assert set(Portfolio.objects.values_list("revision", flat=True)) == {2}
    assert quantities(last) == {"NEW": Decimal(24_000)}
