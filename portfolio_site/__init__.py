import os

# Before NumPy is loaded. Processes share the cores: threads of their linear algebra would wait for
# one another in a loop, and two workers would take longer than one (docs/benchmarks.md).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from portfolio_site.celery import app as celery_app

__all__ = ["celery_app"]
