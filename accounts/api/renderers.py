"""How answers look: a page in a browser, rows in a spreadsheet."""

import csv
import io
import re
from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer

from accounts.services.exports import neutralised


class Page(BrowsableAPIRenderer):
    """An answer as a page of the site, without forms: docs/swagger tries what changes something."""

    template = "api/answer.html"

    def get_context(self, data: Any, accepted_media_type: str, renderer_context: Any) -> Any:
        view, response = renderer_context["view"], renderer_context["response"]
        renderer = self.get_default_renderer(view)
        media_type = renderer.media_type
        if response.exception:
            media_type = "application/problem+json"
        return {
            "request": renderer_context["request"],
            "view": view,
            "name": view.get_view_name(),
            "description": getattr(view, getattr(view, "action", None) or "", view).__doc__ or "",
            "content": self.get_content(renderer, data, media_type, renderer_context),
            "response": response,
            "headers": {**dict(response.items()), "Content-Type": media_type},
            "links": data if isinstance(data, Mapping) and "next" in data else None,
        }


class CSV(BaseRenderer):
    """The rows of an answer for a spreadsheet; `csv_rows` of the view says which they are."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> str:
        rows = data[renderer_context["view"].csv_rows]
        page = io.StringIO()
        if rows:
            writer = csv.writer(page)
            writer.writerow(rows[0])
            writer.writerows([_cell(cell) for cell in row.values()] for row in rows)
        return page.getvalue()


def _cell(cell: Any) -> Any:
    """An exact decimal stays a number, so that a loss is not taken for a formula."""
    is_number = isinstance(cell, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", cell)
    return cell if is_number else neutralised(cell)
