"""What all rows that admins curate have in common.

A change keeps its old and new values in the history, a change that touches portfolios asks first,
and what is in use is superseded, never removed.
"""

from collections.abc import Collection
from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, ProtectedError, RestrictedError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from portfolios.admin import confirmation, sentences
from portfolios.selectors.catalogue_use import Use


class Curated(admin.ModelAdmin):
    key = "slug"
    """What code and catalogue know a row by: chosen once."""
    asks_before_changing: Collection[str] = ()
    instead_of_removing = ""

    def use_of(self, row: Any) -> Use:
        """The portfolios that a change of this row touches."""
        return Use()

    def obstacles(self, row: Any) -> list[str]:
        """Why a row cannot be removed, a sentence each."""
        use = self.use_of(row)
        return sentences.touched(use) if use.model_portfolios or use.portfolios else []

    def ways_out(self, row: Any) -> list[tuple[str, str]]:
        """Addresses, with words, where a row that cannot be removed is superseded."""
        return []

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        return (self.key,) if obj and self.key else ()

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        if request.method == "POST" and object_id and not confirmation.confirmed(request):
            question = self._question(request, object_id)
            if question is not None:
                return question
        return super().changeform_view(request, object_id, form_url, extra_context)

    def _question(self, request: HttpRequest, object_id: str) -> TemplateResponse | None:
        """The page that asks first, when a valid change touches something."""
        row = self.get_object(request, object_id)
        if row is None or not self.asks_before_changing:
            return None
        if not self.has_change_permission(request, row):
            return None
        form = self.get_form(request, row, change=True)(request.POST, instance=row)
        if not set(form.changed_data) & set(self.asks_before_changing) or not form.is_valid():
            return None
        question = confirmation.Question(
            title=f"Change {row}?",
            button="Save the change",
            sections=(
                confirmation.Section("What changes", sentences.changes(form)),
                confirmation.Section("What it touches", sentences.touched(self.use_of(row))),
            ),
            hidden=confirmation.resent(request),
        )
        return confirmation.ask(self, request, question)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        row = self.get_object(request, object_id)
        may = row is not None and self.has_delete_permission(request, row)
        if row is not None and may and (obstacles := self.obstacles(row)):
            return self._in_use(request, row, obstacles)
        try:
            return super().delete_view(request, object_id, extra_context)
        except (ProtectedError, RestrictedError):  # something began to use it a moment ago
            self.message_user(request, f"{row} is in use by now, so it stays.", messages.ERROR)
            return HttpResponseRedirect(request.path)

    def _in_use(self, request: HttpRequest, row: Model, obstacles: list[str]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{row} is in use",
            "row": row,
            "obstacles": obstacles,
            "instead": self.instead_of_removing,
            "links": self.ways_out(row),
        }
        status = 409 if request.method == "POST" else 200
        return TemplateResponse(request, "admin/portfolios/in_use.html", context, status=status)

    def construct_change_message(
        self,
        request: HttpRequest,
        form: Any,
        formsets: Any,
        add: bool = False,
    ) -> Any:
        """The history says what was and what is, not only which field."""
        if add:
            return super().construct_change_message(request, form, formsets, add)
        lines = sentences.changes(form)
        for formset in formsets or ():
            lines += [f"Added {row}." for row in formset.new_objects]
            lines += [f"Removed {row}." for row in formset.deleted_objects]
            changed = {row.pk for row, _ in formset.changed_objects}
            for row_form in formset.initial_forms:
                if row_form.instance.pk in changed:
                    lines += [
                        f"{row_form.instance}: {line}" for line in sentences.changes(row_form)
                    ]
        return "; ".join(lines) or []
