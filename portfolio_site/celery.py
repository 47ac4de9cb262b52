"""The Celery application: `celery -A portfolio_site worker`."""

import gc
import os
import signal
from threading import Timer
from typing import Any

from celery import Celery
from celery.signals import worker_process_init, worker_shutting_down
from django.conf import settings
from django_structlog.celery.steps import DjangoStructLogInitStep

from portfolio_site.pulse import WorkerPulse
from portfolio_site.schedule import SCHEDULE

NICENESS = 10
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portfolio_site.settings")

app = Celery("evenkeel")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add(DjangoStructLogInitStep)
app.steps["consumer"].add(WorkerPulse)
app.conf.beat_schedule = SCHEDULE
app.autodiscover_tasks()


@worker_process_init.connect
def give_way(**_: Any) -> None:
    """Pages on the same cores come first; between containers compose.yaml says so."""
    os.nice(NICENESS)


@worker_process_init.connect
def keep_what_is_loaded(**_: Any) -> None:
    """Spare the garbage collector the code and models, which live as long as the worker.

    Looking through them again and again was a fifth of measuring portfolios that count tax.
    """
    gc.collect()
    gc.freeze()


@worker_shutting_down.connect
def be_patient_for_a_while(how: str, **_: Any) -> None:
    """A worker that is stopped ends with its last task, or gives that back when time is up.

    Celery's own soft shutdown always sleeps for the whole time, whatever is left to do.
    """
    if how == "Warm":
        patience = Timer(settings.WORKER_SHUTDOWN_SECONDS, os.kill, [os.getpid(), signal.SIGQUIT])
        patience.daemon = True
        patience.start()
