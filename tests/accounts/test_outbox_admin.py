"""What staff decide about messages that failed, or of which nobody knows whether they arrived."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts import tasks
from accounts.models import OutgoingEmail
from accounts.services import outbox
from tests.accounts.conftest import MailServer
from tests.factories import UserFactory, staff

pytestmark = pytest.mark.django_db

Queue = Callable[..., OutgoingEmail]
LIST = "admin:accounts_outgoingemail_changelist"


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.send_due_mail, "delay", lambda: None)


@pytest.fixture
def ended(queue: Queue) -> Callable[..., OutgoingEmail]:
    """A message in a state, as the machinery left it."""

    def make(key: str, state: str, **fields: Any) -> OutgoingEmail:
        row = queue(key)
        fields = {"attempt": 2, "message_id": f"<{key}@example.org>", **fields}
        OutgoingEmail.objects.filter(pk=row.pk).update(state=state, **fields)
        return row

    return make


def decide(client: Client, action: str, *rows: OutgoingEmail) -> Any:
    chosen = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(reverse(LIST), chosen, follow=True)


@pytest.mark.parametrize("state", ["unknown", "failed"])
def test_a_message_is_sent_again_under_the_id_it_had(
    client: Client, ended: Any, state: str, mail_server: MailServer
) -> None:
    row = ended("greeting", state)
    client.force_login(staff())
    assert "1 message queued again." in decide(client, "send_again", row).text
    outbox.send_due()
    (message,) = mail_server.messages
    assert message["Message-ID"] == "<greeting@example.org>"
    row.refresh_from_db()
    assert (row.state, row.attempt) == ("sent", 3)
    assert LogEntry.objects.get(object_id=str(row.pk)).change_message == "Sent again."


def test_a_message_that_is_given_up_is_never_sent(
    client: Client, ended: Any, mail_server: MailServer
) -> None:
    rows = [ended("one", "unknown"), ended("two", "failed")]
    client.force_login(staff())
    assert "2 messages given up." in decide(client, "give_up", *rows).text
    outbox.send_due()
    assert mail_server.messages == []
    assert set(OutgoingEmail.objects.values_list("state", flat=True)) == {"suppressed"}
    assert "left as before" in decide(client, "send_again", *rows).text


@pytest.mark.parametrize("action", ["send_again", "give_up"])
def test_what_is_under_way_sent_or_without_words_is_left_alone(
    client: Client, ended: Any, action: str
) -> None:
    later = outbox.Now() + outbox.LEASE
    rows = [
        ended("pending", "pending"),
        ended("sending", "sending", lease_until=later),
        ended("held", "unknown", lease_until=later),
        ended("sent", "sent"),
    ]
    if action == "send_again":
        rows.append(ended("purged", "failed", text=""))
    before = list(OutgoingEmail.objects.order_by("pk").values())
    client.force_login(staff())
    answer = decide(client, action, *rows)
    assert f"{len(rows)} messages left as before" in answer.text
    assert list(OutgoingEmail.objects.order_by("pk").values()) == before
    assert not LogEntry.objects.exists()


def test_who_may_only_look_is_offered_no_decision(client: Client, ended: Any) -> None:
    row = ended("greeting", "failed")
    person = UserFactory(is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_outgoingemail"))
    client.force_login(person)
    assert "send_again" not in client.get(reverse(LIST)).text
    decide(client, "send_again", row)
    row.refresh_from_db()
    assert row.state == "failed"
