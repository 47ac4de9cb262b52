"""What every process of the site is like once it has loaded."""

import json
import os
import subprocess
import sys

from tests.workers import REPOSITORY

LOADED = """
import json, sys
import django
django.setup()
import analytics.tasks, portfolio_site.urls
from threadpoolctl import threadpool_info
print(json.dumps({
    "threads": [library["num_threads"] for library in threadpool_info()],
    "slow": "scipy.signal" in sys.modules,
}))
"""


def test_a_process_computes_in_one_thread_and_loads_nothing_that_takes_a_second():
    environment = {name: value for name, value in os.environ.items() if "_NUM_THREADS" not in name}
    loaded = subprocess.run(
        [sys.executable, "-c", LOADED],
        cwd=REPOSITORY,
        env={**environment, "DJANGO_SETTINGS_MODULE": "portfolio_site.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(loaded.stdout)
    assert found["threads"], "no linear algebra was loaded"
    assert set(found["threads"]) == {1}, "workers would wait for each other's threads"
    assert not found["slow"]
