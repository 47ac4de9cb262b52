"""One signed request to a webhook: to a public address only, no redirects, bounded in all ways.

Signed as https://www.standardwebhooks.com says, so that its libraries check what we send.
"""

import base64
import hashlib
import hmac
import secrets
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from threading import Timer
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError

from accounts.services import public_addresses

SECRET_PREFIX = "whsec_"
# From the look-up of the name to the end of the answer, whatever the other side does.
SECONDS = 10.0
# So much of an answer's body is read, out of politeness, and forgotten.
MOST_ANSWER_BYTES = 16_384


@dataclass(frozen=True)
class Answer:
    """How a request ended: with a status, or in words why there is none."""

    status: int | None = None
    problem: str = ""

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def sign(*, secret: str, event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that let whoever knows the secret check who speaks, what, and when."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{event_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }


def post(url: str, *, headers: dict[str, str], body: bytes, seconds: float = SECONDS) -> Answer:
    """Send it, and return what came of it. Never raises for what the other side does."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    deadline = monotonic() + seconds
    late = Answer(problem=f"No answer within {seconds:g} seconds.")
    try:
        addresses = public_addresses.resolve(host, seconds=seconds)
    except public_addresses.NotPublic as problem:
        return Answer(problem=str(problem))
    try:
        connection = _Pinned(host, parts.port or 443, addresses=addresses, deadline=deadline)
    except OSError as error:  # the file of certificates that this installation trusts
        return Answer(problem=f"WEBHOOK_CA_FILE cannot be read: {error}"[:300])
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    try:
        connection.request("POST", target, body=body, headers=_all(headers), preload_content=False)
        response = connection.getresponse()
        if connection.is_late:  # cut off in its headers, which looks like their end
            return late
        with suppress(HTTPError, HTTPException, OSError, ValueError):
            response.read(MOST_ANSWER_BYTES, decode_content=False)
        return Answer(status=response.status, problem=_about(response.status))
    except (HTTPError, HTTPException, OSError, ValueError) as error:
        return late if connection.is_late else Answer(problem=_words(error))
    finally:
        connection.end()


class _Pinned(HTTPSConnection):
    """A connection to one of these addresses, which ends when its time is up.

    The certificate, SNI and Host are those of the name. A timeout of the socket's would begin
    anew with each byte that somebody sends drop by drop.
    """

    def __init__(self, host: str, port: int, *, addresses: Sequence[str], deadline: float) -> None:
        seconds = max(0.001, deadline - monotonic())  # 0 would mean: without waiting at all
        super().__init__(host, port, timeout=seconds, ssl_context=_context())
        self.addresses = addresses
        self.deadline = deadline
        self.line: socket.socket | None = None
        self.clock = Timer(seconds, self._hang_up)
        self.clock.daemon = True
        self.clock.start()

    @property
    def is_late(self) -> bool:
        return monotonic() >= self.deadline

    def _new_conn(self) -> socket.socket:
        problem: OSError | None = None
        for address in self.addresses:
            left = self.deadline - monotonic()
            if left <= 0:
                break
            try:
                line = socket.create_connection((address, self.port or 443), timeout=left)
            except OSError as error:
                problem = error
                continue
            self.line = line.dup()  # TLS takes the other one over
            return line
        raise problem or TimeoutError

    def _hang_up(self) -> None:
        with suppress(OSError):
            if self.line:
                self.line.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        self.clock.cancel()
        self.close()
        if self.line:
            self.line.close()


def _context() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=settings.WEBHOOK_CA_FILE or None)


def _all(headers: dict[str, str]) -> dict[str, str]:
    return {"Content-Type": "application/json", "User-Agent": "Evenkeel-Webhooks/1", **headers}


def _about(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return f"It answered {status}, a redirect. Redirects are not followed."
    return f"It answered {status}."


def _words(error: Any) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Its certificate does not hold: {error.verify_message}."
    return f"No connection, or it broke: {str(error) or type(error).__name__}"[:300]
