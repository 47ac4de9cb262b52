"""Every page of the admin site: bounded queries, nothing the content policy forbids."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import OutgoingEmail, User
from analytics.models import NightlyRun, RunChunk
from portfolios.models import (
    Asset,
    AssetCategory,
    ModelPortfolio,
    Portfolio,
    QuarantinedPrice,
    RiskProfile,
    Venue,
)
from portfolios.services import catalogue
from tests.factories import (
    AssetFactory,
    HoldingFactory,
    PortfolioFactory,
    TargetWeightFactory,
    UserFactory,
    staff,
)

pytestmark = pytest.mark.django_db

READ_ONLY = (OutgoingEmail, Portfolio, QuarantinedPrice, NightlyRun)


@pytest.fixture
def person() -> User:
    return staff()


@pytest.fixture
def site(client: Client, person: User) -> Client:
    catalogue.load()
    client.force_login(person)
    return client


def add_portfolio(n: int) -> Portfolio:
    portfolio = PortfolioFactory(profile=RiskProfile.objects.first())
    HoldingFactory.create_batch(12, portfolio=portfolio)
    TargetWeightFactory.create_batch(2, portfolio=portfolio)
    return portfolio


def add_run(n: int) -> NightlyRun:
    run = NightlyRun.objects.create(as_of=date(2024, 1, 1) + timedelta(days=n))
    for number in range(3):
        RunChunk.objects.create(run=run, number=number, first_portfolio_id=1, last_portfolio_id=2)
    return run


def add_mail(n: int) -> OutgoingEmail:
    return OutgoingEmail.objects.create(
        dedupe_key=f"key-{n}",
        user=UserFactory(),
        recipient=f"reader{n}@example.org",
        kind="account",
        text="https://example.org/a-link-that-signs-in",
        html="<a href='https://example.org/a-link-that-signs-in'>in</a>",
    )


ADD: dict[type[Model], Callable[[int], Model]] = {
    Asset: lambda n: AssetFactory(),
    User: lambda n: UserFactory(),
    Portfolio: add_portfolio,
    NightlyRun: add_run,
    OutgoingEmail: add_mail,
    QuarantinedPrice: lambda n: QuarantinedPrice.objects.create(
        source="AAA.csv", line=n, reason="The close is blank.", row="2024-01-01,,,,,,"
    ),
}
OURS = [AssetCategory, ModelPortfolio, RiskProfile, Venue, *ADD]
REGISTERED = list(admin.site._registry)


def url(model: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def queries(site: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert site.get(address).status_code == 200
    return len(captured)


def test_every_model_that_staff_need_is_there() -> None:
    assert set(OURS) <= set(REGISTERED)


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.model_name)
def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(
    site: Client, model: type[Model]
) -> None:
    add = ADD.get(model, lambda n: UserFactory())
    for n in range(2):
        add(n)
    few = queries(site, url(model, "changelist"))
    for n in range(2, 10):
        add(n)
    assert queries(site, url(model, "changelist")) == few <= 12


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.model_name)
def test_a_row_opens_in_a_bounded_number_of_queries(site: Client, model: type[Model]) -> None:
    row = ADD[model](1) if model in ADD else model._default_manager.order_by("-pk").first()
    assert row is not None
    assert queries(site, url(model, "change", row.pk)) <= 12


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.model_name)
@pytest.mark.parametrize("page", ["changelist", "change"])
def test_the_page_obeys_the_content_policy(site: Client, model: type[Model], page: str) -> None:
    row = ADD[model](1) if model in ADD else model._default_manager.all()[0]
    response = site.get(url(model, page, *([row.pk] if page == "change" else [])))
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    html = response.text
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", html)
    for script in re.findall(r"<script\b[^>]*>", html):
        assert "src=" in script or 'type="application/json"' in script


@pytest.mark.parametrize("model", READ_ONLY, ids=lambda model: model._meta.model_name)
def test_what_machinery_writes_staff_may_only_read(site: Client, model: type[Model]) -> None:
    row = ADD[model](1)
    assert site.get(url(model, "add")).status_code == 403
    assert site.post(url(model, "change", row.pk), {}).status_code == 403
    assert site.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert model._default_manager.filter(pk=row.pk).exists()


def test_a_letter_is_listed_without_its_links(site: Client) -> None:
    letter = add_mail(1)
    for address in (
        url(OutgoingEmail, "changelist"),
        url(OutgoingEmail, "change", letter.pk),
    ):
        html = site.get(address).text
        assert "reader1@example.org" in html
        assert "signs-in" not in html


def test_somebody_without_rights_sees_nothing(client: Client) -> None:
    client.force_login(UserFactory())
    for model in OURS:
        assert client.get(url(model, "changelist")).status_code == 302


def test_staff_may_add_and_deactivate_a_person_but_not_change_the_address(site: Client) -> None:
    password = "a-long-enough-word-of-passage"
    new = {"email": "New@Example.org", "usable_password": "true"}
    site.post(url(User, "add"), new | {"password1": password, "password2": password})
    person = User.objects.get(email="new@example.org")
    assert person.check_password(password)
    kept = {name: getattr(person, name) for name in ("alert_preference", "time_zone")}
    site.post(url(User, "change", person.pk), {"email": "other@example.org", **kept})
    person.refresh_from_db()
    assert (person.email, person.is_active) == ("new@example.org", False)
