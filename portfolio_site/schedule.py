"""Every periodic job, in UTC.

A missed or doubled tick is harmless: each job asks PostgreSQL what is due.
"""

from celery.schedules import crontab

SCHEDULE: dict[str, dict[str, object]] = {
    "tick": {"task": "analytics.tasks.tick", "schedule": crontab(), "options": {"expires": 55}},
    "mail": {
        "task": "accounts.tasks.send_due_mail",
        "schedule": crontab(),
        "options": {"expires": 55},
    },
    "webhooks": {
        "task": "accounts.tasks.send_webhooks",
        "schedule": crontab(),
        "options": {"expires": 55},
    },
    "purge-webhooks": {
        "task": "accounts.tasks.purge_webhooks",
        "schedule": crontab(hour="3", minute="25"),
    },
    "tell-month": {
        "task": "analytics.tasks.tell_month",
        "schedule": crontab(hour="5", minute="10", day_of_month="1-7"),
    },
    "purge-nights": {
        "task": "analytics.tasks.purge_nights",
        "schedule": crontab(hour="3", minute="40"),
    },
    "purge-sessions": {
        "task": "accounts.tasks.purge_sessions",
        "schedule": crontab(hour="3", minute="20"),
    },
    "purge-mail": {"task": "accounts.tasks.purge_mail", "schedule": crontab(hour="3", minute="10")},
    "review-reminders": {
        "task": "analytics.tasks.remind_of_reviews",
        "schedule": crontab(hour="6", minute="10"),
    },
    "purge-notifications": {
        "task": "accounts.tasks.purge_notifications",
        "schedule": crontab(hour="3", minute="15"),
    },
    "purge-guests": {"task": "accounts.tasks.purge_guests", "schedule": crontab(minute="40")},
    "purge-portfolios": {
        "task": "portfolios.tasks.purge_deleted_portfolios",
        "schedule": crontab(hour="3", minute="20"),
    },
    "token-migrations": {
        "task": "portfolios.tasks.ring_for_token_migrations",
        "schedule": crontab(),
        "options": {"expires": 55},
    },
    "imports": {
        "task": "portfolios.tasks.ring_for_imports",
        "schedule": crontab(),
        "options": {"expires": 55},
    },
    "purge-imports": {
        "task": "portfolios.tasks.purge_imports",
        "schedule": crontab(hour="3", minute="50"),
    },
}
