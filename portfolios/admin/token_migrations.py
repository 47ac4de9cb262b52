"""Curating token migrations: applied and reversed after a look at what they touch.

A change of a few portfolios is done at once. A larger one goes to a worker, and the list says how
far it is.
"""

from collections.abc import Callable, Collection

import structlog
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.timesince import timesince
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from portfolios import tasks
from portfolios.admin import confirmation, sentences
from portfolios.admin.curation import Curated
from portfolios.admin.resources import TokenMigrationResource
from portfolios.admin.transfer import Transferred
from portfolios.models import TokenMigration
from portfolios.selectors import catalogue_use
from portfolios.selectors.catalogue_use import Use
from portfolios.services import token_migrations
from portfolios.services.errors import TokenMigrationError

# So many portfolios are moved before anybody grows impatient.
DONE_AT_ONCE = 1000
State = TokenMigration.State
UNDER_WAY = {State.APPLYING: "Being applied", State.REVERSING: "Being reversed"}
logger = structlog.get_logger(__name__)


@admin.register(TokenMigration)
class TokenMigrationAdmin(Transferred, Curated):
    resource_classes = (TokenMigrationResource,)
    key = ""
    fields = ("old_units", "old_asset", "new_units", "new_asset", "effective_on")
    list_display = ("__str__", "old_asset", "new_asset", "effective_on", "progress", "outcome")
    list_filter = ("state",)
    list_select_related = ("old_asset", "new_asset")
    search_fields = (
        "old_asset__symbol", "old_asset__name", "new_asset__symbol", "new_asset__name",
    )  # fmt: skip
    date_hierarchy = "effective_on"
    actions = ("apply", "reverse")
    shown_once_started = ("progress", "applied_at", "started_by", "outcome")
    instead_of_removing = "Reverse it first. A migration that is not applied can be removed."

    @admin.display(description="State", ordering="state")
    def progress(self, row: TokenMigration) -> str:
        words = UNDER_WAY.get(State(row.state))
        if words is None or row.started_at is None:
            return State(row.state).label
        since = timesince(row.started_at)
        return f"{words} for {since}: attempt {row.attempt}" if row.attempt else f"{words}, waiting"

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        """What was applied stays as it was applied."""
        if not isinstance(obj, TokenMigration):
            return ()
        if obj.state != State.PREPARED:
            return (*self.fields, *self.shown_once_started)
        return self.shown_once_started if obj.started_at else ()

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.fields, *self.get_readonly_fields(request, obj))))

    def use_of_many(self, keys: Collection[int]) -> Use:
        """Files prepare migrations, which touches nobody before they are applied."""
        return Use()

    def obstacles(self, row: TokenMigration) -> list[str]:
        return [] if row.state == State.PREPARED else [f"It is {row.state}."]

    @admin.action(description="Apply", permissions=["change"])
    def apply(self, request: HttpRequest, rows: QuerySet[TokenMigration]) -> HttpResponse | None:
        return self._start_all(request, rows, "apply", State.APPLYING, _would_move)

    @admin.action(description="Reverse", permissions=["change"])
    def reverse(self, request: HttpRequest, rows: QuerySet[TokenMigration]) -> HttpResponse | None:
        use_of = catalogue_use.of_migration
        return self._start_all(request, rows, "reverse", State.REVERSING, use_of)

    def _start_all(
        self,
        request: HttpRequest,
        rows: QuerySet[TokenMigration],
        action: str,
        change: State,
        use_of: Callable[[TokenMigration], Use],
    ) -> HttpResponse | None:
        if not confirmation.confirmed(request):
            return self._ask(request, rows, action, use_of)
        for row in rows:
            is_large = use_of(row).portfolios > DONE_AT_ONCE
            try:
                self._start(request, row, change, is_large=is_large)
            except TokenMigrationError as refusal:
                self.message_user(request, str(refusal), messages.ERROR)
        return None

    def _start(
        self, request: HttpRequest, row: TokenMigration, change: State, *, is_large: bool
    ) -> None:
        today = timezone.now().date()
        assert request.user.is_authenticated
        token_migrations.start(migration=row, change=change, today=today, by=request.user)
        if not is_large:
            token_migrations.carry_out(migration_id=row.pk, today=today)
            row.refresh_from_db()
            level = messages.WARNING if row.state in UNDER_WAY else messages.SUCCESS
            self.message_user(request, row.outcome or self.progress(row), level)
            return
        try:
            tasks.carry_out_token_migration.delay_on_commit(row.pk)
        except (OperationalError, RedisError):  # it is rung for again every minute
            logger.warning("no broker to ring for a token migration", token_migration=row.pk)
        self.message_user(
            request,
            f"{row} has been started. It touches many portfolios, so a worker does it: this list "
            "says how far it is.",
            messages.INFO,
        )

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


def _would_move(row: TokenMigration) -> Use:
    return catalogue_use.of_assets([row.old_asset_id])
