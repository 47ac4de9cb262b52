"""Curating token migrations: applied and reversed after a look at what they touch."""

from collections.abc import Callable
from functools import partial

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from portfolios.admin import confirmation, sentences
from portfolios.admin.curation import Curated
from portfolios.models import TokenMigration
from portfolios.selectors import catalogue_use
from portfolios.selectors.catalogue_use import Use
from portfolios.services import token_migrations
from portfolios.services.errors import TokenMigrationError
from portfolios.services.token_migrations import MigrationReport


@admin.register(TokenMigration)
class TokenMigrationAdmin(Curated):
    key = ""
    fields = ("old_units", "old_asset", "new_units", "new_asset", "effective_on")
    list_display = ("__str__", "old_asset", "new_asset", "effective_on", "state", "applied_at")
    list_filter = ("state",)
    list_select_related = ("old_asset", "new_asset")
    search_fields = (
        "old_asset__symbol", "old_asset__name", "new_asset__symbol", "new_asset__name",
    )  # fmt: skip
    date_hierarchy = "effective_on"
    actions = ("apply", "reverse")
    instead_of_removing = "Reverse it first. A migration that is not applied can be removed."

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        """What was applied stays as it was applied."""
        shown = ("state", "applied_at")
        applied = isinstance(obj, TokenMigration) and obj.state == TokenMigration.State.APPLIED
        return (*self.fields, *shown) if applied else ()

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.fields, *self.get_readonly_fields(request, obj))))

    def obstacles(self, row: TokenMigration) -> list[str]:
        return ["It is applied."] if row.state == TokenMigration.State.APPLIED else []

    @admin.action(description="Apply", permissions=["change"])
    def apply(self, request: HttpRequest, rows: QuerySet[TokenMigration]) -> HttpResponse | None:
        if not confirmation.confirmed(request):
            return self._ask(request, rows, "apply", _would_move)
        today = timezone.now().date()
        for row in rows:
            change = partial(token_migrations.apply, migration=row, today=today)
            self._attempt(request, row, "Applied", change)
        return None

    @admin.action(description="Reverse", permissions=["change"])
    def reverse(self, request: HttpRequest, rows: QuerySet[TokenMigration]) -> HttpResponse | None:
        if not confirmation.confirmed(request):
            return self._ask(request, rows, "reverse", catalogue_use.of_migration)
        for row in rows:
            change = partial(token_migrations.reverse, migration=row)
            self._attempt(request, row, "Reversed", change)
        return None

    def _ask(
        self,
        request: HttpRequest,
        rows: QuerySet[TokenMigration],
        action: str,
        use_of: Callable[[TokenMigration], Use],
    ) -> HttpResponse:
        verb = action.capitalize()
        question = confirmation.Question(
            title=f"{verb} {sentences.count(len(rows), 'token migration')}?",
            button=verb,
            sections=[
                confirmation.Section(str(row), sentences.touched(use_of(row))) for row in rows
            ],
            hidden=confirmation.chosen(action, rows),
        )
        return confirmation.ask(self, request, question)

    def _attempt(
        self,
        request: HttpRequest,
        row: TokenMigration,
        verb: str,
        change: Callable[[], MigrationReport],
    ) -> None:
        """Change one migration; say what came of it, here and in its history."""
        try:
            report = change()
        except TokenMigrationError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        words = (
            f"{verb} {row}: {sentences.count(report.portfolios, 'portfolio')} and "
            f"{sentences.count(report.model_portfolios, 'model portfolio')} changed."
        )
        self.log_change(request, row, words)
        self.message_user(request, words, messages.SUCCESS)
        if report.left_alone:
            self.message_user(
                request,
                f"{sentences.count(report.left_alone, 'holding')} of {row.old_asset.symbol} would "
                "have become too large for a balance, and stayed.",
                messages.WARNING,
            )


def _would_move(row: TokenMigration) -> Use:
    return catalogue_use.of_assets([row.old_asset_id])
