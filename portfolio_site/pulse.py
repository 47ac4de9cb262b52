"""A file that worker and beat touch while their main loops turn: PULSE_FILE, for health checks.

A worker that cannot take tasks, its broker away say, has no pulse. Unlike `celery inspect ping`,
a look at the file costs nothing and needs no broker (livecheck.py).
"""

from pathlib import Path
from typing import Any

import structlog
from celery import bootsteps
from celery.beat import PersistentScheduler
from django.conf import settings

EVERY_SECONDS = 2
logger = structlog.get_logger(__name__)


def touch() -> None:
    """Nothing when PULSE_FILE is not set."""
    if settings.PULSE_FILE:
        Path(settings.PULSE_FILE).touch()


class WorkerPulse(bootsteps.StartStopStep):
    """On the consumer's timer: begun anew whenever the worker has reached its broker."""

    requires = {"celery.worker.consumer.connection:Connection"}
    timer: Any = None

    def start(self, consumer: Any) -> None:
        touch()
        self.timer = consumer.timer.call_repeatedly(EVERY_SECONDS, touch)

    def stop(self, consumer: Any) -> None:
        if self.timer:
            self.timer.cancel()
            self.timer = None


class Scheduler(PersistentScheduler):
    """Beat's own, which also touches the file, and looks up often enough for that."""

    max_interval = EVERY_SECONDS

    def tick(self, *arguments: Any, **options: Any) -> Any:
        touch()
        return super().tick(*arguments, **options)

    def _ensure_connected(self) -> Any:
        """Wait for a broker that has never been there, for as long as it takes, and alive.

        Celery's own is asked for when the first entry is due, gives up after a hundred tries, and
        holds up the loop, and with it the pulse, until then.
        """
        return self.connection.ensure_connection(
            _tell, interval_start=EVERY_SECONDS, interval_step=0, callback=touch
        )


def _tell(error: Exception, interval: float) -> None:
    logger.error("beat finds no broker", error=str(error), next_try_in=interval)
