"""Portfolios as the current night measured them. Nothing is computed in the request.

A page whose numbers are older than the portfolio shows a skeleton instead. The skeleton asks for
the fragment that belongs in its place until a worker has computed it.
"""

from functools import cache, partial

from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRefresh

from analytics import tasks
from analytics.selectors import portfolio_list as list_pages
from analytics.selectors import portfolio_pages
from analytics.selectors import value_history as histories
from analytics.services import cadences, suggestions
from portfolios.models import Portfolio
from portfolios.selectors import base_units, portfolios
from portfolios.views import HtmxRequest

# A fragment that has asked this often stops asking, and offers a button.
MAX_TRIES = 60
TOO_OFTEN = "That was too often: six times a minute, sixty an hour. Wait a minute, then try again."
KEPT = "We wrote to you about these figures, so they stay until tonight or your next change."


@login_required
@require_safe
def portfolio_list(request: HttpRequest) -> HttpResponse:
    assert request.user.is_authenticated
    run = portfolio_pages.current_run()
    counted = portfolios.counts(request.user)
    listed = list_pages.read(
        request.user,
        run=run,
        in_use=counted.in_use,
        sort=request.GET.get("sort", ""),
        page=request.GET.get("page", ""),
    )
    put_away = portfolios.put_away(
        request.user,
        counted=counted,
        archived_page=request.GET.get("archived", ""),
        deleted_page=request.GET.get("deleted", ""),
    )
    context = {
        "run": run,
        "list": listed,
        "unit": base_units.read(request.user, on=run.as_of) if run else None,
        "put_away": put_away,
    }
    return render(request, "analytics/portfolio_list.html", context)


@login_required
@require_safe
def overview(request: HttpRequest, pk: int) -> HttpResponse:
    """The facts at once, and the result when it is there."""
    return _page(request, pk, "analytics/overview.html")


@login_required
@require_safe
def portfolio_result(request: HttpRequest, pk: int) -> HttpResponse:
    return _fragment(request, pk, "analytics/_portfolio_result.html")


@login_required
@require_safe
@vary_on_headers("HX-Request")
def allocation(request: HtmxRequest, pk: int) -> HttpResponse:
    if request.htmx:
        return _fragment(request, pk, "analytics/_allocation.html")
    return _page(request, pk, "analytics/allocation.html")


@login_required
@require_safe
@vary_on_headers("HX-Request")
def value_history(request: HtmxRequest, pk: int) -> HttpResponse:
    """Beside the overview, which does not wait for it; without htmx a page of its own."""
    portfolio = visible_or_404(request, pk)
    run = portfolio_pages.current_run()
    history = histories.read(portfolio, as_of=run.as_of) if run else None
    template = "_value_history.html" if request.htmx else "value_history.html"
    context = {"portfolio": portfolio, "run": run, "history": history}
    return render(request, f"analytics/{template}", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def recompute(request: HtmxRequest, pk: int) -> HttpResponse:
    """Calculate again, whatever is stored. With htmx its button says that, until it is done."""
    portfolio = visible_or_404(request, pk)
    if request.method != "POST":
        return _recomputing(request, portfolio) if request.htmx else redirect(portfolio)
    run = portfolio_pages.current_run()
    before = portfolio_pages.version(portfolio, run=run) if run else ""
    if not ratelimit.consume(request, action="recompute", user=request.user):
        messages.error(request, TOO_OFTEN)
    elif run and portfolio_pages.is_kept(portfolio, run=run):
        messages.info(request, KEPT)
    elif not tasks.recompute_once(portfolio, within=tasks.AGAIN_SECONDS):
        messages.error(request, "The calculation cannot start now. Please try again later.")
    elif request.htmx and before:
        return _calculated(request, portfolio, before=before, tries=1)
    else:
        messages.success(request, "The calculation has started.")
    return _calculated(request, portfolio) if request.htmx else redirect(portfolio)


def _recomputing(request: HtmxRequest, portfolio: Portfolio) -> HttpResponse:
    """The button while it works; the page anew when the result was written anew."""
    run = portfolio_pages.current_run()
    before, tries = request.GET.get("before", ""), _tries(request)
    if run is None or portfolio_pages.version(portfolio, run=run) != before:
        messages.success(request, "Calculated again.")
        return HttpResponseClientRefresh()
    if tries > MAX_TRIES:
        messages.error(request, "The calculation takes longer than usual. Its result will appear.")
        return _calculated(request, portfolio)
    return _calculated(request, portfolio, before=before, tries=tries)


def _calculated(request: HtmxRequest, portfolio: Portfolio, **state: object) -> HttpResponse:
    context = {**_context(request, portfolio), "answering": True, **state}
    context["stage"] = tasks.stage(portfolio)
    if not context["reading"]:  # changed in another tab: the page knows what to do
        return HttpResponseClientRefresh()
    return render(request, "analytics/_calculated.html", context)


def _tries(request: HttpRequest) -> int:
    """How often this page has asked, this time included."""
    asked = request.GET.get("tries", "")
    return int(asked) + 1 if asked.isdecimal() and len(asked) < 4 else 1


def visible_or_404(request: HttpRequest, pk: int) -> Portfolio:
    visible = Portfolio.objects.visible_to(request.user).select_related("profile", "venue", "tilt")
    return get_object_or_404(visible, pk=pk)


def _context(request: HttpRequest, portfolio: Portfolio) -> dict[str, object]:
    assert request.user.is_authenticated
    run = portfolio_pages.current_run()
    reading = portfolio_pages.read(portfolio, run=run) if run else None
    return {
        "portfolio": portfolio,
        "run": run,
        "reading": reading,
        "calendar": cadences.read(portfolio, as_of=run.as_of) if run else None,
        "life": cache(partial(suggestions.current, portfolio)),  # asked for by few templates
        "unit": base_units.read(request.user, on=run.as_of) if run else None,
        "failed": bool(run and not reading and portfolio_pages.failed(portfolio, run=run)),
        "is_empty": not (reading and reading.positions) and portfolios.is_empty(portfolio),
        "tries": 0,
        "gave_up": False,
    }


def _page(request: HttpRequest, pk: int, template: str) -> HttpResponse:
    return render(request, template, _context(request, visible_or_404(request, pk)))


def _fragment(request: HttpRequest, pk: int, template: str) -> HttpResponse:
    """What belongs in a skeleton's place; while that is not calculated, the skeleton again."""
    context = fragment_context(request, visible_or_404(request, pk), asking=True)
    return render(request, template, context)


def fragment_context(
    request: HttpRequest, portfolio: Portfolio, *, asking: bool
) -> dict[str, object]:
    """What pages show of a portfolio; a fragment is `asking` for it to be calculated, if due."""
    context = _context(request, portfolio)
    is_due = not context["is_empty"] and not portfolio.archived_at
    if asking and context["run"] and not context["reading"] and is_due:
        tries = _tries(request)
        gave_up = tries > MAX_TRIES or not tasks.recompute_once(portfolio)
        context |= {"tries": tries, "gave_up": gave_up}
    return context
