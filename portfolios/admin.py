"""The admin site's view of the catalogue, which it curates, and of facts, which it shows."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from accounts.admin import ReadOnly
from portfolios.models import (
    Asset,
    AssetCategory,
    Holding,
    ModelPortfolio,
    ModelPortfolioLine,
    Portfolio,
    QuarantinedPrice,
    RiskProfile,
    TargetWeight,
)


class Keyed(admin.ModelAdmin):
    """Rows that code and catalogue know by a key: chosen once."""

    key = "slug"

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        return (self.key,) if obj else ()


@admin.register(AssetCategory)
class AssetCategoryAdmin(Keyed):
    list_display = (
        "name", "risk_level", "recommended_min", "recommended_max", "colour", "position",
    )  # fmt: skip


@admin.register(Asset)
class AssetAdmin(Keyed):
    key = "coingecko_id"
    list_display = (
        "symbol", "name", "coingecko_id", "category", "kind", "cap_rank", "is_active",
    )  # fmt: skip
    list_filter = ("category", "kind", "is_active")
    list_select_related = ("category",)
    search_fields = ("symbol", "name", "coingecko_id")


@admin.register(RiskProfile)
class RiskProfileAdmin(Keyed):
    list_display = (
        "name", "max_drawdown", "core_min", "core_max", "bitcoin_cap", "ether_cap", "other_cap",
    )  # fmt: skip


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
                f"The weights sum to {_percent(total)}, but a model portfolio must sum to 100 %. "
                f"{verb} {_percent(abs(1 - total))}."
            )


def _percent(fraction: Decimal) -> str:
    return f"{(fraction * 100).normalize():f} %"


class LineInline(admin.TabularInline):
    model = ModelPortfolioLine
    formset = LineFormSet
    extra = 3

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelPortfolioLine]:
        return super().get_queryset(request).select_related("asset", "category")


@admin.register(ModelPortfolio)
class ModelPortfolioAdmin(Keyed):
    list_display = ("name", "profile", "description")
    list_select_related = ("profile",)
    inlines = (LineInline,)


class PositionInline(ReadOnly, admin.TabularInline):
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("asset")


class HoldingInline(PositionInline):
    model = Holding


class TargetWeightInline(PositionInline):
    model = TargetWeight


@admin.register(Portfolio)
class PortfolioAdmin(ReadOnly, admin.ModelAdmin):
    """Only their owners write portfolios: every change of theirs bumps the revision."""

    list_display = ("name", "owner", "profile", "revision", "created_at")
    list_select_related = ("owner", "profile")
    search_fields = ("name", "owner__email")
    date_hierarchy = "created_at"
    show_full_result_count = False
    inlines = (HoldingInline, TargetWeightInline)


@admin.register(QuarantinedPrice)
class QuarantinedPriceAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("first_seen", "source", "line", "reason", "row")
    search_fields = ("source", "reason", "row")
    date_hierarchy = "first_seen"
    show_full_result_count = False
