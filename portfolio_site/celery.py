"""The Celery application: `celery -A portfolio_site worker`."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_process_init
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
