"""How allauth talks to people: through the outbox, like everybody else here."""

from typing import Any
from uuid import uuid4

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from accounts import emails, tasks
from accounts.models import User
from accounts.services import outbox

# By default a visitor would wait six seconds for a broker that is away.
IMPATIENTLY = {"max_retries": 1, "interval_start": 0.1, "connect_retries_timeout": 1}
logger = structlog.get_logger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        rendered = emails.account(template_prefix, context={"email": email, **context})
        user = context.get("user")
        outbox.enqueue(
            dedupe_key=f"{outbox.ACCOUNT}:{uuid4()}",
            recipient=email,
            kind=outbox.ACCOUNT,
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            user=user if isinstance(user, User) and user.pk else None,
        )
        transaction.on_commit(_hasten)


def _hasten() -> None:
    """Somebody is waiting for this mail: do now what the next tick would do anyway."""
    try:
        with current_app.connection_for_write(transport_options=IMPATIENTLY) as broker:
            tasks.send_due_mail.apply_async(
                kwargs={"kind": outbox.ACCOUNT}, connection=broker, retry=False
            )
    except OperationalError:
        logger.warning("broker away, mail leaves with the next tick")
