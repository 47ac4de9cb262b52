"""The admin site's view of the nights."""

from django.contrib import admin

from accounts.admin import ReadOnly
from analytics.models import NightlyRun, RunChunk


class RunChunkInline(ReadOnly, admin.TabularInline):
    model = RunChunk
    extra = 0
    ordering = ("stage", "number")


@admin.register(NightlyRun)
class NightlyRunAdmin(ReadOnly, admin.ModelAdmin):
    list_display = (
        "as_of", "state", "is_current", "high_volatility", "portfolios", "in_breach",
        "suggestions", "emails_queued", "published_at", "problem",
    )  # fmt: skip
    list_filter = ("state",)
    date_hierarchy = "as_of"
    readonly_fields = ("created_at",)
    inlines = (RunChunkInline,)
