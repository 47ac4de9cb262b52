"""Facts that others write, which staff may look at, and the calendar that they keep."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet, URLField
from django.http import HttpRequest

from accounts.admin import ReadOnly
from portfolios.models import (
    Holding,
    MarketEvent,
    MarketSignal,
    Portfolio,
    QuarantinedPrice,
    QuarantinedSignal,
    TargetWeight,
)


class PositionInline(ReadOnly, admin.TabularInline):
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("asset")


class HoldingInline(PositionInline):
    model = Holding


class TargetWeightInline(PositionInline):
    model = TargetWeight

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("category")


@admin.register(Portfolio)
class PortfolioAdmin(ReadOnly, admin.ModelAdmin):
    """Only their owners write portfolios: every change of theirs bumps the revision."""

    list_display = ("name", "owner", "profile", "revision", "created_at")
    list_select_related = ("owner", "profile")
    search_fields = ("name", "owner__email")
    date_hierarchy = "created_at"
    show_full_result_count = False
    inlines = (HoldingInline, TargetWeightInline)


@admin.register(MarketEvent)
class MarketEventAdmin(admin.ModelAdmin):
    """The one table here that staff keep: what may move markets."""

    list_display = ("date", "title", "kind", "link")
    list_filter = ("kind",)
    search_fields = ("title",)
    date_hierarchy = "date"
    # An address without http or https is a secure one, as it will be by Django's own default.
    formfield_overrides: ClassVar[Any] = {URLField: {"assume_scheme": "https"}}


@admin.register(MarketSignal)
class MarketSignalAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("date", "name", "asset", "value", "is_unconfirmed", "source")
    list_select_related = ("asset",)
    list_filter = ("name", "is_unconfirmed")
    date_hierarchy = "date"
    show_full_result_count = False


@admin.register(QuarantinedPrice, QuarantinedSignal)
class QuarantinedRowAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("first_seen", "source", "line", "reason", "row")
    search_fields = ("source", "reason", "row")
    date_hierarchy = "first_seen"
    show_full_result_count = False
