"""An import goes on where a worker died, and doubles nothing."""

import os
import signal
from decimal import Decimal

import pytest
from django.db import transaction

from portfolios import tasks
from portfolios.models import Import, Portfolio
from portfolios.services import imports
from tests.portfolios.test_imports import NOW, held, portfolio, statement, upload  # noqa: F401
from tests.workers import somebody_waits_for_a_lock, wait, worker

ROWS = 25


@pytest.mark.django_db(transaction=True)
def test_a_real_worker_is_killed_in_the_middle_and_another_one_ends_its_work(
    portfolio: Portfolio,  # noqa: F811
) -> None:
    rows = [f"{1 + n % 28} Deposit ETH {n + 1}" for n in range(ROWS)]
    import_run = upload(portfolio, statement(*rows))
    imports.confirm(import_run=import_run, leave_out_refused=False, now=NOW)
    assert imports.carry_out(import_id=import_run.pk, now=NOW, chunk=10)
    before = held(portfolio)
    with worker() as process, transaction.atomic():
        # It has written its rows when it comes to the holding, and waits there.
        portfolio.holdings.select_for_update().get()
        tasks.carry_out_import.delay(import_run.pk)
        wait(somebody_waits_for_a_lock)
        os.killpg(process.pid, signal.SIGKILL)
    import_run.refresh_from_db()
    assert (import_run.state, import_run.done) == (Import.State.IMPORTING, 10)
    assert (portfolio.transactions.count(), held(portfolio)) == (10, before)
    with worker():
        tasks.ring_for_imports()
        wait(lambda: imports.unfinished() == [])
    import_run.refresh_from_db()
    assert (import_run.state, import_run.added) == (Import.State.IMPORTED, ROWS)
    assert import_run.transactions.count() == portfolio.transactions.count() == ROWS
    assert held(portfolio) == {"ETH": Decimal(sum(range(1, ROWS + 1)))}
