"""Worker and beat have a pulse, and the image's health check feels it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

import pytest
from redis import Redis

from portfolio_site import pulse
from portfolio_site.embedded import places, valkey
from tests.workers import REPOSITORY, wait, worker

PATIENCE_SECONDS = 40


def beat(schedule: Path, **environment: str) -> AbstractContextManager[None]:
    return running(
        "-m", "celery", "--quiet", "-A", "portfolio_site", "beat",
        "--loglevel", "WARNING", "--pidfile=", "--schedule", str(schedule), **environment,
    )  # fmt: skip


@contextmanager
def running(*arguments: str, log: IO[bytes] | None = None, **environment: str) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=REPOSITORY, env={**os.environ, **environment},
        start_new_session=True, stderr=log, stdout=log,
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait(15)


def assert_touched_again_and_again(path: Path) -> None:
    """Three times, seconds apart."""
    seen: set[float] = set()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(seen) < 3:
        assert time.monotonic() < deadline, f"touched at {sorted(seen)} only"
        if path.exists():
            seen.add(path.stat().st_mtime)
        time.sleep(0.1)


@pytest.mark.usefixtures("transactional_db")
def test_worker_and_beat_touch_their_files(tmp_path):
    with (
        worker(PULSE_FILE=str(tmp_path / "worker")),
        beat(tmp_path / "schedule", PULSE_FILE=str(tmp_path / "beat")),
    ):
        assert_touched_again_and_again(tmp_path / "worker")
        assert_touched_again_and_again(tmp_path / "beat")


def test_a_beat_that_never_had_a_broker_lives_and_rings_once_it_comes(tmp_path):
    """It looks for the broker when the first entry is due, here after a second."""
    broker = valkey.server(tmp_path / "valkey", places.for_sockets(tmp_path / "run"))
    pulse_file, said = tmp_path / "pulse", tmp_path / "said"
    quick_beat = ("-m", "tests.faults.quick_beat", str(tmp_path / "schedule"))
    environment = {"REDIS_URL": f"unix://{broker.socket}", "PULSE_FILE": str(pulse_file)}
    with (
        said.open("wb") as log,
        running(*quick_beat, log=log, **environment),
    ):
        wait(lambda: "beat finds no broker" in said.read_text(), PATIENCE_SECONDS)
        pulse_file.unlink()
        assert_touched_again_and_again(pulse_file)
        try:
            broker.ensure_launched(valkey.launch)
            with Redis(unix_socket_path=str(broker.socket)) as queue:
                wait(lambda: queue.llen("celery") > 0, PATIENCE_SECONDS)
        finally:
            broker.stop()


def check(**environment: str) -> subprocess.CompletedProcess[str]:
    """As the image runs it."""
    return subprocess.run(
        [sys.executable, "-I", "portfolio_site/livecheck.py"],
        cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_health_check_tells_a_fresh_pulse_from_an_old_and_from_none(tmp_path):
    file = tmp_path / "pulse"
    assert check(PULSE_FILE=str(file)).returncode != 0
    file.touch()
    assert check(PULSE_FILE=str(file)).returncode == 0
    an_hour_ago = time.time() - 3600
    os.utime(file, (an_hour_ago, an_hour_ago))
    stale = check(PULSE_FILE=str(file))
    assert stale.returncode != 0
    assert "No pulse for 3600 s." in stale.stderr


def test_without_a_file_there_is_nothing_to_touch(settings):
    settings.PULSE_FILE = ""
    pulse.touch()
