"""The product as processes of its own, to be broken: servers, workers, beat, mail server."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil
import psycopg
from redis import Redis

from analytics.services import nights
from benchmarks.night import seed
from portfolio_site.embedded import places, postgres, valkey
from tests.accounts.conftest import AnyPort, MailServer

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PREPARED, DATABASE = "evenkeel", "evenkeel_night"
CHUNK_SIZE = 50
PATIENCE_SECONDS = 60

# A breach is written about once acting is worth its cost: over ten years all of these are.
EVERY_BREACH_PAYS = "UPDATE portfolios_portfolio SET horizon_days = 3650"
# What a night leaves behind, apart from the numbers that a database gives its rows. Figures have
# nine digits: a portfolio may be computed among others than in a clean run, so that the last of
# sixteen may differ, and the more are compared, the likelier one lies on a rounding's edge.
FINGERPRINT = """
    SELECT md5(string_agg(line, E'\n' ORDER BY line)) FROM (
        SELECT concat_ws(' ', 'result', portfolio_id, revision, status,
                         rounded(ARRAY[value, worst_drift, band, volatility, risk_coverage]),
                         asset_ids, rounded(values), rounded(weights), rounded(target_weights),
                         rounded(risk_contributions)) AS line
        FROM analytics_portfolioresult WHERE run_id = %(run)s AND portfolio_id <> ALL(%(but)s)
        UNION ALL
        SELECT concat_ws(' ', 'suggestion', portfolio_id, revision, rounded(ARRAY[cost]),
                         asset_ids, rounded(amounts), rounded(quantities))
        FROM analytics_suggestion WHERE run_id = %(run)s AND portfolio_id <> ALL(%(but)s)
    ) AS written
"""
ROUNDED = """
    CREATE FUNCTION rounded(figures float8[]) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT string_agg(to_char(figure, '9.99999999EEEE'), ',' ORDER BY place)
       FROM unnest(figures) WITH ORDINALITY AS listed(figure, place) $$
"""
LATER = """
    UPDATE analytics_runchunk SET lease_until = lease_until - %(by)s;
    UPDATE accounts_outgoingemail SET lease_until = lease_until - %(by)s, due_at = due_at - %(by)s;
"""


class Stack:
    """PostgreSQL and Valkey in a directory of their own, and whatever is started beside them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        run = places.for_sockets(home / "run")
        self.postgres = postgres.server(places.for_files(home / "postgres"), run)
        self.valkey = valkey.server(home / "valkey", run)
        self.run_directory = run
        self.mail = Postmaster()
        self.smtp = AnyPort(self.mail, hostname="127.0.0.1", port=0)
        self.processes: list[subprocess.Popen[bytes]] = []

    # --- Servers ---

    def start_postgres(self) -> None:
        self.postgres.ensure_launched(postgres.launch)

    def start_valkey(self) -> None:
        self.valkey.ensure_launched(valkey.launch)
        valkey.url(self.valkey)

    def kill_valkey(self) -> None:
        self.valkey.process().kill()
        self.valkey.socket.unlink(missing_ok=True)

    def forget_messages(self) -> None:
        Redis(unix_socket_path=str(self.valkey.socket)).flushall()

    def crash_postgres(self) -> None:
        """End it without a farewell; what it had not committed is gone."""
        process = self.postgres.process()
        process.send_signal(signal.SIGQUIT)
        process.wait(10)

    def close_mail(self) -> None:
        self.smtp.stop()

    def open_mail(self) -> None:
        """Where it was before, so that those who know it find it."""
        self.smtp = AnyPort(self.mail, hostname="127.0.0.1", port=self.smtp.port)
        self.smtp.start()

    def stop(self) -> None:
        self.end_processes()
        self.valkey.stop()
        self.postgres.stop()

    def environment(self, database: str = DATABASE) -> dict[str, str]:
        return {
            **os.environ,
            "EVENKEEL_VAR": str(self.home),
            "DATABASE_URL": self.database_url(database),
            "REDIS_URL": f"unix://{self.valkey.socket}",
            "EMAIL_URL": f"smtp://127.0.0.1:{self.smtp.port}",
            "NIGHT_CHUNK_SIZE": str(CHUNK_SIZE),
            "MAILS_PER_SECOND": "1000",
            "LOG_LEVEL": "WARNING",
        }

    def database_url(self, name: str) -> str:
        return postgres.database_url(self.run_directory).rsplit("/", 1)[0] + f"/{name}"

    # --- The database ---

    def prepare(self, *, portfolios: int) -> None:
        """A database with a market and portfolios, to be copied for every night."""
        before = due_day() - timedelta(days=1)
        for command in (["migrate"], ["load_catalogue"], ["nightly", f"--as-of={before}"]):
            self.manage(*command, database=PREPARED)
        with psycopg.connect(self.database_url(PREPARED), autocommit=True) as connection:
            seed(connection, portfolios, as_of=before)
            connection.execute(ROUNDED)
            connection.execute(EVERY_BREACH_PAYS)

    def renew(self) -> None:
        """A fresh copy of the database, an empty broker, and a mail server without a past."""
        with psycopg.connect(self.database_url("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {DATABASE} TEMPLATE {PREPARED}")
        self.start_valkey()
        self.forget_messages()
        self.mail.forget()

    def manage(self, *arguments: str, database: str = DATABASE) -> str:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=REPOSITORY, env=self.environment(database), check=True, text=True,
            stdout=subprocess.PIPE,
        ).stdout  # fmt: skip

    def ask(self, query: str, **values: Any) -> Any:
        """The first column of a query's first row."""
        with psycopg.connect(self.database_url(DATABASE), autocommit=True) as connection:
            row = connection.execute(query, values).fetchone()
            return row[0] if row else None

    def tell(self, statements: str, **values: Any) -> None:
        with (
            psycopg.connect(self.database_url(DATABASE), autocommit=True) as connection,
            psycopg.ClientCursor(connection) as cursor,
        ):
            cursor.execute(statements, values)

    def later(self, minutes: float) -> None:
        """Let the database's clock be `minutes` later, for leases and for mail."""
        self.tell(LATER, by=timedelta(minutes=minutes))

    @contextmanager
    def holding(self, table: str, *, readers_too: bool = False) -> Iterator["Held"]:
        """Within, whoever writes to `table` stops in the middle of it; readers go on."""
        with psycopg.connect(self.database_url(DATABASE)) as holder:
            mode = "ACCESS EXCLUSIVE" if readers_too else "SHARE"
            holder.execute(f"LOCK TABLE {table} IN {mode} MODE")
            yield Held(self, table)

    @contextmanager
    def small_disk(self, table: str, *, size: int = 4 * 2**20) -> Iterator[Path]:
        """Put `table` on a small disk of its own; PermissionError where none may be."""
        disk = self.postgres.files.parent / "disk"  # where PostgreSQL may go
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            disk.rmdir()
            raise PermissionError("Only root may mount a disk in memory.")
        try:
            owner = self.postgres.files.stat()
            os.chown(disk, owner.st_uid, owner.st_gid)
            self.tell(f"CREATE TABLESPACE small LOCATION '{disk}'")
            self.tell(f"ALTER TABLE {table} SET TABLESPACE small")
            yield disk
            self.end_processes()
            self.tell(f"ALTER TABLE {table} SET TABLESPACE pg_default")
            self.tell("DROP TABLESPACE small")
        finally:
            subprocess.run(["umount", str(disk)], check=True)
            disk.rmdir()

    # --- Processes ---

    def start_worker(
        self, *, hours_ahead: float = 0, concurrency: int = 2, **environment: str
    ) -> psutil.Process:
        module = ["celery"] if not hours_ahead else ["tests.faults.skewed", str(hours_ahead)]
        return self._start(
            "-m", *module, "--quiet", "-A", "portfolio_site", "worker",
            "--concurrency", str(concurrency), "--loglevel", "WARNING", **environment,
        )  # fmt: skip

    def start_beat(self) -> psutil.Process:
        """A beat whose minutes are seconds."""
        return self._start("-m", "tests.faults.quick_beat", str(self.home / "beat"))

    def start_web(self, port: int) -> psutil.Process:
        """As the image does it, without TLS in front."""
        return self._start(
            "-m", "gunicorn", "--config", "python:portfolio_site.gunicorn_conf",
            "--log-level", "warning", "portfolio_site.wsgi", PORT=str(port), DATABASE_POOL="true",
        )  # fmt: skip

    def _start(self, *arguments: str, **environment: str) -> psutil.Process:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=REPOSITORY, env=self.environment() | environment, start_new_session=True,
        )  # fmt: skip
        self.processes.append(process)
        return psutil.Process(process.pid)

    def wait_for_end(self, process: psutil.Process, *, seconds: float = PATIENCE_SECONDS) -> int:
        """Until a process that was asked to stop has ended; its exit code."""
        started = next(started for started in self.processes if started.pid == process.pid)
        code = started.wait(seconds)
        self.processes.remove(started)
        return code

    def end(self, process: psutil.Process) -> None:
        """Without a farewell, its children too."""
        for started in self.processes:
            if started.pid == process.pid:
                kill(started.pid)
                started.wait()
                self.processes.remove(started)
                return

    def end_processes(self) -> None:
        for process in self.processes:
            kill(process.pid)
            process.wait()
        self.processes.clear()

    # --- What a night has come to ---

    def wait_for_publication(self, *, seconds: float = PATIENCE_SECONDS) -> None:
        wait_until(lambda: self.state() == "published", "the night is published", seconds)

    def wait_for_mail(self, *, seconds: float = PATIENCE_SECONDS) -> None:
        """Until no message waits; a minute passes for those that wait for another try."""
        waiting = (
            "SELECT count(*) FROM accounts_outgoingemail"
            " WHERE state NOT IN ('sent', 'failed', 'suppressed')"
        )
        wait_until(lambda: self.ask(waiting) == 0, "all mail has left", seconds)

    def state(self) -> str | None:
        found: str | None = self.ask(
            "SELECT state FROM analytics_nightlyrun WHERE as_of = %(day)s", day=due_day()
        )
        return found

    def fingerprint(self, *, but: list[int] | None = None) -> str:
        run = self.ask("SELECT id FROM analytics_nightlyrun WHERE is_current")
        found: str = self.ask(FINGERPRINT, run=run, but=but or [])
        return found

    def outbox(self) -> Counter[str]:
        """How many messages are in which state."""
        with psycopg.connect(self.database_url(DATABASE)) as connection:
            rows = connection.execute("SELECT state FROM accounts_outgoingemail").fetchall()
        return Counter(state for (state,) in rows)

    def delivered(self) -> Counter[str]:
        """How often the mail server took which Message-ID."""
        return Counter(str(message["Message-ID"]) for message in self.mail.messages)


class Held:
    """A table that others have to wait for."""

    WAITING = "SELECT count(*) FROM pg_locks WHERE relation = %(table)s::regclass AND NOT granted"

    def __init__(self, stack: Stack, table: str) -> None:
        self.stack, self.table = stack, table

    def wait_for_somebody(self) -> None:
        """Until some process is in the middle of using it."""
        wait_until(
            lambda: self.stack.ask(self.WAITING, table=self.table) > 0,
            f"somebody uses {self.table}",
        )


class Postmaster(MailServer):
    """A mail server that does not know everybody, and may think before it takes a recipient."""

    def __init__(self) -> None:
        super().__init__()
        self.strangers: set[str] = set()
        self.think: Callable[[], object] = lambda: None

    def forget(self) -> None:
        self.__init__()  # type: ignore[misc]

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address in self.strangers:
            return "550 no such user here"
        await server.loop.run_in_executor(None, self.think)
        return await super().handle_RCPT(server, session, envelope, address, options)


class Reader(Thread):
    """Looks at the current night all the time, as the pages do, and remembers what it saw."""

    QUERY = """
        SELECT run.as_of, run.portfolios,
               (SELECT count(*) FROM analytics_portfolioresult WHERE run_id = run.id)
        FROM analytics_nightlyrun AS run WHERE is_current
    """

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self.stack = stack
        self.over = Event()
        self.seen: list[tuple[date, int, int]] = []

    def run(self) -> None:
        while not self.over.wait(0.02):
            try:
                with psycopg.connect(self.stack.database_url(DATABASE)) as connection:
                    rows = connection.execute(self.QUERY).fetchall()
            except psycopg.OperationalError:
                continue  # the database is away
            self.seen += rows

    def __enter__(self) -> "Reader":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()
        self.join()
        whole = [announced == found for _, announced, found in self.seen]
        assert whole, "the reader saw no night at all"
        assert all(whole), "a night was seen that was not whole"
        days = [day for day, _, _ in self.seen]
        assert days == sorted(days), "an older night came back"


def due_day() -> date:
    return nights.due_day(now=datetime.now(UTC))


def kill(pid: int) -> None:
    """End a process and its children at once, as a power cut does."""
    try:
        process = psutil.Process(pid)
        family = [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        return
    for member in family:
        try:
            member.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(family, timeout=10)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except psycopg.OperationalError:
            pass  # the database is away
        time.sleep(0.05)
    raise AssertionError(f"After {seconds:g} s it is still not so that {what}.")
