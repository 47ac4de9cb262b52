"""Worker and beat have a pulse, and the image's health check feels it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from portfolio_site import pulse
from tests.workers import REPOSITORY, worker

PATIENCE_SECONDS = 40


@contextmanager
def beat(schedule: Path, **environment: str) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", "--quiet", "-A", "portfolio_site", "beat",
         "--loglevel", "WARNING", "--pidfile=", "--schedule", str(schedule)],
        cwd=REPOSITORY, env={**os.environ, **environment}, start_new_session=True,
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
