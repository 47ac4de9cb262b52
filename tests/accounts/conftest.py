"""A real mail server on loopback that behaves as badly as a test tells it to."""

import email
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.policy import default as email_policy
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.core.cache import cache

from accounts.models import OutgoingEmail
from accounts.services import outbox

HANG_UP = "hang up"


class MailServer:
    """Keeps what it accepts. Set what it says to a recipient, and to a body."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.connections = 0
        self.to_recipient = "250 OK"
        self.to_body: Callable[[], str] = lambda: "250 OK"

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if self.to_recipient == HANG_UP:
            server.transport.abort()
        elif self.to_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.to_recipient

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.messages.append(email.message_from_bytes(envelope.content, policy=email_policy))
        answer = await server.loop.run_in_executor(None, self.to_body)
        if answer == HANG_UP:
            server.transport.abort()
        return answer


class AnyPort(Controller):
    """Listens where the system finds room: aiosmtpd itself cannot be asked for port 0."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def mail_server(settings: Any) -> Iterator[MailServer]:
    server = MailServer()
    controller = AnyPort(server, hostname="127.0.0.1", port=0)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = controller.hostname, controller.port
    settings.EMAIL_TIMEOUT = 5
    settings.MAILS_PER_SECOND = 1000
    yield server
    controller.stop()


@pytest.fixture(autouse=True)
def separate_cache(settings: Any) -> None:
    """Rate limits of one test, or of a demo on this machine, must not meet another test."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    cache.clear()


@pytest.fixture
def queue() -> Callable[..., OutgoingEmail]:
    """Puts a message into the outbox and returns its row."""

    def put(key: str = "greeting", **fields: Any) -> OutgoingEmail:
        words = {"recipient": "ada@example.org", "kind": "test", "subject": "Hello", "text": "Ahoy"}
        outbox.enqueue(dedupe_key=key, **(words | fields))
        return OutgoingEmail.objects.get(dedupe_key=key)

    return put
