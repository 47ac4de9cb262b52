"""The image's health check: exits with 0 if what runs in this container is alive.

Of a worker or beat the pulse (PULSE_FILE) must be fresh; a web server must answer /livez. Run by
path, not as a module: it needs nothing of the site, every few seconds.
"""

import os
import sys
import time
import urllib.request
from pathlib import Path

STALE_AFTER_SECONDS = 60


def check_pulse(path: Path) -> None:
    age = time.time() - path.stat().st_mtime
    if age > STALE_AFTER_SECONDS:
        sys.exit(f"No pulse for {age:.0f} s.")


def check_web() -> None:
    host = os.environ["ALLOWED_HOSTS"].split(",")[0].strip().lstrip(".*") or "localhost"
    request = urllib.request.Request(
        f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/livez", headers={"Host": host}
    )
    urllib.request.urlopen(request, timeout=3)


if pulse := os.environ.get("PULSE_FILE"):
    check_pulse(Path(pulse))
else:
    check_web()
