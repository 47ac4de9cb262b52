"""A letter that bounces or is called spam is the last one until its reader wants more."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import BlockedAddress, OutgoingEmail, User
from accounts.selectors import addresses as known
from accounts.services import addresses, outbox
from tests.accounts.conftest import MailServer
from tests.factories import UserFactory, staff

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.accounts.mail_event_urls")]

SECRET = "provider:long-and-random"
KEY = "signing-key"
Queue = Callable[..., OutgoingEmail]
Reason = BlockedAddress.Reason
HARD_BOUNCE = {"RecordType": "Bounce", "Type": "HardBounce", "Description": "No such mailbox."}


@pytest.fixture(autouse=True)
def provider(settings: Any) -> None:
    settings.ANYMAIL = {"WEBHOOK_SECRET": SECRET, "MAILGUN_WEBHOOK_SIGNING_KEY": KEY}


@pytest.fixture
def user() -> User:
    return UserFactory(email="reader@example.org")


def report(event: dict[str, Any], *, secret: str = SECRET, path: str = "postmark/tracking/") -> int:
    answer = Client(enforce_csrf_checks=True).post(
        f"/mail-events/{path}",
        data=event,
        content_type="application/json",
        headers={"authorization": "Basic " + base64.b64encode(secret.encode()).decode()},
    )
    return answer.status_code


def state(row: OutgoingEmail) -> str:
    return OutgoingEmail.objects.get(pk=row.pk).state


def test_a_bounce_is_the_end_of_letters_to_that_address(
    user: User, queue: Queue, mail_server: MailServer
):
    assert report(HARD_BOUNCE | {"Email": "Reader@Example.org"}) == 200
    assert report(HARD_BOUNCE | {"Email": user.email}) == 200  # providers repeat themselves
    letter, other = queue(recipient=user.email), queue("other", recipient="other@example.org")

    outbox.send_due()

    assert [message["To"] for message in mail_server.messages] == [other.recipient]
    assert state(letter) == "suppressed"
    assert "mail came back" in OutgoingEmail.objects.get(pk=letter.pk).last_error


def test_mail_that_somebody_asks_for_is_tried_all_the_same(
    user: User, queue: Queue, mail_server: MailServer
):
    addresses.block(address=user.email, reason=Reason.BOUNCED)

    row = queue(recipient=user.email, kind=outbox.ACCOUNT)
    outbox.send_due()

    assert state(row) == "sent"


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (HARD_BOUNCE, "bounced"),
        (HARD_BOUNCE | {"Type": "BadEmailAddress"}, "bounced"),
        ({"RecordType": "SpamComplaint", "Type": "SpamComplaint"}, "complained"),
        (HARD_BOUNCE | {"Type": "SoftBounce"}, None),
        (HARD_BOUNCE | {"Type": "Transient"}, None),
        (HARD_BOUNCE | {"Type": "DMARCPolicy"}, None),
        ({"RecordType": "Delivery"}, None),
    ],
)
def test_only_what_lasts_stops_letters(user: User, event: dict[str, Any], reason: str | None):
    assert report(event | {"Email": user.email, "Recipient": user.email}) == 200

    blocked = known.blocked(user.email)
    assert (blocked and blocked.reason) == reason


def test_who_unsubscribes_at_the_provider_gets_no_more_alerts(user: User):
    event = {
        "RecordType": "SubscriptionChange",
        "SuppressSending": True,
        "SuppressionReason": "ManualSuppression",
        "Recipient": user.email,
    }
    assert report(event) == 200

    user.refresh_from_db()
    assert user.alert_preference == "none"
    assert known.blocked(user.email) is None


def test_a_report_of_somebody_else_is_refused(user: User):
    assert report(HARD_BOUNCE | {"Email": user.email}, secret="provider:guessed") == 400
    assert known.blocked(user.email) is None


@pytest.mark.parametrize(("key", "status"), [(KEY, 200), ("guessed", 400)])
def test_a_signature_must_be_right_as_well(user: User, key: str, status: int):
    signature = hmac.new(key.encode(), b"1700000000token", hashlib.sha256).hexdigest()
    event = {
        "signature": {"token": "token", "timestamp": "1700000000", "signature": signature},
        "event-data": {
            "event": "failed",
            "severity": "permanent",
            "reason": "bounce",
            "recipient": user.email,
            "timestamp": 1700000000.0,
            "delivery-status": {"code": 550, "message": "No such user"},
        },
    }
    assert report(event, path="mailgun/tracking/") == status
    assert bool(known.blocked(user.email)) == (status == 200)


@pytest.mark.parametrize(
    ("answer", "blocked"),
    [
        ("550 5.1.1 No such user", True),
        ("550 5.2.1 This mailbox is disabled", True),
        ("550 5.7.1 We do not like your sender", False),
        ("550 Go away", False),
        ("450 4.1.1 Later, perhaps", False),
    ],
)
def test_a_mail_server_that_knows_no_such_address_is_believed_at_once(
    user: User, queue: Queue, mail_server: MailServer, answer: str, blocked: bool
):
    mail_server.to_recipient = answer
    queue(recipient=user.email)

    outbox.send_due()

    assert bool(known.blocked(user.email)) == blocked


def test_the_account_says_so_and_its_owner_can_have_letters_again(user: User, client: Client):
    addresses.block(address=user.email, reason=Reason.REFUSED, words="550 5.1.1 <b>No</b>")
    client.force_login(user)

    page = client.get("/account/settings/").content.decode()
    assert f"No letters go to {user.email}" in page
    assert "550 5.1.1 &lt;b&gt;No&lt;/b&gt;" in page

    page = client.post("/account/write-again/", follow=True).content.decode()
    assert f"Letters go to {user.email} again." in page
    assert "No letters go to" not in page
    assert known.blocked(user.email) is None


def test_nobody_unblocks_somebody_else(user: User, client: Client):
    addresses.block(address=user.email, reason=Reason.COMPLAINED)
    client.force_login(UserFactory())

    client.post("/account/write-again/")

    assert known.blocked(user.email)


def test_staff_see_the_addresses_and_can_take_one_off_the_list(user: User, client: Client):
    addresses.block(address=user.email, reason=Reason.BOUNCED, words="Postmark: gone")
    client.force_login(staff())
    row = known.blocked(user.email)
    assert row

    assert user.email in client.get("/admin/accounts/blockedaddress/").content.decode()
    client.post(f"/admin/accounts/blockedaddress/{row.pk}/delete/", {"post": "yes"})

    assert known.blocked(user.email) is None
