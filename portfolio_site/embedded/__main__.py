"""Run a command with the servers, hand signals on to it, and pass on its exit code."""

import signal
import subprocess
import sys

from portfolio_site.embedded import ServerError, servers, signals


def main(command: list[str]) -> int:
    children: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def hand_on(number: int, _frame: object) -> None:
        if not children:
            early.append(number)
        # The terminal itself brings Ctrl-C to all of its foreground processes.
        elif number != signal.SIGINT or not sys.stdin.isatty():
            children[0].send_signal(number)

    with servers(), signals.handled(signals.ALL, hand_on):
        child = subprocess.Popen(command)
        children.append(child)
        for number in early:
            child.send_signal(number)
        code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("Usage: python -m portfolio_site.embedded COMMAND [ARGUMENT...]")
    try:
        sys.exit(main(sys.argv[1:]))
    except ServerError as error:
        sys.exit(str(error))
