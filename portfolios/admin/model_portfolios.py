"""Curating risk profiles and model portfolios."""

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from portfolios.admin import sentences
from portfolios.admin.curation import Curated
from portfolios.admin.model_resource import ModelPortfolioResource
from portfolios.admin.resources import RiskProfileResource
from portfolios.admin.transfer import Transferred
from portfolios.models import ModelPortfolio, ModelPortfolioLine, RiskProfile
from portfolios.selectors import catalogue_use
from portfolios.selectors.catalogue_use import Use


@admin.register(RiskProfile)
class RiskProfileAdmin(Transferred, Curated):
    resource_classes = (RiskProfileResource,)
    list_display = (
        "name", "max_drawdown", "core_min", "core_max", "bitcoin_cap", "ether_cap", "other_cap",
        "least_score",
    )  # fmt: skip
    search_fields = ("name", "slug")
    asks_before_changing = (
        "max_drawdown", "core_min", "core_max", "bitcoin_cap", "ether_cap", "other_cap",
    )  # fmt: skip
    instead_of_removing = "Give its model portfolios another profile, and leave it where it is."

    def use_of(self, row: RiskProfile) -> Use:
        return catalogue_use.of_profiles([row.pk])

    def use_of_many(self, keys: Collection[int]) -> Use:
        return catalogue_use.of_profiles(keys)


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
        line = "new line" if index is None else f"line {index + 1}"
        for field in fields.values():  # a head above a column labels no field of it
            inner = getattr(field.widget, "widget", field.widget)
            inner.attrs["aria-label"] = f"{field.label}, {line}"

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        kept = (form.cleaned_data for form in self.forms if form not in self.deleted_forms)
        total = sum((line["weight"] for line in kept if line), Decimal(0))
        if total != 1:
            raise ValidationError(f"The weights {sentences.wrong_sum(total)}")


class LineInline(admin.TabularInline):
    model = ModelPortfolioLine
    formset = LineFormSet
    extra = 3

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelPortfolioLine]:
        return super().get_queryset(request).select_related("asset", "category")


@admin.register(ModelPortfolio)
class ModelPortfolioAdmin(Transferred, Curated):
    resource_classes = (ModelPortfolioResource,)
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

    # As CSV it is its lines, one a row.

    def has_import_permission(self, request: HttpRequest) -> bool:
        inline = LineInline(self.model, self.admin_site)
        return super().has_import_permission(request) and (
            inline.has_add_permission(request, None)
            and inline.has_change_permission(request)
            and inline.has_delete_permission(request)
        )

    def get_export_queryset(self, request: HttpRequest) -> QuerySet[ModelPortfolioLine]:
        lines = ModelPortfolioLine.objects.filter(
            model_portfolio__in=super().get_export_queryset(request).values("pk")
        )
        return lines.select_related("model_portfolio__profile", "asset", "category").order_by(
            "model_portfolio__profile__position", "model_portfolio__name", "position", "pk"
        )

    def touched_by(self, result: Any) -> list[str]:
        changed = {row.instance.model_portfolio_id for row in result if row.import_type != "skip"}
        use = catalogue_use.of_models(changed)
        return [
            *sentences.touched(use),
            "Portfolios keep their targets: only new ones start from the changed model.",
        ]

    def generate_log_entries(self, result: Any, request: HttpRequest) -> None:
        """One entry a model portfolio, with all that became of its lines."""
        lines: dict[ModelPortfolio, list[str]] = {}
        for row in result:
            if row.import_type != "skip":
                words = lines.setdefault(row.instance.model_portfolio, [])
                words.append(self._became(row))
        for model, words in lines.items():
            self.log_change(request, model, "Imported. " + "; ".join(words))

    def _became(self, row: Any) -> str:
        if row.import_type == "update":
            return f"{row.instance}: {self.changes_of(row)}"
        verb = "Removed" if row.import_type == "delete" else "Added"
        return f"{verb} {row.instance} with {sentences.percent(row.instance.weight)}"
