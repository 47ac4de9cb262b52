"""PostgreSQL and Valkey out of wheels, for development and tests.

`with servers():` gives a process, and the processes it starts, whichever of DATABASE_URL and
REDIS_URL is not set, from servers that listen on Unix sockets only and keep their files under
`var/`. Any number of processes may share them: each holds a shared lock on `servers.lock`, which
vanishes with the process however it dies, and whoever can make that lock exclusive when leaving
is the last one out and stops the servers. In production all this does nothing.

`python -m portfolio_site.embedded COMMAND...` runs any command with the servers.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from portfolio_site import environment
from portfolio_site.embedded import places, postgres, signals, valkey
from portfolio_site.embedded.server import ServerError

__all__ = ["ServerError", "servers"]

BASE_DIR = Path(__file__).resolve().parent.parent.parent


@contextmanager
def servers(directory: Path | None = None) -> Iterator[None]:
    """Keep the servers running whose URLs are not set, and set their URLs meanwhile."""
    environment.env.read_env(str(BASE_DIR / ".env"), recurse=False)
    wanted = [key for key in ("DATABASE_URL", "REDIS_URL") if not os.environ.get(key)]
    if environment.name() == "production" or not wanted:
        yield
        return
    var = directory or Path(os.environ.get("EVENKEEL_VAR") or BASE_DIR / "var")
    var.mkdir(parents=True, exist_ok=True)
    if not os.access(var, os.W_OK):
        raise ServerError(f"{var} belongs to another user. Remove it, or set EVENKEEL_VAR.")
    with signals.ending_as_exceptions(), _shared(var.resolve(), wanted) as urls:
        os.environ.update(urls)
        try:
            yield
        finally:
            for key in urls:
                os.environ.pop(key, None)


@contextmanager
def _shared(var: Path, wanted: list[str]) -> Iterator[dict[str, str]]:
    """Be one of the processes that use the servers: the first starts, the last stops them."""
    door = var / "door.lock"  # one process at a time comes in or goes out
    with (var / "servers.lock").open("a") as users:
        try:
            with _locked(door):
                fcntl.flock(users, fcntl.LOCK_SH)
                urls = _start(var, wanted)
            yield urls
        finally:
            # A second Ctrl-C must not leave the servers behind.
            with signals.ignored(), _locked(door):
                if _is_last(users):
                    _stop(var)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_last(users: IO[str]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _start(var: Path, wanted: list[str]) -> dict[str, str]:
    """Start the servers side by side, wait for both, and return their URLs."""
    urls = {}
    run = places.for_sockets(var / "run")
    if "REDIS_URL" in wanted:
        doorbell = valkey.server(var / "valkey", run)
        doorbell.ensure_launched(valkey.launch)
    if "DATABASE_URL" in wanted:
        truth = postgres.server(places.for_files(var / "postgres"), run)
        truth.ensure_launched(postgres.launch)
        urls["DATABASE_URL"] = postgres.database_url(run)
    if "REDIS_URL" in wanted:
        urls["REDIS_URL"] = valkey.url(doorbell)
    return urls


def _stop(var: Path) -> None:
    run = (var / "run").resolve()
    valkey.server(var / "valkey", run).stop()
    postgres.server((var / "postgres").resolve(), run).stop()
    if (var / "run").is_symlink():
        shutil.rmtree(run, ignore_errors=True)
        (var / "run").unlink()
