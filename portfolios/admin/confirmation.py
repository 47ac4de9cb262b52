"""The page between a change and its saving: what it touches, and a button to go on."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse

CONFIRMED = "_confirmed"


@dataclass(frozen=True)
class Section:
    """A heading, and a list of sentences below it."""

    heading: str
    sentences: Iterable[str]


@dataclass(frozen=True)
class Question:
    title: str
    button: str
    sections: Iterable[Section]
    form: forms.BaseForm | None = None
    hidden: list[tuple[str, str]] = field(default_factory=list)
    """What the next request has to say again."""


def confirmed(request: HttpRequest) -> bool:
    return CONFIRMED in request.POST


def ask(
    model_admin: admin.ModelAdmin, request: HttpRequest, question: Question
) -> TemplateResponse:
    """Show the page. Its form comes back to the same address with CONFIRMED."""
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": question.title,
        "question": question,
        "hidden": [*question.hidden, (CONFIRMED, "yes")],
    }
    return TemplateResponse(request, "admin/portfolios/confirmation.html", context)


def resent(request: HttpRequest) -> list[tuple[str, str]]:
    """Every field of a form that was sent, to be sent again."""
    return [
        (name, value)
        for name, values in request.POST.lists()
        if name != "csrfmiddlewaretoken"
        for value in values
    ]


def chosen(action: str, rows: QuerySet[Model]) -> list[tuple[str, str]]:
    """What starts an action on the same rows again."""
    keys = rows.order_by("pk").values_list("pk", flat=True)
    return [("action", action), *((ACTION_CHECKBOX_NAME, str(pk)) for pk in keys)]
