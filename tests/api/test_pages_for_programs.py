"""Rules, roles, gains, tilts, webhooks and notifications, as the pages have them."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Kind, Notification, Webhook
from accounts.services import encryption, notifications
from analytics import tasks
from portfolios.models import Asset, Portfolio, Transaction
from tests.api.conftest import Program
from tests.api.test_access import TARGETS
from tests.factories import PASSWORD, TargetWeightFactory

pytestmark = pytest.mark.django_db


def test_rules_that_are_not_named_stay(script: Program, one: str) -> None:
    rules = [{"asset": "bitcoin", "band": "0.03", "trading": "never_sold"}]
    script.send("PATCH", f"{one}rules/", {"cadence": "monthly", "rules": rules})
    told = script.send("PATCH", f"{one}rules/", {"horizon_days": 60}).json()
    assert (told["cadence"], told["horizon_days"]) == ("monthly", 60)
    (rule,) = told["rules"]
    assert (rule["asset"], rule["band"], rule["trading"]) == ("bitcoin", "0.03", "never_sold")
    assert script.send("PATCH", f"{one}rules/", {"rules": []}).json()["rules"] == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"short_term_tax": "0.2"}, "not_valid"),  # both rates, or neither
        ({"risk_aversion": "50.01"}, "rules"),
        ({"venue": "nowhere"}, "rules"),
        ({"rules": [{"asset": "bitcoin", "band": "0"}]}, "rules"),
        ({"rules": [{"asset": "bitcoin"}, {"asset": "bitcoin"}]}, "rules"),
        ({"rules": [{"band": "0.1"}]}, "rules"),
        ({"rules": [{"asset": "bitcoin", "trading": "set_aside"}]}, "roles"),
    ],
)
def test_rules_that_the_page_refuses_are_refused(
    body: object, code: str, script: Program, one: str, portfolio: Portfolio
) -> None:
    answer = script.send("PATCH", f"{one}rules/", body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    portfolio.refresh_from_db()
    assert (portfolio.revision, portfolio.rules.count()) == (1, 0)


def test_a_change_of_what_was_changed_meanwhile_is_refused(script: Program, one: str) -> None:
    seen = script.send("GET", f"{one}roles/").headers["ETag"]
    script.send("PATCH", f"{one}roles/", {"groups_forms": True})
    answer = script.send(
        "PATCH", f"{one}roles/", {"groups_forms": False}, headers={"If-Match": seen}
    )
    assert (answer.status_code, answer.json()["code"]) == (412, "changed_since")
    told = script.send("PATCH", f"{one}roles/", {"reserve_amount": "5000"}).json()
    assert (told["groups_forms"], told["reserve_amount"]) == (True, "5000")


def test_a_loss_is_a_number_in_a_spreadsheet(
    script: Program, one: str, portfolio: Portfolio
) -> None:
    portfolio.transactions.all().delete()
    usd = Asset.objects.get(coingecko_id="usd")
    bitcoin = Asset.objects.get(coingecko_id="bitcoin")
    bought = {"received_asset": bitcoin, "received_quantity": 1, "sent_asset": usd}
    sold = {"sent_asset": bitcoin, "sent_quantity": 1, "received_asset": usd}
    for kind, day, legs in (
        ("buy", 1, bought | {"sent_quantity": 500}),
        ("sell", 2, sold | {"received_quantity": 400}),
    ):
        at = timezone.now().replace(2024, 5, day)
        Transaction.objects.create(portfolio=portfolio, kind=kind, at=at, **legs)
    told = script.send("GET", f"{one}gains/").json()
    assert (told["year"], told["total"], told["gains"][0]["gain"]) == (2024, "-100", "-100")
    rows = script.send("GET", f"{one}gains/?format=csv").content.decode().splitlines()
    assert rows[1].endswith(",400,500,-100")
    assert script.send("GET", f"{one}lots/").json() == {"lots": []}


def test_a_tilt_is_in_force_only_as_it_was_seen(
    script: Program, one: str, portfolio: Portfolio
) -> None:
    portfolio.target_weights.all().delete()
    for key, weight in TARGETS.items():
        asset = Asset.objects.get(coingecko_id=key)
        TargetWeightFactory(portfolio=portfolio, asset=asset, weight=Decimal(weight))
    proposal = script.send("GET", f"{one}tilt/").json()["proposal"]
    answer = script.send("POST", f"{one}tilt/", {"days": 30, "seen": f"{proposal['seen']} 1"})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    made = script.send("POST", f"{one}tilt/", {"days": 30, "seen": proposal["seen"]}).json()
    assert made["in_force"]["lines"] == proposal["lines"]
    assert sum(Decimal(line["tilted"]) for line in proposal["lines"]) == 1
    again = script.send("POST", f"{one}tilt/", {"days": 30})
    assert (again.status_code, again.json()["code"]) == (422, "tilt")
    assert script.send("DELETE", f"{one}tilt/").status_code == 204
    weights = script.send("GET", f"{one}targets/").json()["targets"]
    assert {row["asset"]: Decimal(row["weight"]) for row in weights} == {
        key: Decimal(weight) for key, weight in TARGETS.items()
    }


def test_without_a_broker_nothing_is_calculated_and_it_says_so(
    script: Program, one: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "recompute_once", lambda *_, **__: False)
    answer = script.send("POST", f"{one}recompute/")
    assert (answer.status_code, answer.json()["code"]) == (503, "cannot_start")
    assert answer.headers["Retry-After"]


def test_the_secret_of_a_webhook_is_shown_once(script: Program) -> None:
    body = {"url": "https://example.org/hook", "kinds": ["drift"]}
    made = script.send("POST", "/webhooks/", body).json()
    assert encryption.decrypt(Webhook.objects.get().secret) == made["secret"]
    assert made["secret"] not in script.send("GET", "/webhooks/").content.decode()
    paused = script.send("PATCH", f"/webhooks/{made['id']}/", {"is_active": False}).json()
    assert (paused["state"], paused["kinds"]) == ("paused", ["drift"])
    refused = script.send("POST", f"/webhooks/{made['id']}/test/")
    assert (refused.status_code, refused.json()["code"]) == (422, "webhook")
    private = script.send("POST", "/webhooks/", body | {"url": "https://10.0.0.1/"})
    assert (private.status_code, private.json()["code"]) == (422, "webhook")


def test_a_session_adds_a_webhook_only_soon_after_its_login(portfolio: Portfolio) -> None:
    """As on the page: who finds a browser that is logged in listens to nothing."""
    browser = Program()
    browser.force_login(portfolio.owner)
    body = {"url": "https://example.org/hook", "kinds": ["drift"]}
    refused = browser.send("POST", "/webhooks/", body)
    assert (refused.status_code, refused.json()["code"]) == (403, "login_too_old")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert "/account/reauthenticate/" in refused.json()["detail"]
    assert not Webhook.objects.exists()
    browser.post("/account/reauthenticate/", {"password": PASSWORD})
    assert browser.send("POST", "/webhooks/", body).status_code == 201
    later = timezone.now() + timedelta(seconds=301)
    with time_machine.travel(later, tick=False):
        assert browser.send("POST", "/webhooks/", body).json()["code"] == "login_too_old"


def test_what_was_told_is_listed_and_read(script: Program, portfolio: Portfolio) -> None:
    for key in ("first", "second"):
        notifications.notify(
            user=portfolio.owner, kind=Kind.GENERAL, subject=key, body="", link="", key=key
        )
    unread = script.send("GET", "/notifications/?unread=true").json()["results"]
    assert [each["subject"] for each in unread] == ["second", "first"]
    script.send("POST", f"/notifications/{unread[0]['id']}/read/")
    (left,) = script.send("GET", "/notifications/?unread=true").json()["results"]
    assert left["subject"] == "first"
    assert script.send("POST", "/notifications/read-all/").json() == {"read": 1}


def test_what_waits_for_a_letter_follows_who_wants_none(
    script: Program, portfolio: Portfolio
) -> None:
    user = portfolio.owner
    notifications.notify(user=user, kind=Kind.DRIFT, subject="a", body="", link="", key="a")
    assert Notification.objects.get().is_for_mail
    answer = script.send("PATCH", "/preferences/", {"alert_preference": "none", "letter_hour": 7})
    assert answer.json()["letter_hour"] == 7
    assert not Notification.objects.get().is_for_mail
