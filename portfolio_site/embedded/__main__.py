"""Run a command with the servers, hand signals on to it, and pass on its exit code."""

import signal
import subprocess
import sys

from portfolio_site.embedded import ServerError, servers, signals


def main(command: list[str]) -> int:
    with servers():
        child = subprocess.Popen(command)

        def hand_on(number: int, _frame: object) -> None:
            # The terminal itself brings Ctrl-C to all of its foreground processes.
            if number != signal.SIGINT or not sys.stdin.isatty():
                child.send_signal(number)

        with signals.handled(signals.ALL, hand_on):
            code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("Usage: python -m portfolio_site.embedded COMMAND [ARGUMENT...]")
    try:
        sys.exit(main(sys.argv[1:]))
    except ServerError as error:
        sys.exit(str(error))
