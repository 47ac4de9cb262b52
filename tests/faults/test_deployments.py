"""What a deployment stops, stops in good order: no chunk, no task and no request is lost."""

import socket
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from threading import Event

from django.conf import settings
from redis import Redis

from tests.faults.conftest import PORTFOLIOS
from tests.faults.stack import Stack, wait_until

CHUNKS = (
    "SELECT array_agg(DISTINCT (state, attempt)::text) FROM analytics_runchunk WHERE attempt > 0"
)


def test_a_worker_asked_to_stop_ends_with_the_chunk_it_is_at(night: Stack) -> None:
    """However long it might take."""
    with night.holding("analytics_portfolioresult") as held:
        worker = night.start_worker(concurrency=1, WORKER_SHUTDOWN_SECONDS="600")
        held.wait_for_somebody()
        worker.terminate()
        time.sleep(0.5)  # it has heard it
    assert night.wait_for_end(worker) == 0
    assert night.ask(CHUNKS) == ["(done,1)"]
    night.start_worker()


def test_a_worker_asked_to_stop_gives_back_what_it_cannot_finish(night: Stack) -> None:
    with night.holding("analytics_portfolioresult") as held:
        worker = night.start_worker(concurrency=1, WORKER_SHUTDOWN_SECONDS="1")
        held.wait_for_somebody()
        worker.terminate()
        assert night.wait_for_end(worker) == 0
        assert night.ask(CHUNKS) == ["(ready,1)"], "nobody has to wait for its lease to run out"
    night.start_worker()


CSRF = "c" * 32
# Everybody may ask for six calculations a minute: each portfolio is asked for by its owner.
LOG_IN = """
from django.conf import settings
from django.test import Client
from portfolios.models import Portfolio
for portfolio in Portfolio.objects.select_related("owner").order_by("pk"):
    client = Client()
    client.force_login(portfolio.owner, "allauth.account.auth_backends.AuthenticationBackend")
    print(client.cookies[settings.SESSION_COOKIE_NAME].value)
"""
CLIENTS = 8


def test_a_web_server_asked_to_stop_loses_no_request_and_no_task(stack: Stack) -> None:
    """Some browsers hold their connection and some open one a request; all ask for calculations."""
    sessions = stack.manage("shell", "--no-imports", "-v0", "-c", LOG_IN).split()
    port = free_port()
    web = stack.start_web(port)
    wait_until(lambda: answers(port), "the web server is up")
    stack.forget_messages()
    stopping, answers_seen = Event(), Counter[int]()
    with ThreadPoolExecutor(CLIENTS) as pool:
        browsers = [
            pool.submit(
                browse,
                port,
                sessions,
                stopping,
                answers_seen,
                portfolios=range(1 + n, PORTFOLIOS, CLIENTS),
                keeps_connection=bool(n % 2),
            )
            for n in range(CLIENTS)
        ]
        wait_until(lambda: len(answers_seen) == CLIENTS, "everybody was answered once")
        stopping.set()
        web.terminate()
        answered = [browser.result() for browser in browsers]
    assert stack.wait_for_end(web) == 0
    with Redis(unix_socket_path=str(stack.valkey.socket)) as broker:
        assert broker.llen("people") == sum(answered), "whoever was answered will be served"


def browse(
    port: int,
    sessions: Sequence[str],
    stopping: Event,
    answers_seen: Counter[int],
    *,
    portfolios: Sequence[int],
    keeps_connection: bool,
) -> int:
    """Ask for one portfolio after the other until nobody opens any more; how many were promised.

    Whoever is let in must be answered: anything else raises.
    """
    csrf = f"{settings.CSRF_COOKIE_NAME}={CSRF}; {settings.SESSION_COOKIE_NAME}="
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    for number, portfolio in enumerate(portfolios):
        try:
            if connection.sock is None:
                connection.connect()
        except ConnectionRefusedError:
            assert stopping.is_set(), "it refused before it was asked to stop"
            return number
        cookies = csrf + sessions[portfolio - 1]
        headers = {"Host": "localhost", "Cookie": cookies, "X-CSRFToken": CSRF}
        connection.request("POST", f"/portfolios/{portfolio}/recompute/", headers=headers)
        response = connection.getresponse()
        response.read()
        assert response.status == 302
        answers_seen[portfolios[0]] += 1
        if not keeps_connection:
            connection.close()
    raise AssertionError("It answered everything before it stopped.")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    try:
        HTTPConnection("127.0.0.1", port, timeout=5).request("GET", "/livez")
    except OSError:
        return False
    return True
