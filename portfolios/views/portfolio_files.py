"""A portfolio as a file to keep."""

from datetime import UTC, datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_safe

from portfolios.forms.portfolio_files import PortfolioFileForm
from portfolios.models import Portfolio
from portfolios.services import portfolio_files, portfolio_restores
from portfolios.services.errors import PortfolioError

TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
WRITERS = {"csv": portfolio_files.as_csv, "json": portfolio_files.as_json}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def portfolio_from_file(request: HttpRequest) -> HttpResponse:
    """Open a portfolio in the state in which it was exported."""
    assert request.user.is_authenticated
    if request.method == "POST":
        form = PortfolioFileForm(request.POST, request.FILES)
    else:
        form = PortfolioFileForm()
    if form.is_valid():
        try:
            portfolio = portfolio_restores.restore(
                owner=request.user, text=form.cleaned_data["file"], now=timezone.now()
            )
        except PortfolioError as refusal:
            form.add_error("file", str(refusal))
        else:
            messages.success(request, f"“{portfolio}” is open, as it was exported.")
            return redirect(portfolio)
    status = 422 if form.errors else 200
    return render(request, "portfolios/portfolio_from_file.html", {"form": form}, status=status)


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
