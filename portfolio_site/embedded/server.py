"""What PostgreSQL and Valkey have in common as processes that outlive the one that starts them."""

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 30.0


class ServerError(RuntimeError):
    """A server cannot run; the sentence says why, or where to look."""


@dataclass(frozen=True)
class Server:
    name: str
    files: Path  # its working directory, by which its process is known
    socket: Path
    pid_file: Path
    log: Path
    stop_signal: signal.Signals

    def process(self) -> Any:
        """The process that serves these files; a stale pid file may name somebody else's."""
        import psutil  # comes with the wheels: production has neither

        try:
            process = psutil.Process(int(self.pid_file.read_text().split()[0]))
            return process if process.cwd() == str(self.files) else None
        except (OSError, ValueError, IndexError, psutil.Error):
            return None

    def ensure_launched(self, launch: "Callable[[Server], None]") -> None:
        if not self.socket.exists():
            self.stop()  # it may run although somebody swept its socket away
        if not self.process():
            # What a power cut has left may name any process that lives now.
            for trace in (self.pid_file, self.socket, Path(f"{self.socket}.lock")):
                trace.unlink(missing_ok=True)
            launch(self)

    def run(self, command: Sequence[str | Path], **options: Any) -> None:
        """Run one of its programs, out of reach of the terminal's Ctrl-C."""
        finished = subprocess.run(
            [str(word) for word in command],
            cwd=self.log.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            start_new_session=True,
            check=False,
            timeout=2 * PATIENCE_SECONDS,
            **options,
        )
        if finished.returncode:
            raise self.failure(finished.stderr)

    def stop(self) -> None:
        """Ask it to stop in good order; after a long wait, no longer in good order."""
        for number in (self.stop_signal, signal.SIGQUIT):
            process = self.process()
            if process is None:
                return
            process.send_signal(number)
            wait_until(lambda: self.process() is None)

    def failure(self, reason: str) -> ServerError:
        said = self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""
        return ServerError(f"{self.name} did not start. {reason}\n{self.log} ends with:\n{said}")


def wait_until(condition: Callable[[], bool]) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (fulfilled := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return fulfilled
