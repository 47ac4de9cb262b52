"""The admin site's view of the nights: how each went, and retrying or cancelling one."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerAway

from accounts.admin import ReadOnly
from analytics import tasks
from analytics.models import NightlyRun, RunChunk
from analytics.selectors import nights as nights_selector
from analytics.services import nights, runs

CHUNKS_A_PAGE = 25
State = NightlyRun.State
RETRY_WORDS = {
    State.PUBLISHED: (
        "Its quarantined portfolios are computed again, and added where that succeeds.",
        "Their owners see it at once. No letter is written: the next night does that.",
    ),
    State.SKIPPED: (
        "It is computed from the beginning. A night that is not the newest is stored, but "
        "neither shown nor written about.",
    ),
}
TAKEN_UP = (
    "It goes on where it stopped; chunks that failed get one more attempt.",
    "Newer nights that are not published yet wait for it.",
)
CANCEL_WORDS = (
    "Workers stop after the chunk they are at. Readers keep the previous night.",
    "It can be taken up again later, where it stopped.",
)


@admin.register(NightlyRun)
class NightlyRunAdmin(ReadOnly, admin.ModelAdmin):
    list_display = (
        "as_of", "state", "is_current", "high_volatility", "portfolios", "in_breach",
        "suggestions", "emails_queued", "published_at", "problem",
    )  # fmt: skip
    list_filter = ("state",)
    date_hierarchy = "as_of"

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"analytics_nightlyrun_{name}",
            )
            for name, view in (("retry", self.retry), ("cancel", self.cancel))
        ]
        return own + super().get_urls()

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Everything about one night. Nothing is changed here: that has its own addresses."""
        run = self._run(request, object_id)
        if not self.has_view_permission(request, run) or request.method == "POST":
            raise PermissionDenied
        state = request.GET.get("state", "")
        state = state if state in RunChunk.State.values else ""
        chunks = Paginator(nights_selector.chunks(run, state=state), CHUNKS_A_PAGE)
        stages = nights_selector.stages(run, now=timezone.now())
        return self._page(
            request,
            "nightlyrun",
            run,
            title=str(run),
            stages=stages,
            progress=nights_selector.progress(run, stages=stages),
            slowest=nights_selector.slowest(run),
            quarantined=nights_selector.quarantined(run),
            chunks=chunks.get_page(request.GET.get("p")),
            chunk_state=state,
            waits_for=runs.waits_for(run) if run.state in runs.UNFINISHED else None,
            may_cancel=self._may_change(request) and run.state in runs.UNFINISHED,
            may_retry=self._may_change(request) and _may_be_retried(run),
        )

    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        run = self._run(request, object_id)
        return self._confirmed(
            request,
            run,
            verb="Retry",
            words=RETRY_WORDS.get(State(run.state), TAKEN_UP),
            change=lambda: _retry(run),
        )

    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        run = self._run(request, object_id)
        return self._confirmed(
            request, run, verb="Cancel", words=CANCEL_WORDS, change=lambda: _cancel(run)
        )

    def _confirmed(
        self,
        request: HttpRequest,
        run: NightlyRun,
        *,
        verb: str,
        words: tuple[str, ...],
        change: Callable[[], str],
    ) -> HttpResponse:
        """Ask first; then change, and say so here and in the history."""
        if not self._may_change(request):
            raise PermissionDenied
        if request.method != "POST":
            title = f"{verb} the {str(run).lower()}?"
            return self._page(
                request, "nightlyrun_confirmation", run, title=title, verb=verb, words=words
            )
        try:
            with transaction.atomic():
                done = change()
                self.log_change(request, run, done)
        except (runs.NotInThatState, nights.NoSuchDay) as error:
            self.message_user(request, str(error), messages.ERROR)
        except BrokerAway:
            self.message_user(
                request, "The broker does not answer. Nothing has changed.", messages.ERROR
            )
        else:
            self.message_user(request, done, messages.SUCCESS)
        return redirect(reverse("admin:analytics_nightlyrun_change", args=[run.pk]))

    def _run(self, request: HttpRequest, object_id: str) -> NightlyRun:
        run = self.get_object(request, unquote(object_id))
        if run is None:
            raise Http404
        return run

    def _may_change(self, request: HttpRequest) -> bool:
        return request.user.has_perm("analytics.change_nightlyrun")

    def _page(
        self, request: HttpRequest, template: str, run: NightlyRun, **context: Any
    ) -> TemplateResponse:
        page = {**self.admin_site.each_context(request), "opts": self.opts, "run": run, **context}
        return TemplateResponse(request, f"admin/analytics/{template}.html", page)


def _may_be_retried(run: NightlyRun) -> bool:
    if run.state == State.PUBLISHED:
        return run.is_current and run.chunks.filter(state=RunChunk.State.QUARANTINED).exists()
    return run.state in NightlyRun.ENDED


def _cancel(run: NightlyRun) -> str:
    runs.cancel(run_id=run.pk, problem="Cancelled by staff.")
    return f"{run} is cancelled. Readers keep the previous night."


def _retry(run: NightlyRun) -> str:
    """By the rule of each state, see RETRY_WORDS."""
    if run.state == State.PUBLISHED:
        if not _may_be_retried(run):
            raise runs.NotInThatState(f"{run} is published: there is nothing to retry.")
        tasks.recompute_quarantined.delay(run.pk)
        return f"{run}: its quarantined portfolios are being computed again."
    if run.state == State.SKIPPED:
        nights.ensure(as_of=run.as_of)
    else:
        runs.retry(run_id=run.pk)
    return f"{run} is taken up again within a minute."
