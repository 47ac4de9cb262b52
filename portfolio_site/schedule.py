"""Every periodic job, in UTC. A missed or doubled tick is harmless: each asks PostgreSQL what is due."""

from celery.schedules import crontab

SCHEDULE = {
    "tick": {"task": "analytics.tasks.tick", "schedule": crontab(), "options": {"expires": 55}},
    "mail": {"task": "accounts.tasks.send_due_mail", "schedule": crontab(), "options": {"expires": 55}},
}
