"""Where the servers' files and sockets lie: under `var/`, if that will do."""

import importlib.util
import os
import re
import stat
import sys
import tempfile
from pathlib import Path

from portfolio_site.embedded.server import ServerError

LONGEST_SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_BYTES = 103  # what a socket's address holds on macOS; Linux has room for 107


def for_files(directory: Path) -> Path:
    place = _place(directory, usable=open_to_others(directory.parent), otherwise="/var/lib")
    if directory.is_symlink():
        print(f"{directory.parent} is closed to PostgreSQL: data is in {place}.", file=sys.stderr)
    return place


def for_sockets(directory: Path) -> Path:
    """A directory whose path is short enough for a socket, and plain enough for any URL parser."""
    longest = os.fsencode(directory / LONGEST_SOCKET_NAME)
    plain = re.fullmatch(rb"[\w/.+-]+", longest) is not None
    usable = plain and len(longest) <= SOCKET_PATH_BYTES and open_to_others(directory.parent)
    return _place(directory, usable=usable, otherwise="/tmp")


def open_to_others(directory: Path) -> bool:
    """Whether the user that PostgreSQL runs as under root can get there: not into /root, say."""
    way = (directory, *directory.parents)
    return os.geteuid() != 0 or all(place.stat().st_mode & stat.S_IXOTH for place in way)


def _place(link: Path, *, usable: bool, otherwise: str) -> Path:
    """Make a directory, or where that is of no use a link to one elsewhere."""
    if not link.exists():
        link.unlink(missing_ok=True)  # it led to a directory that is gone
        if usable:
            link.mkdir(mode=0o700)
        else:
            link.symlink_to(tempfile.mkdtemp(prefix="evenkeel-", dir=otherwise))
    return link.resolve()


def installed(package: str) -> Path:
    """Where a package of requirements/local.txt lies; importing it would take its time."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ServerError(
            f"{package} is not installed. Install requirements/local.txt, or set DATABASE_URL and "
            "REDIS_URL to servers of your own."
        )
    return Path(spec.origin).parent
