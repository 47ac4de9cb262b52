"""The article's adjustment to the market's regime, beside the targets; applied only when asked."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from analytics.forms import TiltForm
from analytics.models import NightlyRun, RegimeDay
from analytics.selectors import portfolio_pages, regimes
from analytics.services import tilt_proposals
from analytics.services.tilt_proposals import NoTilt, Proposal
from analytics.views import portfolios as pages
from portfolios.forms import SeenForm
from portfolios.models import Portfolio, Tilt
from portfolios.services import tilts
from portfolios.services.errors import ConflictError, PortfolioError

CHANGED = "The market or your targets have changed since this page was opened. Look at it again."


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tilt(request: HttpRequest, pk: int) -> HttpResponse:
    """What the regime asks for beside what is wanted for good; or the tilt that is in force."""
    portfolio = pages.visible_or_404(request, pk)
    run = portfolio_pages.current_run()
    in_force = Tilt.objects.filter(portfolio=portfolio).first()
    context: dict[str, Any] = {"portfolio": portfolio, "run": run, "tilt": in_force}
    form = TiltForm(request.POST if request.method == "POST" else None)
    if in_force:
        context["lines"] = tilt_proposals.in_force(portfolio)
    elif run:
        context |= _proposed(portfolio, run)
        proposal = context.get("proposal")
        if proposal and form.is_valid() and _apply(portfolio, form, proposal, run):
            messages.success(request, "The temporary target is in force.")
            return redirect("analytics:rebalance", pk)
    # What is shown now is what would be agreed to next.
    status = 422 if form.is_bound else 200
    return render(request, "analytics/tilt.html", context | {"form": form}, status=status)


@login_required
@require_POST
def tilt_end(request: HttpRequest, pk: int) -> HttpResponse:
    """Back to the strategic targets before the date."""
    portfolio = pages.visible_or_404(request, pk)
    seen = SeenForm(request.POST)
    if not seen.is_valid():
        messages.error(request, "This page is out of date. Reload it and try again.")
        return redirect("analytics:tilt", pk)
    try:
        tilts.end(portfolio=portfolio, expected_revision=seen.cleaned_data["revision"])
    except PortfolioError as refusal:
        messages.error(request, str(refusal))
        return redirect("analytics:tilt", pk)
    messages.success(request, "Your own targets are in force again.")
    return redirect("analytics:rebalance", pk)


def _proposed(portfolio: Portfolio, run: NightlyRun) -> dict[str, Any]:
    """The regime, and the proposal or why there is none."""
    day = RegimeDay.objects.filter(date=run.as_of).first()
    found: dict[str, Any] = {"regime": regimes.read(day) if day else None}
    try:
        found["proposal"] = tilt_proposals.for_portfolio(portfolio, as_of=run.as_of)
    except NoTilt as reason:
        found["why_none"] = str(reason)
    return found


def _apply(portfolio: Portfolio, form: TiltForm, proposal: Proposal, run: NightlyRun) -> bool:
    """Put in force what was seen; else the form says why not."""
    try:
        tilt_proposals.apply(
            portfolio=portfolio,
            proposal=proposal,
            seen=form.cleaned_data["seen"],
            as_of=run.as_of,
            days=form.cleaned_data["days"],
            expected_revision=form.cleaned_data["revision"],
        )
    except PortfolioError as refusal:
        form.add_error(None, CHANGED if isinstance(refusal, ConflictError) else str(refusal))
        portfolio.refresh_from_db()
        return False
    return True
