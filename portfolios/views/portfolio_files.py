"""A portfolio as a file to keep."""

from datetime import UTC, datetime

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from portfolios.models import Portfolio
from portfolios.services import portfolio_files

TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
WRITERS = {"csv": portfolio_files.as_csv, "json": portfolio_files.as_json}


@login_required
@require_safe
def portfolio_export(request: HttpRequest, pk: int, kind: str) -> StreamingHttpResponse:
    """Everything of a portfolio, in a file that brings it back."""
    visible = Portfolio.objects.visible_to(request.user).select_related("profile")
    portfolio = get_object_or_404(visible, pk=pk)
    name = f"{slugify(portfolio.name) or 'portfolio'}-{datetime.now(UTC):%Y-%m-%d}.{kind}"
    return StreamingHttpResponse(
        WRITERS[kind](portfolio),
        content_type=TYPES[kind],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
