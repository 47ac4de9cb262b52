"""How gunicorn serves the site: `gunicorn --config python:portfolio_site.gunicorn_conf ...`."""

import os
from typing import Any

from gunicorn.workers.gthread import ThreadWorker


class DrainingWorker(ThreadWorker):
    """A worker that, told to stop, still takes those who have reached its door already.

    Gunicorn's own leaves them in the listener's queue, and the kernel hangs up on them when the
    listener closes.
    """

    sockets: list[Any]
    alive: bool
    nr_conns: int

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        while not self.alive and self.sockets:
            waiting = self.nr_conns
            self.accept(self.sockets[0])
            if self.nr_conns == waiting:  # nobody is left
                self.sockets.pop(0).close()


bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"
worker_class = DrainingWorker
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 4
# No preloading: each worker opens its own pool of database connections after the fork.
preload_app = False

# Heartbeats go to memory: on a disk they would hang with it.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
control_socket_disable = True

# A worker that has grown is replaced, but not all of them at once.
max_requests = 2000
max_requests_jitter = 500

# On SIGTERM, requests at work are finished first; compose.yaml waits longer than that.
graceful_timeout = 30
keepalive = 5

accesslog = None  # structlog writes one line a request, with its id
errorlog = "-"
