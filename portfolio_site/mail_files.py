"""Mail on a machine of your own: each message a file that mail programmes open."""

from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.text import slugify


class EmlFiles(BaseEmailBackend):
    def open(self) -> bool:
        Path(settings.EMAIL_FILE_PATH).mkdir(parents=True, exist_ok=True)
        return False

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        self.open()
        for message in email_messages:
            content = message.message()
            name = f"{slugify(message.subject)} {slugify(content['Message-ID'])}.eml"
            (Path(settings.EMAIL_FILE_PATH) / name).write_bytes(content.as_bytes())
        return len(email_messages)
