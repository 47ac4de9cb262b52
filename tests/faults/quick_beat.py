"""`python -m tests.faults.quick_beat FILE`: the site's own beat, with seconds for minutes."""

import sys

from portfolio_site.celery import app

for job in ("tick", "mail"):
    app.conf.beat_schedule[job]["schedule"] = 1.0
app.start(["--quiet", "beat", "--loglevel", "WARNING", "--pidfile=", "--schedule", sys.argv[1]])
