import re
from datetime import UTC, datetime

import pytest
import time_machine
from django.db import IntegrityError, connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client

from accounts.models import Kind, OutgoingEmail, User
from accounts.services import guests, letters, outbox
from tests.factories import UserFactory, guest, notification

pytestmark = pytest.mark.django_db

SETTINGS = "/account/settings/"
THEME = "/account/theme/"
DISPLAY = {"theme": "system", "number_style": "comma_point", "base_unit": "usd"}
PREFERENCES = {"alert_preference": "each", "letter_hour": 8, "time_zone": "UTC", **DISPLAY}


def test_each_choice_of_letters_and_a_time_zone_are_kept(client: Client) -> None:
    user = UserFactory()
    client.force_login(user)
    for preference in ("none", "daily", "weekly", "each"):
        body = PREFERENCES | {"alert_preference": preference, "time_zone": "Europe/Berlin"}
        assert client.post(SETTINGS, body).headers["Location"] == SETTINGS
        user.refresh_from_db()
        assert (user.alert_preference, user.time_zone) == (preference, "Europe/Berlin")


def test_the_hour_and_the_kinds_of_letters_are_kept(client: Client) -> None:
    user = UserFactory()
    client.force_login(user)
    assert client.get(SETTINGS).text.count('name="kinds"') == len(Kind.values)
    client.post(SETTINGS, PREFERENCES | {"letter_hour": 19, "kinds": ["drift", "review"]})
    user.refresh_from_db()
    assert user.letter_hour == 19
    assert {*user.muted_kinds} == {*Kind.values} - {"drift", "review"}
    page = client.get(SETTINGS).text
    assert re.search(r'value="drift"[^>]*checked', page)
    assert not re.search(r'value="depeg"[^>]*checked', page)


def test_the_letter_that_waits_leaves_when_it_is_wanted_now(client: Client) -> None:
    user = UserFactory(alert_preference="weekly")
    notification(user)
    letters.queue()
    client.force_login(user)
    client.post(SETTINGS, PREFERENCES | {"kinds": ["drift"]})
    assert outbox.claim(limit=1) == [OutgoingEmail.objects.get()]


@pytest.mark.parametrize(
    "body",
    [
        {"alert_preference": "hourly"},
        {"time_zone": "Europe/../../etc/passwd"},
        {"time_zone": "Moon/Tycho"},
        {"time_zone": ""},
        {"alert_preference": ""},
        {"letter_hour": 24},
        {"letter_hour": "noon"},
        {"kinds": ["spam"]},
        {"theme": "sepia"},
        {"number_style": "point_point"},
        {"base_unit": "dogecoin"},
    ],
)
def test_what_is_no_choice_is_refused_and_nothing_is_saved(
    client: Client, body: dict[str, str]
) -> None:
    user = UserFactory()
    client.force_login(user)
    others = {"alert_preference": "none", "time_zone": "Asia/Tokyo", "theme": "dark"}
    assert client.post(SETTINGS, PREFERENCES | others | body).status_code == 422
    user.refresh_from_db()
    assert {name: getattr(user, name) for name in PREFERENCES} == PREFERENCES


@pytest.mark.parametrize(
    "choice",
    [
        {"alert_preference": "hourly"},
        {"theme": "sepia"},
        {"number_style": "space"},
        {"base_unit": "sol"},
    ],
)
def test_the_database_knows_the_choices_too(choice: dict[str, str]) -> None:
    with pytest.raises(IntegrityError):
        UserFactory(**choice)


def test_a_saved_setting_says_so_once(client: Client) -> None:
    client.force_login(UserFactory())
    page = client.post(SETTINGS, PREFERENCES, follow=True).content.decode()
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


# --- The theme ---


def root(page: str) -> str:
    """The start tag of the page."""
    return " ".join(page.partition("<html")[2].partition(">")[0].split())


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_chosen_theme_is_in_the_page_before_any_script_runs(client: Client, theme: str) -> None:
    client.force_login(UserFactory(theme=theme))
    tag = root(client.get(SETTINGS).content.decode())
    assert f'data-theme="{theme}"' in tag
    assert f'data-bs-theme="{theme}"' in tag


def test_the_theme_of_the_device_is_the_browser_s_to_know(client: Client) -> None:
    client.force_login(UserFactory())
    tag = root(client.get(SETTINGS).content.decode())
    assert 'data-theme="system"' in tag
    assert "data-bs-theme" not in tag
    assert "data-theme" not in root(Client().get("/account/login/").content.decode())


def test_the_switch_in_the_menu_keeps_the_theme_and_leads_back(client: Client) -> None:
    user = UserFactory(time_zone="Asia/Tokyo")
    client.force_login(user)
    answer = client.post(THEME, {"theme": "dark", "next": "/portfolios/?sort=-value"})
    assert answer.headers["Location"] == "/portfolios/?sort=-value"
    user.refresh_from_db()
    assert (user.theme, user.time_zone) == ("dark", "Asia/Tokyo")


@pytest.mark.parametrize(
    "page", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)", ""]
)
def test_the_switch_leads_nowhere_else(client: Client, page: str) -> None:
    client.force_login(UserFactory())
    answer = client.post(THEME, {"theme": "dark", "next": page})
    assert answer.headers["Location"] == SETTINGS


def test_a_theme_that_is_none_changes_nothing(client: Client) -> None:
    user = UserFactory()
    client.force_login(user)
    assert client.post(THEME, {"theme": "sepia"}).status_code == 302
    user.refresh_from_db()
    assert user.theme == "system"


def test_who_signs_up_from_a_sandbox_keeps_its_looks() -> None:
    looks = {
        "theme": "dark", "number_style": "point_comma", "base_unit": "btc",
        "time_zone": "Asia/Tokyo",
    }  # fmt: skip
    sandbox, new = guest(**looks), UserFactory()
    guests.promise(guest=sandbox, person=new)
    new.refresh_from_db()
    assert {name: getattr(new, name) for name in looks} == looks
    assert new.alert_preference == "each"


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
