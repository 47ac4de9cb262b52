"""Hand one message to the mail server, and say plainly how that ended."""

import re
import smtplib
from typing import Any, Protocol

from django.core.mail import EmailMessage

PERMANENT = 500


class DeliveryError(Exception):
    """The server did not take the message."""


class Deferred(DeliveryError):
    """Not now: trying again later may work, and cannot deliver twice."""


class Refused(DeliveryError):
    """Not this message: the server will never take it."""


class RecipientRefused(Refused):
    """Not to this address."""

    @property
    def is_unknown_address(self) -> bool:
        """Whether that is the address's fault (RFC 3463: X.1.Y, X.2.1), and not the sender's."""
        return bool(re.match(r"5\d\d[ -](5\.1\.\d+|5\.2\.1)\b", str(self)))


class Unanswered(DeliveryError):
    """The body was sent and no answer came: nobody knows whether it was delivered (RFC 1047)."""


class Backend(Protocol):
    def open(self) -> bool | None: ...
    def close(self) -> None: ...
    def send_messages(self, email_messages: list[EmailMessage]) -> int | None: ...


def deliver(backend: Backend, message: EmailMessage) -> None:
    """Send over an open connection; return only if the server took the message."""
    body = _BodyWatch(backend)
    try:
        backend.send_messages([message])
    except smtplib.SMTPRecipientsRefused as error:
        code, reason = next(iter(error.recipients.values()))
        raise (RecipientRefused if code >= PERMANENT else Deferred)(_words(code, reason)) from error
    except smtplib.SMTPSenderRefused as error:
        # The server minds us, not this message: a thing to mend in the settings.
        raise Deferred(_words(error.smtp_code, error.smtp_error)) from error
    except smtplib.SMTPResponseException as error:
        kind = Refused if error.smtp_code >= PERMANENT else Deferred
        raise kind(_words(error.smtp_code, error.smtp_error)) from error
    except (smtplib.SMTPNotSupportedError, ValueError) as error:
        # An address or a header that no message can carry.
        raise Refused(_describe(error)) from error
    except OSError as error:
        raise (Unanswered if body.sent else Deferred)(_describe(error)) from error


class _BodyWatch:
    """Notices when SMTP's DATA begins: only after that is a broken connection ambiguous.

    Of a backend that is not SMTP nothing is known, so every broken connection is.
    """

    def __init__(self, backend: Backend) -> None:
        smtp = getattr(backend, "connection", None)
        self.sent = not isinstance(smtp, smtplib.SMTP)
        if isinstance(smtp, smtplib.SMTP):
            self._send = type(smtp).data.__get__(smtp)
            smtp.data = self._data  # type: ignore[assignment, method-assign]

    def _data(self, body: Any) -> tuple[int, bytes]:
        self.sent = True
        answer: tuple[int, bytes] = self._send(body)
        return answer


def _words(code: int, reason: bytes | str) -> str:
    text = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
    return f"{code} {text}"


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
