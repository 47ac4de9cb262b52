"""The article's questions and mistakes, answered with what the night measured."""

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import User
from analytics.selectors import portfolio_pages
from analytics.selectors import questions as selector
from analytics.views import portfolios as pages
from portfolios.models import Portfolio


@require_safe
def questions(request: HttpRequest) -> HttpResponse:
    """Public. Somebody who is signed in reads figures of a portfolio of theirs beside it."""
    run = portfolio_pages.current_run()
    portfolio = _own(request, request.user)
    reading = portfolio_pages.read(portfolio, run=run) if run and portfolio else None
    own: dict[str, str] = {}
    if portfolio and reading and reading.result.value > 0:
        own = selector.own_figures(portfolio, reading)
    page = selector.read(as_of=run.as_of if run else None, own=own)
    context = {"page": page, "run": run, "portfolio": portfolio if own else None}
    return render(request, "analytics/questions.html", context)


def _own(request: HttpRequest, user: User | AnonymousUser) -> Portfolio | None:
    """The portfolio that the address names, else the first of what its reader has."""
    chosen = request.GET.get("portfolio", "")
    if not user.is_authenticated:
        return None
    if chosen.isdecimal() and len(chosen) < 10:
        return pages.visible_or_404(request, int(chosen))
    visible = Portfolio.objects.visible_to(user).select_related("profile")
    return visible.filter(archived_at=None).first()
