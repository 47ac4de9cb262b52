"""Curating assets and their categories."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from portfolios.admin import confirmation, sentences
from portfolios.admin.curation import Curated
from portfolios.admin.resources import AssetResource, CategoryResource
from portfolios.admin.transfer import Transferred
from portfolios.models import Asset, AssetCategory
from portfolios.selectors import catalogue_use
from portfolios.selectors.catalogue_use import Use


class CategoryChoice(forms.Form):
    category = forms.ModelChoiceField(AssetCategory.objects.all(), label="New category")


@admin.register(AssetCategory)
class AssetCategoryAdmin(Transferred, Curated):
    resource_classes = (CategoryResource,)
    list_display = (
        "name", "slug", "risk_level", "recommended_min", "recommended_max", "colour", "position",
    )  # fmt: skip
    list_filter = ("risk_level",)
    search_fields = ("name", "slug")
    asks_before_changing = ("recommended_min", "recommended_max", "risk_level")
    instead_of_removing = (
        "Give its assets another category first: choose them in the list of assets, then "
        "“Set the category”. A category without assets and slots can be removed."
    )

    def use_of(self, row: AssetCategory) -> Use:
        return catalogue_use.of_categories([row.pk])

    def use_of_many(self, keys: Collection[int]) -> Use:
        return catalogue_use.of_categories(keys)

    def ways_out(self, row: AssetCategory) -> list[tuple[str, str]]:
        address = reverse("admin:portfolios_asset_changelist")
        return [(f"{address}?category__id__exact={row.pk}", "Its assets")]

    def obstacles(self, row: AssetCategory) -> list[str]:
        assets = row.assets.count()
        held = [f"{sentences.count(assets, 'asset')}."] if assets else []
        if own := catalogue_use.own_assets_in(row):
            held.append(f"{sentences.count(own, 'asset')} that people have added for themselves.")
        return held + super().obstacles(row)


@admin.register(Asset)
class AssetAdmin(Transferred, Curated):
    key = "coingecko_id"
    resource_classes = (AssetResource,)
    list_display = (
        "symbol", "name", "category", "kind", "cap_rank", "tier", "assumed_yield", "is_active",
        "coingecko_id",
    )  # fmt: skip
    list_filter = ("is_active", "kind", "category")
    list_select_related = ("category",)
    search_fields = ("symbol", "name", "coingecko_id")
    actions = ("activate", "deactivate", "set_category")
    asks_before_changing = ("category", "kind", "form_of", "is_active")
    instead_of_removing = (
        "Supersede it: make it inactive, and no picker offers it any more. If another token "
        "replaced it, add a token migration, which moves holdings and targets along."
    )

    def use_of(self, row: Asset) -> Use:
        return catalogue_use.of_assets([row.pk])

    def use_of_many(self, keys: Collection[int]) -> Use:
        return catalogue_use.of_assets(keys)

    def obstacles(self, row: Asset) -> list[str]:
        reasons = super().obstacles(row)
        if days := catalogue_use.days_of_prices(row):
            reasons.append(f"{sentences.count(days, 'day')} of prices.")
        if lines := catalogue_use.transactions_of(row):
            reasons.append(f"{sentences.count(lines, 'transaction')} in the ledgers of portfolios.")
        reasons += [f"The token migration {each}." for each in catalogue_use.migrations_of(row)]
        return reasons

    def ways_out(self, row: Asset) -> list[tuple[str, str]]:
        address = reverse("admin:portfolios_tokenmigration_add")
        return [(f"{address}?old_asset={row.pk}", "Add a token migration")]

    @admin.action(description="Activate", permissions=["change"])
    def activate(self, request: HttpRequest, rows: QuerySet[Asset]) -> HttpResponse | None:
        return self._change_all(request, rows, "activate", "Active", is_active=True)

    @admin.action(description="Deactivate", permissions=["change"])
    def deactivate(self, request: HttpRequest, rows: QuerySet[Asset]) -> HttpResponse | None:
        return self._change_all(request, rows, "deactivate", "Active", is_active=False)

    @admin.action(description="Set the category", permissions=["change"])
    def set_category(self, request: HttpRequest, rows: QuerySet[Asset]) -> HttpResponse | None:
        form = CategoryChoice(request.POST if confirmation.confirmed(request) else None)
        if form.is_valid():
            category = form.cleaned_data["category"]
            return self._change_all(request, rows, "set_category", "Category", category=category)
        return self._ask(request, rows, "set_category", form)

    def _change_all(
        self, request: HttpRequest, rows: QuerySet[Asset], action: str, label: str, **field: Any
    ) -> HttpResponse | None:
        """Give every row the value, ask first, and keep old and new in each history."""
        if not confirmation.confirmed(request):
            return self._ask(request, rows, action)
        ((name, value),) = field.items()
        with transaction.atomic():
            by_old = defaultdict(list)
            for row in rows.select_for_update(of=("self",)).select_related("category"):
                by_old[getattr(row, name)].append(row)
            kept = len(by_old.pop(value, ()))
            for old, changed in by_old.items():
                words = f"{label}: {sentences.word(old)} → {sentences.word(value)}"
                LogEntry.objects.log_actions(request.user.pk or 0, changed, CHANGE, words)
                Asset.objects.filter(pk__in=[row.pk for row in changed]).update(**field)
        words = f"{sentences.count(sum(map(len, by_old.values())), 'asset')} changed."
        self.message_user(
            request,
            f"{words} {kept:,} had that value already." if kept else words,
            messages.SUCCESS,
        )
        return None

    def _ask(
        self,
        request: HttpRequest,
        rows: QuerySet[Asset],
        action: str,
        form: forms.Form | None = None,
    ) -> HttpResponse:
        description = str(getattr(self, action).short_description)
        use = catalogue_use.of_assets(list(rows.values_list("pk", flat=True)))
        question = confirmation.Question(
            title=f"{description}: {sentences.count(len(rows), 'asset')}",
            button=description,
            sections=(
                confirmation.Section("Assets", [str(row) for row in rows]),
                confirmation.Section("What it touches", sentences.touched(use)),
            ),
            form=form,
            hidden=confirmation.chosen(action, rows),
        )
        return confirmation.ask(self, request, question)
