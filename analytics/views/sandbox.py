"""Trying the site without signing up."""

from allauth.core import ratelimit
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.services import guests
from analytics import tasks
from analytics.selectors import portfolio_pages
from analytics.services import examples
from portfolios.models import Portfolio
from portfolios.selectors import model_portfolios, prices

WITH_QUESTIONS = "questions"  # the wizard instead of an example


@require_http_methods(["GET", "HEAD", "POST"])
def sandbox(request: HttpRequest) -> HttpResponse:
    """What a sandbox is; with POST a guest with an example, its first calculation under way.

    Or, asked to start with questions, a guest at the wizard's first step.
    """
    asks = (request.POST or request.GET).get("start") == WITH_QUESTIONS
    if request.user.is_authenticated:
        return redirect("analytics:wizard" if asks else "analytics:portfolio-list")
    if request.method != "POST":
        return render(request, "analytics/sandbox.html", {"asks": asks})
    too_often: HttpResponse | None = ratelimit.consume_or_429(request, action="sandbox")
    if too_often:
        return too_often
    try:
        return _begin(request, asks=asks)
    except guests.TooManyGuests:
        messages.error(request, "All sandboxes are taken at the moment. Sign up instead.")
        return redirect("account_signup")


def _begin(request: HttpRequest, *, asks: bool) -> HttpResponse:
    """Raises TooManyGuests."""
    if asks:
        guests.log_in(request, guests.create())
        return redirect("analytics:wizard")
    example = _open(request)
    if example is None:  # no prices yet: the empty list offers the models
        return redirect("analytics:portfolio-list")
    if portfolio_pages.current_run():
        tasks.recompute_once(example)
    return redirect(example)


@transaction.atomic
def _open(request: HttpRequest) -> Portfolio | None:
    guest = guests.create()
    guests.log_in(request, guest)
    run = portfolio_pages.current_run()
    as_of = run.as_of if run else prices.last_complete_day()
    model = model_portfolios.example(request.POST.get("model", ""))
    if as_of is None or model is None:
        return None
    closes = examples.known_closes(as_of=as_of)
    return examples.open_drifted(owner=guest, model=model, closes=closes, notes=examples.NOTES)
