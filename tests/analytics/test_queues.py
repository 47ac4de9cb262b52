"""Who waits for something is served before the night and its mail, however much of that waits."""

import os
import time

from redis import Redis

from analytics import tasks
from analytics.models import PortfolioResult
from analytics.services import nights
from portfolios.services import revisions
from tests.workers import worker

WAITING = 600


def test_a_recomputation_overtakes_whatever_else_waits(hold, as_of):
    portfolio = hold({"BTC": 9, "SOL": 1}, {"BTC": "0.5", "SOL": "0.5"})
    run = nights.run_to_end(as_of=as_of)
    with revisions.changing(portfolio):
        pass
    with worker(), Redis.from_url(os.environ["REDIS_URL"]) as broker:
        for _ in range(WAITING):
            tasks.advance_night.delay(run.pk)
        tasks.recompute_portfolio.delay(portfolio.pk)
        deadline = time.monotonic() + 30
        while PortfolioResult.objects.count() < 2:
            assert time.monotonic() < deadline, "it was not computed"
            time.sleep(0.01)
        assert broker.llen("celery") > WAITING / 2
