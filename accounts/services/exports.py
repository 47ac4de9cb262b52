"""All that is stored about one person, as a ZIP of tables, each as CSV and as JSON.

Apps above this one register what they hold when they are ready, as they do with the outbox.
One table at a time is in memory.
"""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet

from accounts.models import (
    ApiToken,
    BlockedAddress,
    Notification,
    OutgoingEmail,
    User,
    Webhook,
    WebhookDelivery,
)

# A spreadsheet takes a text that begins so for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Table:
    """A name for the files, and rows under columns."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


Exporter = Callable[[User], Iterator[Table]]
_exporters: list[Exporter] = []


def register(exporter: Exporter) -> None:
    """Have the tables of `exporter` in every export."""
    _exporters.append(exporter)


def table(
    name: str, rows: QuerySet[Any], *, also: Sequence[str] = (), without: Sequence[str] = ()
) -> Table:
    """Rows with all their columns: one added to a model tomorrow is exported tomorrow."""
    own = [field.attname for field in rows.model._meta.concrete_fields]
    columns = [column for column in (*own, *also) if column not in without]
    return Table(name, columns, list(rows.values_list(*columns)))


def write(*, user: User, to: IO[bytes]) -> None:
    """Write the ZIP of everything about this user. Reads only."""
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for exporter in (_account, *_exporters):
            for found in exporter(user):
                archive.writestr(f"{found.name}.csv", as_csv(found))
                archive.writestr(f"{found.name}.json", as_json(found))


def as_csv(found: Table) -> str:
    """The table for a spreadsheet: texts that look like formulas get an apostrophe in front."""
    page = io.StringIO()
    writer = csv.writer(page)
    writer.writerow(found.columns)
    writer.writerows([_cell(value) for value in row] for row in found.rows)
    return page.getvalue()


def as_json(found: Table) -> str:
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    return json.dumps(rows, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)


def neutralised(cell: Any) -> Any:
    """Only texts: a negative number is a number."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell


def _cell(value: Any) -> Any:
    """What one field says: what has parts as JSON."""
    if isinstance(value, dict):
        return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
    return neutralised(value)


def _account(user: User) -> Iterator[Table]:
    own: Iterable[Table] = (
        table("profile", User.objects.filter(pk=user.pk), without=["password"]),
        table("email_addresses", EmailAddress.objects.filter(user=user)),
        table("blocked_addresses", BlockedAddress.objects.filter(address=user.email)),
        table("second_steps", Authenticator.objects.filter(user=user), without=["data"]),
        table("api_tokens", ApiToken.objects.filter(user=user), without=["digest"]),
        table("sessions", UserSession.objects.filter(user=user), without=["session_key", "data"]),
        table(
            "letters",
            OutgoingEmail.objects.filter(user=user).order_by("pk"),
            # What a letter said may hold a link that lets its reader in.
            without=["text", "html", "headers"],
        ),
        table("notifications", Notification.objects.filter(user=user).order_by("pk")),
        table("webhooks", Webhook.objects.filter(user=user), without=["secret"]),
        table("webhook_deliveries", WebhookDelivery.objects.filter(webhook__user=user)),
        table("admin_actions", LogEntry.objects.filter(user=user)),
    )
    yield from own
