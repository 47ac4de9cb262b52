"""`python -m tests.faults.skewed HOURS ARGUMENT...`: Celery with a clock that is hours ahead."""

import sys
from datetime import UTC, datetime, timedelta

import time_machine
from celery.__main__ import main

hours, sys.argv = float(sys.argv[1]), ["celery", *sys.argv[2:]]
with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours), tick=True):
    main()
