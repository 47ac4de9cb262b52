"""Without the cache people still get in."""

import pytest
from django.core.cache import caches

from tests.factories import PASSWORD, UserFactory


@pytest.fixture
def cache_away(settings, tmp_path):
    away = {**settings.CACHES["default"], "LOCATION": f"unix://{tmp_path}/nobody.sock"}
    settings.CACHES = {"default": away}
    return caches["default"]


def test_nothing_is_remembered_and_nothing_fails(cache_away):
    cache_away.set("harbour", "calm")
    assert cache_away.get("harbour", "unknown") == "unknown"
    assert cache_away.add("harbour", "calm") is True
    assert cache_away.delete("harbour") is False


@pytest.mark.django_db
def test_people_log_in_without_the_cache(cache_away, client):
    user = UserFactory()
    user.emailaddress_set.create(email=user.email, verified=True, primary=True)
    response = client.post("/account/login/", {"login": user.email, "password": PASSWORD})
    assert response.status_code == 302
    assert client.get("/portfolios/").status_code == 200
