"""`make demo` for real: a night through a worker, pages that answer, nothing left behind."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PATIENCE_SECONDS = 120


class Demo:
    """A running `manage.py demo` with files of its own, and what it has printed so far."""

    def __init__(self, directory: Path) -> None:
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ("DATABASE_URL", "REDIS_URL", "PORT", "DJANGO_SETTINGS_MODULE")
        }
        self.log = directory / "demo.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "demo"],
                cwd=REPOSITORY,
                env={**environment, "EVENKEEL_ENV": "development", "EVENKEEL_VAR": str(directory)},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.directory = directory

    def wait_until_ready(self) -> str:
        """The address it says it is ready at."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            if found := re.search(r"Evenkeel is ready at (\S+)", self.log.read_text()):
                return found[1]
            time.sleep(0.1)
        raise AssertionError(f"The demo is not ready:\n{self.log.read_text()}")

    def processes(self) -> list[psutil.Process]:
        """Every process whose command line names the demo's directory, or that descends from it."""
        alive = []
        for process in psutil.process_iter(["cmdline", "status"]):
            named = any(str(self.directory) in part for part in process.info["cmdline"] or [])
            if named and process.info["status"] != psutil.STATUS_ZOMBIE:
                alive.append(process)
        return alive + psutil.Process(self.process.pid).children(recursive=True)


@pytest.fixture
def demo(tmp_path) -> Iterator[Demo]:
    tmp_path.chmod(0o755)
    demo = Demo(tmp_path)
    yield demo
    if demo.process.poll() is None:
        os.killpg(demo.process.pid, signal.SIGINT)
        demo.process.wait(30)


def test_the_demo_measures_serves_writes_and_leaves_nothing_behind(demo):
    address = demo.wait_until_ready()
    children = demo.processes()
    assert len(children) >= 3
    with urlopen(f"{address}/account/login/", timeout=10) as page:
        assert page.status == 200
        assert "Simulated market data" in page.read().decode()
    letters = [letter.read_text() for letter in (demo.directory / "mail").glob("*.eml")]
    assert letters
    assert all("To: demo@example.org" in letter for letter in letters)

    os.killpg(demo.process.pid, signal.SIGINT)
    demo.process.wait(30)
    _gone, alive = psutil.wait_procs(children, timeout=10)
    assert [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []


def test_the_demo_runs_on_real_prices_where_some_files_have_ended(
    tmp_path, market_directory, monkeypatch
):
    """USDT's file ends in 2023 and Maker's in December 2024; the last day is 2024-12-31."""
    monkeypatch.setenv("MARKET_DATA_DIR", str(market_directory.resolve()))
    tmp_path.chmod(0o755)
    demo = Demo(tmp_path)
    try:
        address = demo.wait_until_ready()
        with urlopen(f"{address}/account/login/", timeout=10) as page:
            assert "Simulated market data" not in page.read().decode()
        letters = [letter.read_text() for letter in (demo.directory / "mail").glob("*.eml")]
        assert letters, "one, about all portfolios"
    finally:
        os.killpg(demo.process.pid, signal.SIGINT)
        demo.process.wait(30)
