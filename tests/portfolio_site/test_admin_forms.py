"""Every form of the admin site, fed what no honest person types: a message, and nothing saved."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import User
from portfolios.models import ModelPortfolioLine
from portfolios.services import catalogue
from tests.factories import UserFactory, staff

pytestmark = pytest.mark.django_db

HOSTILE = ("", "\x00", "<script>alert(1)</script>", "9" * 400, "-1", "NaN", "1e999999")
MAKE: dict[type[Model], Any] = {
    Group: lambda: Group.objects.create(name="Curators"),
    User: UserFactory,
}


def editable() -> list[type[Model]]:
    request = RequestFactory().get("/")
    request.user = User(is_staff=True, is_superuser=True, is_active=True)
    return [
        model
        for model, site_admin in admin.site._registry.items()
        if site_admin.has_change_permission(request)
    ]


EDITABLE = editable()


@pytest.fixture
def site(client: Client) -> Client:
    catalogue.load()
    # A line a model is enough to be hostile to.
    ModelPortfolioLine.objects.exclude(position=1).delete()
    ModelPortfolioLine.objects.update(weight=1)
    client.force_login(staff())
    # A page that fails is a 500 here, not an exception of the test.
    client.raise_request_exception = False
    return client


def url(model: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def forms_of(response: Any) -> Iterator[Any]:
    yield response.context["adminform"].form
    for inline in response.context["inline_admin_formsets"]:
        yield inline.formset.management_form
        yield from inline.formset.initial_forms


def as_sent(response: Any) -> dict[str, Any]:
    """What the form would send if nothing were changed."""
    fields = [field for form in forms_of(response) for field in form]
    values = {field.html_name: field.value() for field in fields}
    return {name: value for name, value in values.items() if value not in (None, False)}


def state(row: Model) -> list[Any]:
    """All that a form of this row may change."""
    models = [type(row), *(inline.model for inline in admin.site._registry[type(row)].inlines)]
    return [sorted(map(repr, model._default_manager.values_list())) for model in models]


def test_every_form_that_can_be_sent_is_tried() -> None:
    names = {model.__name__ for model in EDITABLE}
    ours = {"Asset", "AssetCategory", "RiskProfile", "ModelPortfolio", "TokenMigration", "User"}
    assert ours <= names


@pytest.mark.parametrize("model", EDITABLE, ids=lambda model: model._meta.model_name)
def test_a_hostile_value_in_any_field_is_refused_in_words_and_saves_nothing(
    site: Client, model: type[Model]
) -> None:
    row = model._default_manager.first() or MAKE.get(model, lambda: None)()
    address = url(model, "change", row.pk) if row else url(model, "add")
    sent = as_sent(site.get(address))
    # Of the rows of an inline the first speaks for all.
    for name in [name for name in sent if not re.search(r"_FORMS$|-(?!0-)\d+-", name)]:
        for value in HOSTILE:
            before = state(row) if row else model._default_manager.count()
            response = site.post(address, sent | {name: value})
            where = f"{model.__name__}.{name} = {value[:30]!r}"
            assert response.status_code in (200, 302), where
            if response.status_code == 200:
                assert says_why_or_asks(response), where
                assert (state(row) if row else model._default_manager.count()) == before, where
                assert "<script>alert(1)" not in response.text, where


def says_why_or_asks(response: Any) -> bool:
    return "errorlist" in response.text or 'name="_confirmed"' in response.text


@pytest.mark.parametrize("model", EDITABLE, ids=lambda model: model._meta.model_name)
def test_an_added_row_of_nothing_but_hostile_values_is_refused(
    site: Client, model: type[Model]
) -> None:
    page = site.get(url(model, "add"))
    if page.status_code == 403:  # nobody may add one
        return
    before = model._default_manager.count()
    names = [field.html_name for form in forms_of(page) for field in form]
    for value in HOSTILE:
        sent = {name: "0" if name.endswith("_FORMS") else value for name in names}
        response = site.post(url(model, "add"), sent)
        assert response.status_code == 200, value[:30]
        assert "errorlist" in response.text
        assert model._default_manager.count() == before


@pytest.mark.parametrize("model", EDITABLE, ids=lambda model: model._meta.model_name)
def test_hostile_searches_filters_keys_and_actions_are_no_error_of_ours(
    site: Client, model: type[Model]
) -> None:
    for value in HOSTILE:
        for parameter in ("q", "p", "o", "e", "id__exact", "no_such_field"):
            response = site.get(url(model, "changelist"), {parameter: value})
            assert response.status_code in (200, 302, 400), (parameter, value[:30])
        response = site.post(url(model, "changelist"), {"action": value, "_selected_action": value})
        assert response.status_code in (200, 302, 400), value[:30]
    for key in ("0", "9" * 40, "x", "%00"):
        for page in ("change", "delete", "history"):
            response = site.get(url(model, page, key))
            assert response.status_code in (302, 403, 404), (page, key)


def test_every_constraint_has_a_message_that_can_be_written() -> None:
    for model in apps.get_models():
        for constraint in model._meta.constraints:
            message = constraint.get_violation_error_message()  # raises on a lone percent sign
            assert constraint.name not in message.replace(f"“{constraint.name}”", "")
