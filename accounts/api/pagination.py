"""Lists in pages, each told by a cursor: what is added meanwhile shifts and repeats no row."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.exceptions import ValidationError as Invalid
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

USUAL, MOST = 50, 200


class Cursor(CursorPagination):
    page_size = USUAL
    max_page_size = MOST
    page_size_query_param = "page_size"
    page_size_query_description = f"Rows of a page, {MOST} at most."
    cursor_query_description = "From the `next` or `previous` of another page."
    ordering = "pk"
    offset_cutoff = 100_000  # rows that share a place, such as the lines of one import

    def paginate_queryset(
        self, queryset: QuerySet[Any], request: Request, view: Any = None
    ) -> list[Any]:
        try:
            rows: list[Any] = super().paginate_queryset(queryset, request, view)
        except (ValueError, TypeError, OverflowError, ValidationError, DataError):
            raise NotFound("This cursor leads nowhere.") from None
        return rows

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        """As the view has it."""
        ordering = getattr(view, "ordering", self.ordering)
        return (ordering,) if isinstance(ordering, str) else tuple(ordering)

    def get_page_size(self, request: Request) -> int:
        asked = request.query_params.get(self.page_size_query_param)
        if asked is None:
            return self.page_size
        if not asked.isascii() or not asked.isdigit() or not 1 <= int(asked[:9]) <= MOST:
            raise Invalid({"page_size": [f"This must be a number from 1 to {MOST}."]})
        return int(asked)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == self.page_size_query_param:
                parameter["schema"] |= {"minimum": 1, "maximum": MOST, "default": USUAL}
        return parameters
