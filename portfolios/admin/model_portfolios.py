"""Curating risk profiles and model portfolios."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from portfolios.admin.curation import Curated
from portfolios.admin.sentences import percent
from portfolios.models import ModelPortfolio, ModelPortfolioLine, RiskProfile
from portfolios.selectors import catalogue_use
from portfolios.selectors.catalogue_use import Use


@admin.register(RiskProfile)
class RiskProfileAdmin(Curated):
    list_display = (
        "name", "max_drawdown", "core_min", "core_max", "bitcoin_cap", "ether_cap", "other_cap",
    )  # fmt: skip
    search_fields = ("name", "slug")
    asks_before_changing = (
        "max_drawdown", "core_min", "core_max", "bitcoin_cap", "ether_cap", "other_cap",
    )  # fmt: skip
    instead_of_removing = "Give its model portfolios another profile, and leave it where it is."

    def use_of(self, row: RiskProfile) -> Use:
        return catalogue_use.of_profile(row)


class LineFormSet(forms.BaseInlineFormSet):
    """Lines of a model portfolio. They must sum to 100 %."""

    @cached_property
    def choices(self) -> dict[str, list[Any]]:
        """What every row may choose from, read once and not once a row."""
        fields: dict[str, Any] = self.form.base_fields
        return {name: list(fields[name].choices) for name in ("asset", "category")}

    def add_fields(self, form: forms.ModelForm, index: int | None) -> None:
        super().add_fields(form, index)
        fields: dict[str, Any] = form.fields
        for name, choices in self.choices.items():
            fields[name].choices = choices

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        kept = (form.cleaned_data for form in self.forms if form not in self.deleted_forms)
        total = sum((line["weight"] for line in kept if line), Decimal(0))
        if total != 1:
            verb = "Add" if total < 1 else "Take away"
            raise ValidationError(
                f"The weights sum to {percent(total)}, but a model portfolio must sum to 100 %. "
                f"{verb} {percent(abs(1 - total))}."
            )


class LineInline(admin.TabularInline):
    model = ModelPortfolioLine
    formset = LineFormSet
    extra = 3

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelPortfolioLine]:
        return super().get_queryset(request).select_related("asset", "category")


@admin.register(ModelPortfolio)
class ModelPortfolioAdmin(Curated):
    list_display = ("name", "profile", "line_count", "description")
    list_filter = ("profile",)
    list_select_related = ("profile",)
    search_fields = ("name", "slug", "description")
    inlines = (LineInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelPortfolio]:
        return super().get_queryset(request).annotate(lines_counted=Count("lines"))

    @admin.display(description="Lines", ordering="lines_counted")
    def line_count(self, row: Any) -> int:
        return int(row.lines_counted)
