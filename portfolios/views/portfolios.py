"""Portfolios: a new one, its settings, a copy, the archive, its end."""

from collections.abc import Callable
from contextlib import suppress

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from portfolios.forms import FILE, NameForm, NewPortfolioForm, SettingsForm
from portfolios.models import Portfolio
from portfolios.selectors import model_portfolios, prices
from portfolios.services import portfolios
from portfolios.services.errors import ConflictError, PortfolioError, SandboxFullError


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def portfolio_create(request: HttpRequest) -> HttpResponse:
    as_of = prices.last_complete_day()
    latest = prices.latest_closes(as_of=as_of) if as_of else {}
    closes = {asset_id: latest.close for asset_id, latest in latest.items()}
    models = list(model_portfolios.all_with_lines())
    form = NewPortfolioForm(
        request.POST if request.method == "POST" else None,
        initial={"start": request.GET.get("start", "")},
        models=models,
        priced=closes,
    )
    if form.is_valid():
        try:
            portfolio = _create(request, form, closes)
        except PortfolioError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"“{portfolio}” is open.")
            if form.cleaned_data["start"] == FILE:
                return redirect("portfolios:import-list", portfolio.pk)
            return redirect(portfolio)
    context = {"form": form, "models": models, "as_of": as_of}
    status = 422 if form.errors else 200
    return render(request, "portfolios/portfolio_create.html", context, status=status)


def _create(request: HttpRequest, form: NewPortfolioForm, closes: dict[int, float]) -> Portfolio:
    assert request.user.is_authenticated
    name = form.cleaned_data["name"]
    if form.model_portfolio is None:
        return portfolios.create(owner=request.user, name=name)
    return portfolios.create_from_model(
        owner=request.user,
        name=name,
        model_portfolio=form.model_portfolio,
        amount=form.cleaned_data["amount"],
        closes=closes,
        slots=form.slots,
        whole_categories=form.whole_categories,
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, pk: int) -> HttpResponse:
    portfolio = get_object_or_404(Portfolio.objects.visible_to(request.user), pk=pk)
    form = SettingsForm(request.POST if request.method == "POST" else None, portfolio=portfolio)
    if form.is_valid():
        typed = dict(form.cleaned_data)
        seen = typed.pop("revision")
        try:
            portfolios.update_settings(portfolio=portfolio, expected_revision=seen, **typed)
        except ConflictError as refusal:
            form.add_error(None, str(refusal))
            form.show_saved(Portfolio.objects.get(pk=pk))
        else:
            messages.success(request, "The settings are saved.")
            return redirect("portfolios:settings", pk)
    context = {"portfolio": portfolio, "form": form}
    status = 422 if form.errors else 200
    return render(request, "portfolios/settings.html", context, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def portfolio_rename(request: HttpRequest, pk: int) -> HttpResponse:
    """The shortest way to another name, from the list and back."""
    portfolio = get_object_or_404(Portfolio.objects.visible_to(request.user), pk=pk)
    form = NameForm(
        request.POST if request.method == "POST" else None,
        initial={"name": portfolio.name, "revision": portfolio.revision},
    )
    if form.is_valid():
        name, seen = form.cleaned_data["name"], form.cleaned_data["revision"]
        try:
            portfolios.rename(portfolio=portfolio, name=name, expected_revision=seen)
        except ConflictError as refusal:
            form.add_error(None, str(refusal))
            form.show_saved(Portfolio.objects.get(pk=pk))
        else:
            messages.success(request, f"“{portfolio}” is called “{name}” now.")
            return redirect("analytics:portfolio-list")
    context = {"portfolio": portfolio, "form": form}
    status = 422 if form.errors else 200
    return render(request, "portfolios/portfolio_rename.html", context, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def portfolio_delete(request: HttpRequest, pk: int) -> HttpResponse:
    portfolio = get_object_or_404(Portfolio.objects.visible_to(request.user), pk=pk)
    if request.method != "POST":
        return render(request, "portfolios/portfolio_delete.html", {"portfolio": portfolio})
    with suppress(ConflictError):  # deleted already, in another tab: then it is so
        portfolios.delete(portfolio=portfolio)
    # A message's extra tags are the address that undoes it.
    undo = reverse("portfolios:portfolio-undelete", args=[pk])
    messages.success(request, f"“{portfolio}” is deleted.", extra_tags=undo)
    return redirect("analytics:portfolio-list")


@login_required
@require_POST
def portfolio_undelete(request: HttpRequest, pk: int) -> HttpResponse:
    portfolio = get_object_or_404(Portfolio.objects.owned_by(request.user), pk=pk)
    return _changed(request, portfolio, portfolios.undelete, "is back.")


@login_required
@require_POST
def portfolio_clone(request: HttpRequest, pk: int) -> HttpResponse:
    portfolio = get_object_or_404(Portfolio.objects.visible_to(request.user), pk=pk)
    try:
        copy = portfolios.clone(portfolio=portfolio)
    except SandboxFullError as refusal:
        messages.error(request, str(refusal))
        return redirect(portfolio)
    messages.success(request, f"This is a copy of “{portfolio}”. What you change here stays here.")
    return redirect(copy)


@login_required
@require_POST
def portfolio_archive(request: HttpRequest, pk: int) -> HttpResponse:
    portfolio = get_object_or_404(Portfolio.objects.visible_to(request.user), pk=pk)
    undo = reverse("portfolios:portfolio-restore", args=[pk])
    return _changed(request, portfolio, portfolios.archive, "is archived.", undo=undo)


@login_required
@require_POST
def portfolio_restore(request: HttpRequest, pk: int) -> HttpResponse:
    portfolio = get_object_or_404(Portfolio.objects.visible_to(request.user), pk=pk)
    return _changed(request, portfolio, portfolios.restore, "is measured again from now on.")


def _changed(
    request: HttpRequest,
    portfolio: Portfolio,
    change: Callable[..., None],
    words: str,
    *,
    undo: str = "",
) -> HttpResponse:
    """Change where a portfolio is kept, say so, and show the list."""
    try:
        change(portfolio=portfolio)
    except ConflictError as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"“{portfolio}” {words}", extra_tags=undo)
    return redirect("analytics:portfolio-list")
