"""The Celery application: `celery -A portfolio_site worker`."""

import os

from celery import Celery
from django_structlog.celery.steps import DjangoStructLogInitStep

from portfolio_site.pulse import WorkerPulse
from portfolio_site.schedule import SCHEDULE

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portfolio_site.settings")

app = Celery("evenkeel")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add(DjangoStructLogInitStep)
app.steps["consumer"].add(WorkerPulse)
app.conf.beat_schedule = SCHEDULE
app.autodiscover_tasks()
