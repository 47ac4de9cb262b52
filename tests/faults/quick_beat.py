"""`python -m tests.faults.quick_beat FILE`: the site's own beat, with seconds for minutes.

It rings for nights, mail and webhooks alone: what is due at an hour of the day would write other
letters.
"""

import sys

from portfolio_site.celery import app

app.conf.beat_schedule = {
    job: app.conf.beat_schedule[job] | {"schedule": 1.0} for job in ("tick", "mail", "webhooks")
}
app.start(["--quiet", "beat", "--loglevel", "WARNING", "--pidfile=", "--schedule", sys.argv[1]])
