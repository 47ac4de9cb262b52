"""The outbox against a real mail server and real database connections."""

import socket
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.models.functions import Now

from accounts import tasks
from accounts.models import OutgoingEmail
from accounts.services import outbox
from accounts.services.outbox import Rendered, SendReport
from tests.accounts.conftest import HANG_UP, MailServer
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

Queue = Callable[..., OutgoingEmail]
State = OutgoingEmail.State


def reload(row: OutgoingEmail) -> OutgoingEmail:
    return OutgoingEmail.objects.get(pk=row.pk)


def make_due(row: OutgoingEmail) -> None:
    OutgoingEmail.objects.filter(pk=row.pk).update(due_at=Now())


def seconds_until_due(row: OutgoingEmail) -> float:
    waiting = OutgoingEmail.objects.filter(pk=row.pk).annotate(now=Now()).get()
    return (waiting.due_at - waiting.now).total_seconds()


def in_thread(work: Callable[[], Any]) -> Callable[[], Any]:
    """Start `work` on a database connection of its own; the returned function waits for it."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(work())
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()

    def wait() -> Any:
        thread.join(30)
        return found[0]

    return wait


def test_a_message_arrives_with_its_text_html_headers_and_message_id(
    queue: Queue, mail_server: MailServer
) -> None:
    row = queue(html="<p>Ahoy</p>", headers={"List-Unsubscribe": "<https://example.org/u>"})

    assert outbox.send_due() == SendReport(sent=1)

    [received] = mail_server.messages
    assert received["To"] == "ada@example.org"
    assert received["Subject"] == "Hello"
    assert received["List-Unsubscribe"] == "<https://example.org/u>"
    assert received["Message-ID"] == reload(row).message_id
    assert received.get_body(("plain",)).get_content().strip() == "Ahoy"
    assert received.get_body(("html",)).get_content().strip() == "<p>Ahoy</p>"
    assert reload(row).state == State.SENT
    assert reload(row).sent_at is not None


def test_many_messages_share_one_connection(queue: Queue, mail_server: MailServer) -> None:
    for n in range(5):
        queue(f"greeting-{n}")

    assert outbox.send_due() == SendReport(sent=5)
    assert mail_server.connections == 1
    assert len({message["Message-ID"] for message in mail_server.messages}) == 5


def test_a_message_enqueued_twice_is_sent_once(queue: Queue, mail_server: MailServer) -> None:
    queue(text="first")
    queue(text="second")
    outbox.send_due()
    queue(text="third")
    outbox.send_due()

    [received] = mail_server.messages
    assert received.get_body().get_content().strip() == "first"


def test_nothing_due_means_no_connection(queue: Queue, mail_server: MailServer) -> None:
    row = queue()
    OutgoingEmail.objects.filter(pk=row.pk).update(due_at=Now() + timedelta(hours=1))

    assert outbox.send_due() == SendReport()
    assert mail_server.connections == 0


@pytest.mark.parametrize("place", ["recipient", "body"])
def test_a_temporary_refusal_is_tried_again_ever_later_until_it_has_failed(
    queue: Queue, mail_server: MailServer, place: str
) -> None:
    row = queue()
    if place == "recipient":
        mail_server.to_recipient = "451 try later"
    else:
        mail_server.to_body = lambda: "451 try later"
    delays = []
    for _ in range(outbox.MAX_ATTEMPTS - 1):
        assert outbox.send_due() == SendReport(deferred=1)
        assert outbox.send_due() == SendReport(), "not before it is due again"
        delays.append(seconds_until_due(row))
        make_due(row)

    minutes = [1, 2, 4, 8, 16, 32, 64, 128, 240]
    assert delays == pytest.approx([60 * n for n in minutes], abs=5)
    assert outbox.send_due() == SendReport(failed=1)
    assert "451 try later" in reload(row).last_error


def test_a_message_deferred_once_arrives_when_the_server_is_well_again(
    queue: Queue, mail_server: MailServer
) -> None:
    row = queue()
    mail_server.to_recipient = "450 busy"
    outbox.send_due()
    mail_server.to_recipient = "250 OK"
    make_due(row)

    assert outbox.send_due() == SendReport(sent=1)
    assert reload(row).last_error == ""


def test_a_refused_recipient_is_suppressed_and_never_tried_again(
    queue: Queue, mail_server: MailServer
) -> None:
    row = queue()
    mail_server.to_recipient = "550 no such mailbox"

    assert outbox.send_due() == SendReport(suppressed=1)
    assert outbox.send_due() == SendReport()
    assert "550 no such mailbox" in reload(row).last_error


def test_a_refused_body_fails_and_the_next_message_still_goes(
    queue: Queue, mail_server: MailServer
) -> None:
    answers = iter(["554 looks like spam", "250 OK"])
    mail_server.to_body = lambda: next(answers)
    first, second = queue("a"), queue("b")

    assert outbox.send_due() == SendReport(failed=1, sent=1)
    assert (reload(first).state, reload(second).state) == (State.FAILED, State.SENT)


def test_an_address_that_no_message_can_carry_fails_alone(
    queue: Queue, mail_server: MailServer
) -> None:
    broken = queue("a", recipient="ada@example.org\nBcc: all@example.org")
    queue("b")

    assert outbox.send_due() == SendReport(failed=1, sent=1)
    assert reload(broken).state == State.FAILED


def test_a_server_that_hangs_up_after_the_body_gets_it_once_more_under_the_same_id(
    queue: Queue, mail_server: MailServer
) -> None:
    row = queue()
    answers = iter([HANG_UP, "250 OK"])
    mail_server.to_body = lambda: next(answers)

    assert outbox.send_due() == SendReport(unknown=1)
    make_due(row)
    assert outbox.send_due() == SendReport(sent=1)

    first, second = (message["Message-ID"] for message in mail_server.messages)
    assert first == second == reload(row).message_id


def test_the_message_after_a_broken_connection_gets_a_fresh_one(
    queue: Queue, mail_server: MailServer
) -> None:
    queue("a")
    queue("b")
    answers = iter([HANG_UP, "250 OK"])
    mail_server.to_body = lambda: next(answers)

    assert outbox.send_due() == SendReport(unknown=1, sent=1)


def test_a_message_twice_without_an_answer_is_left_to_staff(
    queue: Queue, mail_server: MailServer
) -> None:
    row = queue()
    mail_server.to_body = lambda: HANG_UP
    assert outbox.send_due() == SendReport(unknown=1)
    make_due(row)
    assert outbox.send_due() == SendReport(failed=1)
    make_due(row)
    assert outbox.send_due() == SendReport()

    assert len(mail_server.messages) == 2


def test_an_unknown_message_that_is_deferred_stays_unknown(
    queue: Queue, mail_server: MailServer
) -> None:
    row = queue()
    answers = iter([HANG_UP, "451 later", HANG_UP])
    mail_server.to_body = lambda: next(answers)
    for expected in (SendReport(unknown=1), SendReport(deferred=1), SendReport(failed=1)):
        assert outbox.send_due() == expected
        make_due(row)


def test_a_server_that_hangs_up_before_the_body_did_not_get_it(
    queue: Queue, mail_server: MailServer
) -> None:
    row = queue()
    mail_server.to_recipient = HANG_UP

    assert outbox.send_due() == SendReport(deferred=1)
    assert reload(row).state == State.PENDING
    assert mail_server.messages == []


def test_an_unreachable_server_costs_no_message_an_attempt(queue: Queue, settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        settings.EMAIL_HOST, settings.EMAIL_PORT = closed_soon.getsockname()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    row = queue()

    assert outbox.send_due() == SendReport(unreachable=True)
    assert (reload(row).state, reload(row).attempt) == (State.PENDING, 0)


@pytest.mark.usefixtures("mail_server")
class TestABodyThatIsRenderedWhenClaimed:
    @pytest.fixture(autouse=True)
    def bare_row(self) -> None:
        """As analytics inserts it: who, what kind, about which row."""
        self.row = OutgoingEmail.objects.create(
            dedupe_key="drift:1", recipient="ada@example.org", kind="numbered", reference=7
        )
        self.rendered = 0

    def letter(self, row: OutgoingEmail) -> Rendered:
        self.rendered += 1
        return Rendered("Seven", f"About {row.reference}", "<p>7</p>", {"X-Kind": "numbered"})

    def test_it_is_rendered_once_and_kept(self, mail_server: MailServer) -> None:
        outbox.register("numbered", self.letter)
        mail_server.to_recipient = "450 busy"
        outbox.send_due()
        mail_server.to_recipient = "250 OK"
        make_due(self.row)
        outbox.send_due()

        [received] = mail_server.messages
        assert received.get_body(("plain",)).get_content().strip() == "About 7"
        assert received["X-Kind"] == "numbered"
        assert self.rendered == 1
        assert reload(self.row).text == "About 7"

    def test_it_is_suppressed_when_there_is_nothing_to_say_any_more(
        self, mail_server: MailServer
    ) -> None:
        outbox.register("numbered", lambda row: None)

        assert outbox.send_due() == SendReport(suppressed=1)
        assert mail_server.messages == []

    def test_one_that_cannot_be_rendered_waits_and_the_next_still_goes(self, queue: Queue) -> None:
        outbox.register("numbered", lambda row: Rendered("Share", str(1 / 0)))
        queue()

        assert outbox.send_due() == SendReport(deferred=1, sent=1)
        assert "ZeroDivisionError" in reload(self.row).last_error


@pytest.mark.django_db(transaction=True)
class TestSendersAtTheSameTime:
    def test_a_claim_passes_over_rows_that_another_claimer_is_taking(self, queue: Queue) -> None:
        everything = {queue(f"greeting-{n}").pk for n in range(6)}
        with transaction.atomic():
            mine = [row.pk for row in outbox.claim(limit=2)]
            theirs = [row.pk for row in in_thread(lambda: outbox.claim(limit=10))()]

        assert len(mine) == 2
        assert set(mine) | set(theirs) == everything
        assert not set(mine) & set(theirs)

    def test_four_claimers_share_the_queue_without_overlap(self, queue: Queue) -> None:
        everything = {queue(f"greeting-{n}").pk for n in range(120)}
        start = threading.Barrier(4)

        def claim_all() -> list[int]:
            start.wait()
            mine: list[int] = []
            while claimed := outbox.claim(limit=3):
                mine += [row.pk for row in claimed]
            return mine

        waits = [in_thread(claim_all) for _ in range(4)]
        claimed = [pk for wait in waits for pk in wait()]

        assert sorted(claimed) == sorted(everything)

    def test_a_sender_that_comes_back_late_changes_nothing(
        self, queue: Queue, mail_server: MailServer
    ) -> None:
        row = queue()

        def slow_then_refuse() -> str:
            """While the first sender waits, its lease runs out and a second one delivers."""
            mail_server.to_body = lambda: "250 OK"
            try:
                OutgoingEmail.objects.filter(pk=row.pk).update(lease_until=Now() - timedelta(1))
                assert outbox.send_due() == SendReport(sent=1)
            finally:
                connections.close_all()
            return "451 try later"

        mail_server.to_body = slow_then_refuse
        outbox.send_due()

        assert reload(row).state == State.SENT
        assert reload(row).attempt == 2

    def test_a_sender_that_comes_back_late_does_not_release_the_next_one_s_claim(
        self, queue: Queue, mail_server: MailServer
    ) -> None:
        row = queue()

        def slow_then_refuse() -> str:
            """While the first sender waits, its lease runs out and a second one claims."""
            try:
                OutgoingEmail.objects.filter(pk=row.pk).update(lease_until=Now() - timedelta(1))
                assert outbox.send_due(limit=0) == SendReport()
                assert outbox.claim(limit=1) == [row]
            finally:
                connections.close_all()
            return "451 try later"

        mail_server.to_body = slow_then_refuse
        outbox.send_due()

        assert reload(row).lease_until is not None, "the second sender holds it"
        assert outbox.claim(limit=1) == []


def test_a_message_whose_sender_died_is_sent_once_more_and_then_left_to_staff(
    queue: Queue, mail_server: MailServer
) -> None:
    rescued, hopeless = queue("a"), queue("b")
    died = timedelta(seconds=-1)
    assert len(outbox.claim(limit=2, lease=died)) == 2
    OutgoingEmail.objects.filter(pk=hopeless.pk).update(state=State.UNKNOWN)

    assert outbox.send_due() == SendReport(sent=1)
    assert (reload(rescued).state, reload(hopeless).state) == (State.SENT, State.FAILED)
    assert [message["Message-ID"] for message in mail_server.messages] == [
        reload(rescued).message_id
    ]


def test_mail_about_accounts_can_be_sent_ahead_of_the_rest(
    queue: Queue, mail_server: MailServer
) -> None:
    queue("alert", kind="drift_alert", subject="Drift")
    queue("verify", kind=outbox.ACCOUNT, subject="Confirm")

    assert outbox.send_due(kind=outbox.ACCOUNT) == SendReport(sent=1)
    assert [message["Subject"] for message in mail_server.messages] == ["Confirm"]


@pytest.mark.usefixtures("mail_server")
def test_the_body_of_account_mail_is_forgotten_when_sent(queue: Queue) -> None:
    """It carries a link that lets its reader in."""
    row = queue(kind=outbox.ACCOUNT, html="<p>secret</p>")
    outbox.send_due()

    assert (reload(row).text, reload(row).html) == ("", "")


def test_old_bodies_are_purged_and_waiting_ones_are_not(queue: Queue) -> None:
    user = UserFactory()
    old, fresh, waiting, nobody = (
        queue("old", user=user),
        queue("fresh", user=user),
        queue("waiting", user=user),
        queue("nobody"),
    )
    sent = OutgoingEmail.objects.filter(pk__in=[old.pk, fresh.pk, nobody.pk])
    sent.update(state=State.SENT)
    OutgoingEmail.objects.exclude(pk=fresh.pk).update(created_at=Now() - timedelta(days=31))

    assert outbox.purge_bodies(older_than=timedelta(days=30)) == 2
    assert (reload(old).text, reload(fresh).text, reload(waiting).text) == ("", "Ahoy", "Ahoy")
    assert not OutgoingEmail.objects.filter(pk=nobody.pk).exists()
    assert outbox.purge_bodies(older_than=timedelta(days=30)) == 0


@pytest.mark.django_db(transaction=True)
def test_one_process_sends_at_a_time_and_account_mail_does_not_wait_for_it(
    queue: Queue, mail_server: MailServer
) -> None:
    holding, done = threading.Event(), threading.Event()

    def hold() -> bool:
        with outbox.single_sender() as mine:
            holding.set()
            done.wait(10)
            return mine

    held = in_thread(hold)
    assert holding.wait(10)
    queue("bulk")
    queue("urgent", kind=outbox.ACCOUNT)
    tasks.send_due_mail()
    assert mail_server.messages == []
    tasks.send_due_mail(outbox.ACCOUNT)
    assert len(mail_server.messages) == 1
    done.set()
    assert held()
    tasks.send_due_mail()
    assert len(mail_server.messages) == 2


class Clock:
    """Time passes only where somebody sleeps, or is held up."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_messages_leave_at_the_configured_rate_whoever_they_are_to(
    queue: Queue, mail_server: MailServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MAILS_PER_SECOND = 4
    monkeypatch.setattr(outbox, "time", clock := Clock())
    for n in range(9):
        queue(f"greeting-{n}")
    assert outbox.send_due(limit=9) == SendReport(sent=9)
    assert clock.now - 1_000 == pytest.approx(8 / 4)


def test_after_a_stall_no_more_than_a_second_is_made_up_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "time", clock := Clock())
    pace = outbox._Pace(per_second=4)
    pace.wait()
    clock.now += 3_600
    after = clock.now
    left = []
    for _ in range(12):
        pace.wait()
        left.append(clock.now - after)
    assert left.count(0) == 5, "those of the last second, and the one that is due"
    assert left[5:] == pytest.approx([0.25 * n for n in range(1, 8)])
