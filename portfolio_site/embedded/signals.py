"""What the signals that end a process do, for a while."""

import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

# Python itself makes an exception, KeyboardInterrupt, of SIGINT only.
SILENT = (signal.SIGTERM, signal.SIGHUP)
ALL = (signal.SIGINT, *SILENT)


@contextmanager
def handled(numbers: Iterable[signal.Signals], handler: Any) -> Iterator[None]:
    """Handle these signals so within; only a process's main thread may say that."""
    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, handler) for number in numbers} if main else {}
    try:
        yield
    finally:
        for number, previous in before.items():
            if previous is not None:  # as it is when the interpreter is on its way out
                signal.signal(number, previous)


def ignored() -> AbstractContextManager[None]:
    return handled(ALL, signal.SIG_IGN)


def ending_as_exceptions() -> AbstractContextManager[None]:
    """Let a signal that would end the process unwind it, so that nothing is left running."""

    def leave(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    unhandled = [number for number in SILENT if signal.getsignal(number) == signal.SIG_DFL]
    return handled(unhandled, leave)
