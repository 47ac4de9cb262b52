"""CSV in and out of a list in the admin site. An import is rehearsed and shown before it counts."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from import_export.admin import ImportExportMixin
from import_export.formats.base_formats import CSV
from import_export.forms import ExportForm, ImportForm
from import_export.tmp_storages import CacheStorage

from portfolios.admin import sentences
from portfolios.selectors.catalogue_use import Use

MAX_BYTES = 1_000_000
MAX_ROWS = 10_000


class BoundedImportForm(ImportForm):
    def clean_import_file(self) -> Any:
        file = self.cleaned_data["import_file"]
        if file.size > MAX_BYTES:
            raise forms.ValidationError("The file is larger than 1 MB. Split it.")
        content = file.read()
        file.seek(0)
        if content.count(b"\n") > MAX_ROWS:
            raise forms.ValidationError(f"The file has more than {MAX_ROWS:,} rows. Split it.")
        if b"\x00" in content:
            raise forms.ValidationError("This is not a CSV file. Save it as CSV in UTF-8.")
        return file


class Transferred(ImportExportMixin):
    """For a Curated admin with `resource_classes`."""

    formats = [CSV]
    export_form_class = ExportForm
    import_form_class = BoundedImportForm
    import_template_name = "admin/portfolios/import.html"
    # Between rehearsal and import the file waits where every web process finds it.
    tmp_storage_class = CacheStorage

    def use_of_many(self, keys: Collection[int]) -> Use:
        """The portfolios that a change of these rows touches."""
        raise NotImplementedError

    def touched_by(self, result: Any) -> list[str]:
        """What a rehearsed import would touch, a sentence each."""
        changed = [int(row.object_id) for row in result if row.import_type == "update"]
        return sentences.touched(self.use_of_many(changed))

    def has_import_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_add_permission(request) and self.has_change_permission(request))

    def has_export_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_view_permission(request))

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        response = super().import_action(request, **kwargs)
        context = getattr(response, "context_data", None) or {}
        result = context.get("result")
        if context.get("confirm_form") and result is not None:
            context["touched"] = self.touched_by(result)
        return response

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        name = request.POST.get("import_file_name", "")
        if request.method == "POST" and not CacheStorage(name=name).read():
            messages.error(request, "The uploaded file is no longer there. Choose it again.")
            return HttpResponseRedirect("../import/")
        return super().process_import(request, **kwargs)

    def process_result(self, result: Any, request: HttpRequest) -> HttpResponse:
        if result.has_errors() or result.has_validation_errors():
            messages.error(
                request,
                "Nothing was imported: since the preview, something changed that the file does "
                "not fit any more. Choose it again to see what.",
            )
            return HttpResponseRedirect("../import/")
        return super().process_result(result, request)

    def get_import_data_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        options = super().get_import_data_kwargs(**kwargs)
        return {**options, "rollback_on_validation_errors": True}

    def add_data_read_fail_error_to_form(self, form: Any, error: Exception) -> None:
        form.add_error("import_file", "This is not a CSV file. Save it as CSV in UTF-8.")

    def generate_log_entries(self, result: Any, request: HttpRequest) -> None:
        """Each history says what was and what is."""
        for row in result:
            if row.import_type == "new":
                flag, words = ADDITION, "Added by an import."
            elif row.import_type == "update":
                flag, words = CHANGE, self.changes_of(row)
            else:
                continue
            LogEntry.objects.log_actions(
                request.user.pk or 0, [row.instance], flag, words, single_object=True
            )

    def changes_of(self, row: Any) -> str:
        fields = self.resource_classes[0]().get_import_fields()
        pairs = ((each, each.export(row.original), each.export(row.instance)) for each in fields)
        return "; ".join(
            f"{each.column_name}: {old or 'nothing'} → {new or 'nothing'}"
            for each, old, new in pairs
            if old != new
        )
