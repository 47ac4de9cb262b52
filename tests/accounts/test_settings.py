import pytest
from django.test import Client

from accounts.models import User
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def test_the_switch_turns_drift_alerts_off_and_on(client: Client) -> None:
    user = UserFactory()
    client.force_login(user)
    for body, wanted in (({}, False), ({"drift_alerts": "on"}, True)):
        response = client.post("/account/settings/", body)
        assert response.headers["Location"] == "/account/settings/"
        assert User.objects.get(pk=user.pk).drift_alerts is wanted


def test_a_saved_setting_says_so_once(client: Client) -> None:
    client.force_login(UserFactory())
    page = client.post("/account/settings/", {}, follow=True).content.decode()
    assert "Your settings are saved." in page
    assert "Your settings are saved." not in client.get("/account/settings/").content.decode()


def test_settings_ask_a_visitor_to_log_in(client: Client) -> None:
    assert client.get("/account/settings/").headers["Location"].startswith("/account/login/")
