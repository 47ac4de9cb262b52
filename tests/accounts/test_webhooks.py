"""Webhooks against a real HTTPS server: signed, tried again, switched off, kept out of networks."""

import base64
import hashlib
import hmac
import json
import re
import socket
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.db.models.functions import Now

from accounts import tasks
from accounts.models import Kind, Notification, User, Webhook, WebhookDelivery
from accounts.services import (
    encryption,
    public_addresses,
    webhook_deliveries,
    webhook_requests,
    webhooks,
)
from accounts.services.public_addresses import NotPublic
from tests.accounts.receiver import Receiver, listening, make_certificate
from tests.factories import UserFactory, guest, notification

REPOSITORY = Path(__file__).resolve().parents[2]
State = Webhook.State
Delivery = WebhookDelivery.State
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def receiver(certificate: Path, settings: Any) -> Any:
    """A receiver that an operator has allowed: its port, its network, its certificate."""
    with listening(certificate) as found:
        settings.WEBHOOK_PORTS = [443, found.port]
        settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.0/8", "::1/128"]
        settings.WEBHOOK_CA_FILE = found.ca_file
        yield found


@pytest.fixture
def user() -> User:
    return UserFactory()


@pytest.fixture
def hook(user: User, receiver: Receiver) -> Webhook:
    return webhooks.create(user=user, url=receiver.url, kinds=["drift", "depeg"])[0]


def tell(user: User, number: int = 1, **fields: Any) -> Notification:
    return notification(user, key=f"drift:{number}", **fields)


def send() -> None:
    webhook_deliveries.queue()
    webhook_deliveries.send_due()


def the_delivery() -> WebhookDelivery:
    return WebhookDelivery.objects.get()


def later(minutes: float) -> None:
    """As if so much time had passed for all that waits."""
    by = timedelta(minutes=minutes)
    for row in WebhookDelivery.objects.all():
        row.due_at -= by
        row.lease_until = row.lease_until and row.lease_until - by
        row.save()


def settled(hook: Webhook) -> Webhook:
    return Webhook.objects.get(pk=hook.pk)


# --- What arrives ---


def test_a_notification_arrives_whole_and_signed(user: User, receiver: Receiver) -> None:
    _, secret = webhooks.create(user=user, url=receiver.url, kinds=["drift"])
    item = tell(user)

    send()

    [received] = receiver.received
    assert received.path == "/hook?key=1"
    assert received.headers["host"] == f"localhost:{receiver.port}"
    told = json.loads(received.body)
    assert told["type"] == "notification.drift"
    assert told["data"] == {
        "id": item.pk, "kind": "drift", "subject": "Rainy days is 7.2 pp off",
        "body": "SOL is at 20 %.", "url": "http://localhost:8000/portfolios/",
    }  # fmt: skip
    event_id, timestamp = (received.headers[f"webhook-{name}"] for name in ("id", "timestamp"))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join([event_id.encode(), timestamp.encode(), received.body])
    expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert received.headers["webhook-signature"] == f"v1,{expected}"
    assert the_delivery().state == Delivery.DELIVERED
    assert the_delivery().last_status == 204
    assert settled(user.webhooks.get()).last_delivered_at is not None


def test_the_signature_is_that_of_the_standard_s_own_example() -> None:
    """https://github.com/standard-webhooks/standard-webhooks, the vector of its libraries."""
    headers = webhook_requests.sign(
        secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        event_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_example_in_the_documentation_checks_what_is_sent(hook: Webhook) -> None:
    documented = (REPOSITORY / "docs" / "api.md").read_text()
    [code] = re.findall(r"```python\n(.*?)```", documented, re.DOTALL)
    scope: dict[str, Any] = {}
    exec(code, scope)
    secret = encryption.decrypt(hook.secret)
    body = b'{"type": "test"}'
    headers = webhook_requests.sign(secret=secret, event_id="a", timestamp=1_000, body=body)
    assert scope["is_genuine"](secret, headers, body, now=1_001)
    assert not scope["is_genuine"](secret, headers, body + b" ", now=1_001)
    assert not scope["is_genuine"](secret, headers, body, now=9_999), "an old one sent again"
    assert not scope["is_genuine"](webhook_requests.new_secret(), headers, body, now=1_001)


def test_only_the_kinds_that_were_chosen_are_told_and_each_once(
    user: User, hook: Webhook, receiver: Receiver
) -> None:
    tell(user)
    tell(user, 2, kind=Kind.REVIEW)
    send()
    send()
    assert [json.loads(each.body)["type"] for each in receiver.received] == ["notification.drift"]


def test_what_was_told_before_there_was_a_webhook_is_not_sent(
    user: User, receiver: Receiver
) -> None:
    tell(user)
    webhooks.create(user=user, url=receiver.url, kinds=["drift"])
    send()
    assert receiver.received == []


def test_every_webhook_of_a_person_is_told_and_nobody_else_s(
    user: User, receiver: Receiver
) -> None:
    for owner in (user, user, UserFactory()):
        webhooks.create(user=owner, url=receiver.url, kinds=["drift"])
    tell(user)
    send()
    assert len(set(receiver.ids)) == 2


def test_the_task_rings_again_only_when_more_may_be_due(
    user: User, hook: Webhook, receiver: Receiver, monkeypatch: Any
) -> None:
    rung: list[int] = []
    monkeypatch.setattr(tasks.send_webhooks, "delay", lambda: rung.append(1))
    for number in range(3):
        tell(user, number)
    tasks.send_webhooks()
    assert len(receiver.received) == 3
    assert rung == []


# --- What goes wrong ---


def test_what_is_refused_is_told_again_later_and_later_under_the_same_id(
    user: User, hook: Webhook, receiver: Receiver
) -> None:
    receiver.status = 503
    tell(user)
    send()
    assert the_delivery().state == Delivery.PENDING
    assert the_delivery().last_error == "It answered 503."
    send()
    assert len(receiver.received) == 1, "not before a minute has passed"
    later(minutes=1)
    send()
    assert len(receiver.received) == 2
    later(minutes=1)
    send()
    assert len(receiver.received) == 2, "the second time it takes three"
    receiver.status = 200
    later(minutes=2)
    send()
    assert the_delivery().state == Delivery.DELIVERED
    assert len(set(receiver.ids)) == 1
    assert len({each.body for each in receiver.received}) == 1
    assert settled(hook).failures == 0


def test_after_a_day_of_tries_an_event_is_given_up(
    user: User, hook: Webhook, receiver: Receiver
) -> None:
    receiver.status = 500
    tell(user)
    for _ in range(webhook_deliveries.MAX_ATTEMPTS + 2):
        send()
        later(minutes=6 * 60)
    assert the_delivery().state == Delivery.FAILED
    assert len(receiver.received) == webhook_deliveries.MAX_ATTEMPTS
    assert settled(hook).is_active


def test_a_webhook_that_fails_for_days_is_switched_off_and_its_owner_told(
    user: User, hook: Webhook, receiver: Receiver
) -> None:
    receiver.status = 500
    Webhook.objects.update(failures=4, failing_since=Now() - timedelta(days=3, minutes=1))
    tell(user)
    send()
    assert settled(hook).state == State.FAILING
    told = Notification.objects.get(kind=Kind.GENERAL)
    assert told.subject == "Your webhook to localhost is switched off"
    assert "It answered 500." in told.body
    assert the_delivery().state == Delivery.FAILED, "nothing waits for it any more"

    webhooks.resume(webhook=settled(hook))
    assert settled(hook).failures == 0
    receiver.status = 200
    tell(user, 2)
    send()
    assert len(receiver.received) == 2


def test_410_switches_it_off_at_once(user: User, hook: Webhook, receiver: Receiver) -> None:
    receiver.status = 410
    tell(user)
    tell(user, 2)
    send()
    assert len(receiver.received) == 1
    assert settled(hook).state == State.GONE
    assert Notification.objects.filter(kind=Kind.GENERAL).count() == 1


def test_a_redirect_is_not_followed(user: User, hook: Webhook, receiver: Receiver) -> None:
    receiver.status = 307
    tell(user)
    send()
    assert len(receiver.received) == 1
    assert the_delivery().last_status == 307
    assert "not followed" in the_delivery().last_error


def test_a_sender_that_dies_before_it_writes_down_sends_the_same_again(
    user: User, hook: Webhook, receiver: Receiver, monkeypatch: Any
) -> None:
    def die(*args: Any) -> None:
        raise KeyboardInterrupt

    tell(user)
    with monkeypatch.context() as patched:
        patched.setattr(webhook_deliveries, "_settle", die)
        with pytest.raises(KeyboardInterrupt):
            send()
    assert the_delivery().state == Delivery.SENDING
    send()
    assert len(receiver.received) == 1, "its lease still runs"
    later(minutes=7)
    send()
    assert receiver.ids == [str(the_delivery().event_id)] * 2
    assert the_delivery().state == Delivery.DELIVERED


def test_a_sender_that_comes_back_late_changes_nothing(
    user: User, hook: Webhook, receiver: Receiver
) -> None:
    tell(user)
    webhook_deliveries.queue()
    [first] = webhook_deliveries.claim(limit=8)
    later(minutes=7)
    send()
    webhook_deliveries._settle(first, webhook_requests.Answer(status=500))
    assert the_delivery().state == Delivery.DELIVERED
    assert settled(hook).failures == 0


@pytest.mark.django_db(transaction=True)
def test_two_senders_never_take_the_same_event(user: User, hook: Webhook) -> None:
    tell(user)
    webhook_deliveries.queue()
    taken: list[int] = []
    both = threading.Barrier(2)

    def take() -> None:
        both.wait(10)
        taken.extend(row.pk for row in webhook_deliveries.claim(limit=8))
        connections.close_all()

    threads = [threading.Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert taken == [the_delivery().pk]


def test_an_event_that_cannot_be_written_does_not_stop_the_others(
    user: User, hook: Webhook, receiver: Receiver
) -> None:
    other, _ = webhooks.create(user=user, url=receiver.url, kinds=["drift"])
    Webhook.objects.filter(pk=other.pk).update(secret="no key opens this")
    tell(user)
    send()
    assert len(receiver.received) == 1
    assert other.deliveries.get().last_error == "Not written: Unreadable."


# --- Servers that mean harm ---


def test_an_answer_that_comes_in_drops_ends_when_its_time_is_up(receiver: Receiver) -> None:
    def begin(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not hung_up.wait(0.05):
            handler.wfile.write(b"X-Slow: very\r\n")
            handler.wfile.flush()

    hung_up = threading.Event()

    receiver.behave = begin
    answer = webhook_requests.post(receiver.url, headers={}, body=b"{}", seconds=0.6)
    assert answer.status is None
    hung_up.set()
    assert answer.problem == "No answer within 0.6 seconds."


def test_a_name_that_nobody_answers_for_ends_when_its_time_is_up(monkeypatch: Any) -> None:
    answered = threading.Event()

    def look_up(*args: Any, **options: Any) -> list[Any]:
        answered.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    answer = webhook_requests.post("https://slow.example/", headers={}, body=b"{}", seconds=0.2)
    assert not answered.is_set(), "nobody has answered yet"
    answered.set()
    assert answer.problem == "The name slow.example was not found within 0.2 seconds."


def test_a_server_that_never_speaks_ends_when_its_time_is_up(settings: Any) -> None:
    settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.0/8", "::1/128"]
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://localhost:{mute.getsockname()[1]}/"
        answer = webhook_requests.post(url, headers={}, body=b"{}", seconds=0.4)
    assert answer.problem == "No answer within 0.4 seconds."


def test_of_a_big_answer_hardly_anything_is_read(receiver: Receiver) -> None:
    written: list[int] = []
    ended = threading.Event()

    def flood(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in count():
                written.append(handler.wfile.write(b"x" * 65_536))
        except OSError:
            ended.set()

    receiver.behave = flood
    answer = webhook_requests.post(receiver.url, headers={}, body=b"{}", seconds=20)
    assert answer.is_success
    assert ended.wait(20), "the connection was ended"
    assert sum(written) < 20_000_000, "what buffers of the system took, at most"


def test_a_certificate_for_another_name_is_refused(
    tmp_path: Path, settings: Any, user: User
) -> None:
    with listening(make_certificate(tmp_path, "elsewhere.example")) as impostor:
        settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.0/8", "::1/128"]
        settings.WEBHOOK_CA_FILE = impostor.ca_file
        answer = webhook_requests.post(impostor.url, headers={}, body=b"{}")
    assert "certificate does not hold" in answer.problem
    assert impostor.received == []


def test_a_certificate_that_nobody_vouches_for_is_refused(
    receiver: Receiver, settings: Any
) -> None:
    settings.WEBHOOK_CA_FILE = ""
    answer = webhook_requests.post(receiver.url, headers={}, body=b"{}")
    assert "certificate does not hold" in answer.problem
    assert receiver.received == []


def test_proxies_of_the_environment_are_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert webhook_requests.post(receiver.url, headers={}, body=b"{}").is_success


# --- Where nothing is ever sent ---

PRIVATE = [
    "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "0.0.0.0", "224.0.0.1", "239.255.255.250", "255.255.255.255", "240.0.0.1", "192.0.2.1",
    "198.18.0.1", "192.88.99.1", "192.0.0.1",
    "::", "::1", "fe80::1", "fe80::1%lo", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2002:a00:1::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "100::1", "5f00::1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(address: str, monkeypatch: Any) -> None:
    answers_with(monkeypatch, [address])
    with pytest.raises(NotPublic, match="not on the public internet"):
        public_addresses.resolve("innocent.example")
    answers_with(monkeypatch, ["1.1.1.1", address])
    with pytest.raises(NotPublic):
        public_addresses.resolve("innocent.example")


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert public_addresses.is_public(ip_address(address))


def test_by_default_no_private_network_is_allowed(settings: Any) -> None:
    assert settings.WEBHOOK_PRIVATE_NETWORKS == []
    assert settings.WEBHOOK_PORTS == [443]
    assert settings.WEBHOOK_CA_FILE == ""


@pytest.mark.parametrize(
    "host", ["localhost", "127.1", "0x7f.1", "2130706433", "[::1]", "127.0.0.1"]
)
def test_however_loopback_is_written_nothing_arrives(
    host: str, receiver: Receiver, settings: Any
) -> None:
    settings.WEBHOOK_PRIVATE_NETWORKS = []
    answer = webhook_requests.post(f"https://{host}:{receiver.port}/", headers={}, body=b"{}")
    assert answer.status is None
    assert "not on the public internet" in answer.problem
    assert receiver.received == []


def test_the_address_that_was_checked_is_the_one_that_is_spoken_to(
    receiver: Receiver, monkeypatch: Any, settings: Any
) -> None:
    """The name leads elsewhere the second time it is asked for: nobody asks a second time."""
    asked: list[str] = []
    truly = socket.getaddrinfo

    def rebinding(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host == "localhost":
            asked.append(host)
            host = "127.0.0.1" if len(asked) == 1 else "127.9.9.9"
        return truly(host, port, *args, **options)

    settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.1/32"]
    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    assert webhook_requests.post(receiver.url, headers={}, body=b"{}").is_success
    assert asked == ["localhost"]


def answers_with(monkeypatch: Any, addresses: list[str]) -> None:
    """Have every name lead there."""

    def lookup(*args: Any, **options: Any) -> list[Any]:
        return [(socket.AF_UNSPEC, socket.SOCK_STREAM, 6, "", (text, 0)) for text in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://example.org/", "beginning with https://"),
        ("ftp://example.org/", "beginning with https://"),
        ("example.org", "beginning with https://"),
        ("", "beginning with https://"),
        ("https://", "beginning with https://"),
        ("https://example.org:0x50/", "beginning with https://"),
        ("https://example.org:99999/", "beginning with https://"),
        ("https://exa mple.org/", "beginning with https://"),
        ("https://example.org/\r\nHost: a", "beginning with https://"),
        ("https://example.org:8080/", "Port 8080"),
        ("https://example.org:22/", "Port 22"),
        ("https://ada:secret@example.org/", "Leave out name and password"),
        ("https://127.0.0.1/", "not on the public internet"),
        ("https://[::1]/", "not on the public internet"),
        ("https://[::ffff:10.0.0.1]/", "not on the public internet"),
        ("https://169.254.169.254/latest/meta-data/", "not on the public internet"),
        ("https://example.org/" + "a" * 600, "longer than 500"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_in_words(
    user: User, url: str, words: str
) -> None:
    with pytest.raises(webhooks.UnusableAddress, match=words):
        webhooks.create(user=user, url=url, kinds=["drift"])


def test_an_address_is_kept_plainly(user: User) -> None:
    made, _ = webhooks.create(
        user=user,
        url=" https://Bücher.example:443/ä%20?b=ü&c=d#e ",
        kinds=["drift", "depeg", "drift"],
    )
    assert made.url == "https://xn--bcher-kva.example/%C3%A4%20?b=%C3%BC&c=d"
    assert made.kinds == ["depeg", "drift"]


# --- What its owner may do ---


def test_a_person_has_only_so_many_and_a_guest_none(user: User) -> None:
    for _ in range(webhooks.MOST_WEBHOOKS):
        webhooks.create(user=user, url="https://example.org/", kinds=["drift"])
    with pytest.raises(webhooks.TooManyWebhooks, match="as many as one may have"):
        webhooks.create(user=user, url="https://example.org/", kinds=["drift"])
    with pytest.raises(webhooks.WebhookRefused, match="guest"):
        webhooks.create(user=guest(), url="https://example.org/", kinds=["drift"])


def test_kinds_are_ours_and_not_none(user: User, hook: Webhook) -> None:
    with pytest.raises(ValueError, match="weather"):
        webhooks.change(webhook=hook, kinds=["weather"])
    with pytest.raises(webhooks.WebhookRefused, match="at least one"):
        webhooks.change(webhook=hook, kinds=[])
    webhooks.change(webhook=hook, kinds=["review"])
    assert settled(hook).kinds == ["review"]


def test_the_secret_lies_encrypted(user: User, receiver: Receiver) -> None:
    made, secret = webhooks.create(user=user, url=receiver.url, kinds=["drift"])
    assert secret not in made.secret
    assert encryption.decrypt(made.secret) == secret
    assert webhooks.rotate_secrets() == 1
    assert settled(made).secret != made.secret
    assert encryption.decrypt(settled(made).secret) == secret


def test_a_paused_webhook_is_told_nothing(user: User, hook: Webhook, receiver: Receiver) -> None:
    tell(user)
    webhook_deliveries.queue()
    webhooks.pause(webhook=hook)
    tell(user, 2)
    send()
    assert receiver.received == []
    with pytest.raises(webhooks.WebhookRefused, match="Resume it first"):
        webhooks.test(webhook=hook)
    webhooks.resume(webhook=hook)
    send()
    assert len(receiver.received) == 1, "what waited when it was paused"


def test_a_test_is_sent_once_and_counts_for_nothing_when_it_fails(
    hook: Webhook, receiver: Receiver
) -> None:
    receiver.status = 500
    webhooks.test(webhook=hook)
    with pytest.raises(webhooks.WebhookRefused, match="on its way"):
        webhooks.test(webhook=hook)
    send()
    later(minutes=60)
    send()
    [received] = receiver.received
    assert json.loads(received.body)["type"] == "test"
    assert the_delivery().state == Delivery.FAILED
    assert settled(hook).failures == 0


def test_a_deleted_webhook_takes_its_deliveries_along(user: User, hook: Webhook) -> None:
    tell(user)
    webhook_deliveries.queue()
    webhooks.delete(webhook=hook)
    assert not WebhookDelivery.objects.exists()
    assert Notification.objects.count() == 1


def test_deliveries_are_forgotten_after_a_month(user: User, hook: Webhook) -> None:
    for number in (1, 2):
        tell(user, number)
    webhook_deliveries.queue()
    old = WebhookDelivery.objects.first()
    assert old is not None
    WebhookDelivery.objects.filter(pk=old.pk).update(created_at=Now() - timedelta(days=31))
    tasks.purge_webhooks()
    assert WebhookDelivery.objects.count() == 1
