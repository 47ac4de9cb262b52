"""How the admin site says numbers, values and what a change touches."""

from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Model

from portfolios.selectors.catalogue_use import Use


def percent(fraction: Decimal) -> str:
    return f"{(fraction * 100).normalize():f} %"


def count(number: int, noun: str, plural: str = "") -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def wrong_sum(total: Decimal) -> str:
    """What is wrong with weights that are not a whole, and how to mend it."""
    verb = "Add" if total < 1 else "Take away"
    return (
        f"sum to {percent(total)}, but a model portfolio must sum to 100 %. "
        f"{verb} {percent(abs(1 - total))}."
    )


def touched(use: Use) -> list[str]:
    """What a change touches, a sentence each."""
    if use.model_portfolios:
        names = ", ".join(use.model_portfolios)
        models = f"{count(len(use.model_portfolios), 'model portfolio')}: {names}."
    else:
        models = "No model portfolio."
    if not use.portfolios:
        return [models, "No portfolio of a user."]
    people = count(use.owners, "person", "people")
    return [models, f"{count(use.portfolios, 'portfolio')} of {people}."]


def changes(form: forms.BaseForm) -> list[str]:
    """What a form changes, a sentence for each field: its old and its new value."""
    return [
        f"{form.fields[name].label or name}: {_shown(form.fields[name], form.initial.get(name))}"
        f" → {_shown(form.fields[name], form.cleaned_data.get(name))}"
        for name in form.changed_data
        if name in form.fields
    ]


def _shown(field: forms.Field, value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(field, forms.ModelChoiceField) and not isinstance(value, Model):
        value = field.queryset.filter(pk=value).first() if field.queryset is not None else value
    return word(value, field)


def word(value: object, field: forms.Field | None = None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Model):
        return str(value)
    return str(dict(getattr(field, "choices", ())).get(value, value))
