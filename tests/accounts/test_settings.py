from datetime import UTC, datetime

import pytest
import time_machine
from django.db import IntegrityError, connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client

from accounts.models import User
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

SETTINGS = "/account/settings/"


def test_each_choice_of_letters_and_a_time_zone_are_kept(client: Client) -> None:
    user = UserFactory()
    client.force_login(user)
    for preference in ("none", "daily", "weekly", "each"):
        body = {"alert_preference": preference, "time_zone": "Europe/Berlin"}
        assert client.post(SETTINGS, body).headers["Location"] == SETTINGS
        user.refresh_from_db()
        assert (user.alert_preference, user.time_zone) == (preference, "Europe/Berlin")


@pytest.mark.parametrize(
    "body",
    [
        {"alert_preference": "hourly", "time_zone": "UTC"},
        {"alert_preference": "none", "time_zone": "Europe/../../etc/passwd"},
        {"alert_preference": "none", "time_zone": "Moon/Tycho"},
        {"alert_preference": "none"},
        {"time_zone": "UTC"},
    ],
)
def test_what_is_no_choice_is_refused_and_nothing_is_saved(
    client: Client, body: dict[str, str]
) -> None:
    user = UserFactory()
    client.force_login(user)
    assert client.post(SETTINGS, body).status_code == 422
    user.refresh_from_db()
    assert (user.alert_preference, user.time_zone) == ("each", "UTC")


def test_the_database_knows_the_choices_too() -> None:
    with pytest.raises(IntegrityError):
        UserFactory(alert_preference="hourly")


def test_a_saved_setting_says_so_once(client: Client) -> None:
    client.force_login(UserFactory())
    body = {"alert_preference": "each", "time_zone": "UTC"}
    page = client.post(SETTINGS, body, follow=True).content.decode()
    assert "Your settings are saved." in page
    assert "Your settings are saved." not in client.get(SETTINGS).content.decode()


def test_settings_ask_a_visitor_to_log_in(client: Client) -> None:
    assert client.get(SETTINGS).headers["Location"].startswith("/account/login/")


def test_times_are_shown_in_the_reader_s_time_zone() -> None:
    shown = {}
    for zone in ("Asia/Tokyo", "America/New_York"):
        user, browser = UserFactory(time_zone=zone), Client()
        user.emailaddress_set.create(email=user.email, verified=True, primary=True)
        with time_machine.travel(datetime(2026, 1, 31, 22, 30, tzinfo=UTC), tick=False):
            browser.post(
                "/account/login/", {"login": user.email, "password": "calm-water-under-the-keel"}
            )
            shown[zone] = browser.get("/account/sessions/").content.decode()
    assert "1 February 2026, 07:30 JST" in shown["Asia/Tokyo"]
    assert "31 January 2026, 17:30 EST" in shown["America/New_York"]


@pytest.mark.django_db(transaction=True)
def test_who_had_switched_letters_off_gets_none_after_the_migration() -> None:
    executor = MigrationExecutor(connection)
    latest = executor.loader.graph.leaf_nodes()
    executor.migrate([("accounts", "0001_initial")])
    try:
        old = executor.loader.project_state([("accounts", "0001_initial")]).apps
        people = old.get_model("accounts", "User").objects
        people.create(email="off@example.org", drift_alerts=False)
        people.create(email="on@example.org")
    finally:
        executor.loader.build_graph()
        executor.migrate(latest)
    wanted = dict(User.objects.values_list("email", "alert_preference"))
    assert wanted == {"off@example.org": "none", "on@example.org": "each"}
