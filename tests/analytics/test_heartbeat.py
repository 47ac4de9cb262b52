"""A service that watches over the nights, a real one on loopback, however it behaves."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest
from django.db.models.functions import Now

from analytics import tasks
from analytics.models import RunStep
from analytics.services import heartbeat, nights, runs

HALVES = {"BTC": "0.5", "SOL": "0.5"}


class Service(ThreadingHTTPServer):
    """Writes down what it is asked, and answers with `status`; 0 says nothing for a while."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200
        self.released = Event()
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/ping/some-secret"


class Answer(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if not self.server.status:
            self.server.released.wait(10)
            return
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def service(settings, monkeypatch) -> Iterator[Service]:
    server = Service()
    thread = Thread(target=server.serve_forever)
    thread.start()
    settings.NIGHT_HEARTBEAT_URL = server.url
    monkeypatch.setattr(heartbeat, "TIMEOUT_SECONDS", 0.3)
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_night_is_told_to_begin_and_to_end_once_each(hold, as_of, service):
    hold({"BTC": 9, "SOL": 1}, HALVES)
    run = nights.ensure(as_of=as_of)
    heartbeat.beat()
    assert service.asked == ["/ping/some-secret/start"]
    nights.finish(run_id=run.pk)
    for _ in range(2):
        heartbeat.beat()
    assert service.asked == ["/ping/some-secret/start", "/ping/some-secret"]


@pytest.mark.parametrize("end", ["withheld", "cancelled"])
def test_a_night_that_is_not_published_is_told_as_failed(coins, as_of, service, end):
    run = nights.ensure(as_of=as_of)
    runs.enter(run_id=run.pk, state=runs.State(end), after=runs.UNFINISHED)
    heartbeat.beat()
    assert service.asked == ["/ping/some-secret/start", "/ping/some-secret/fail"]


@pytest.mark.parametrize("status", [302, 404, 500, 0])
def test_what_goes_wrong_is_told_again_and_redirects_are_not_followed(
    coins, as_of, service, status
):
    nights.ensure(as_of=as_of)
    service.status = status
    heartbeat.beat()
    assert service.asked == ["/ping/some-secret/start"]
    service.status = 200
    heartbeat.beat()
    heartbeat.beat()
    assert service.asked == ["/ping/some-secret/start"] * 2


def test_a_service_that_is_not_there_hurts_no_night(hold, as_of, settings, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        settings.NIGHT_HEARTBEAT_URL = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        hold({"BTC": 9, "SOL": 1}, HALVES)
        run = nights.ensure(as_of=as_of)
        monkeypatch.setattr(tasks.beat_heart, "delay", tasks.beat_heart)
        monkeypatch.setattr(tasks.compute_chunks, "delay", tasks.compute_chunks)
        monkeypatch.setattr(tasks.send_due_mail, "delay", lambda: None)
        monkeypatch.setattr(tasks.advance_night, "delay", tasks.advance_night)
        tasks.advance_night(run.pk)
    run.refresh_from_db()
    assert run.state == "published"
    assert not RunStep.objects.exclude(heartbeat_at=None).exists()


def test_what_happened_long_ago_is_no_news(coins, as_of, service):
    nights.ensure(as_of=as_of)
    RunStep.objects.update(entered_at=Now() - heartbeat.NEWS_FOR - timedelta(minutes=1))
    heartbeat.beat()
    assert service.asked == []


def test_a_query_of_the_address_stays_behind_the_path(settings):
    settings.NIGHT_HEARTBEAT_URL = "https://watch.example.org/ping/?key=1"
    assert heartbeat._address("/start") == "https://watch.example.org/ping/start?key=1"


def test_without_an_address_nobody_is_rung_for(settings, monkeypatch):
    settings.NIGHT_HEARTBEAT_URL = ""
    monkeypatch.setattr(tasks.beat_heart, "delay", lambda: pytest.fail("rang"))
    tasks.heartbeat_if_wanted()
