"""The whole product on this machine, with a simulated or a given market."""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone
from honcho.manager import Manager

from accounts.models import OutgoingEmail
from analytics import tasks
from analytics.models import NightlyRun
from analytics.services import demo, nights
from portfolios.services import price_imports

PATIENCE_SECONDS = 120


class Command(BaseCommand):
    help = "Load the demonstration, run a night through a worker, and serve web, worker and beat."

    def handle(self, *args: Any, **options: Any) -> None:
        port = free_port()
        os.environ["SITE_URL"] = f"http://localhost:{port}"
        run_id = self.load()
        processes = Manager()
        for name, command in commands(port).items():
            processes.add_process(name, command, quiet=False)
        announcer = threading.Thread(
            target=self.announce, args=(port, run_id, processes), daemon=True
        )
        announcer.start()
        processes.loop()
        if processes.returncode not in (0, None) and processes.returncode < 128:
            raise CommandError("A process ended by itself; its last lines are above.")

    def load(self) -> int:
        """Schema, catalogue, prices, people; the id of the night to run."""
        call_command("migrate", verbosity=0)
        call_command("load_catalogue", stdout=StringIO())
        due = nights.due_day(now=timezone.now())
        try:
            as_of = price_imports.last_available_day(until=due)
            if as_of is None:
                raise CommandError(f"There are no prices in {settings.MARKET_DATA_DIR}.")
            price_imports.refresh(as_of=as_of)
        except price_imports.ERRORS as error:
            raise CommandError(str(error)) from error
        demo.prepare(as_of=as_of)
        run = nights.ensure(as_of=as_of)
        connection.close()
        return run.pk

    def announce(self, port: int, run_id: int, processes: Manager) -> None:
        try:
            self.run_night(run_id)
            wait_for("the web server", lambda: answers(f"http://localhost:{port}/livez"))
            self.stdout.write(self.welcome(port))
        except CommandError as error:
            self.stderr.write(str(error))
            processes.terminate()
        finally:
            connection.close()

    def run_night(self, run_id: int) -> None:
        """Ring for the night and its mail, and wait until a worker has done both."""
        tasks.advance_night.delay(run_id)
        wait_for("the night", lambda: ended(NightlyRun.objects.get(pk=run_id)))
        waiting = OutgoingEmail.objects.filter(state__in=["pending", "sending"])
        wait_for("the mail", lambda: not waiting.exists())

    def welcome(self, port: int) -> str:
        mail = getattr(settings, "EMAIL_FILE_PATH", None) or settings.EMAIL_HOST
        return (
            f"\nEvenkeel is ready at http://localhost:{port}\n"
            f"  Log in as    {demo.EMAIL}  with password  {demo.PASSWORD}\n"
            f"  Admin site   http://localhost:{port}/admin/  as {demo.ADMIN_EMAIL}, same password\n"
            f"  Sent mail    {mail}\n"
            "  Ctrl-C stops everything.\n"
        )


def commands(port: int) -> dict[str, str]:
    """The same three processes as in production, smaller."""
    python = sys.executable
    # In a container there often is nobody but root.
    calm = f'{python} -W "ignore:You\'re running the worker with superuser privileges"'
    beat = Path(settings.VAR_DIR) / "celerybeat-schedule"
    return {
        "web": f"{python} -m gunicorn portfolio_site.wsgi --bind 127.0.0.1:{port} --workers 1"
        " --worker-class gthread --threads 8 --no-control-socket --log-level warning",
        "worker": f"{calm} -m celery --quiet -A portfolio_site worker --concurrency 2"
        " --loglevel WARNING",
        "beat": f"{python} -m celery --quiet -A portfolio_site beat --schedule {beat} --pidfile="
        " --loglevel WARNING",
    }


def free_port() -> int:
    """PORT from the environment, else 8000 or the next free one."""
    if wanted := os.environ.get("PORT"):
        if not wanted.isdigit() or not 0 < int(wanted) < 65536 or not is_free(int(wanted)):
            raise CommandError(
                f"PORT={wanted} is not a free port. Choose another, or leave it out."
            )
        return int(wanted)
    port = next((port for port in range(8000, 8100) if is_free(port)), None)
    if port is None:
        raise CommandError("Ports 8000 to 8099 are all taken. Set PORT to a free one.")
    return port


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def ended(run: NightlyRun) -> bool:
    if run.state == NightlyRun.State.WITHHELD:
        raise CommandError(f"{run} was withheld: {run.problem}")
    return run.state == NightlyRun.State.PUBLISHED


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=1) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def wait_for(what: str, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise CommandError(
                f"Waited {PATIENCE_SECONDS} s for {what}. Its process says why, above."
            )
        time.sleep(0.1)
