"""What people do about a suggestion: they did it, do without it, or put it aside for a while."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from analytics.forms.suggestions import FillsForm, SnoozeForm
from analytics.models import SuggestionLife
from analytics.selectors import portfolio_pages
from analytics.selectors import suggestion_history as histories
from analytics.selectors.portfolio_pages import Reading, Trade
from analytics.services import suggestions
from analytics.services.suggestions import SuggestionError
from analytics.views import portfolios as pages
from analytics.views import rebalance
from portfolios.models import Portfolio
from portfolios.services.errors import ConflictError, PortfolioError


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def suggestion_done(request: HttpRequest, pk: int) -> HttpResponse:
    """The trades of the plan of this address as a form in which one says what was traded."""
    portfolio = pages.visible_or_404(request, pk)
    reading = _reading(portfolio)
    if reading is None or not reading.trades:
        messages.info(request, "There is no suggestion to record now.")
        return redirect("analytics:rebalance", pk)
    submitted = request.POST if request.method == "POST" else None
    trades, fees = _planned(request, portfolio, reading)
    today = timezone.now().date()
    form = FillsForm(submitted, portfolio=portfolio, trades=trades, fees=fees, today=today)
    if form.is_valid():
        if not form.fills and "unrecorded" not in request.POST:
            form.add_error(None, "Enter what was traded, or go back and dismiss the suggestion.")
        elif _record(request, portfolio, reading, form):
            return redirect("analytics:rebalance", pk)
    context = {"portfolio": portfolio, "reading": reading, "run": reading.run, "form": form}
    status = 422 if form.errors else 200
    return render(request, "analytics/suggestion_done.html", context, status=status)


def _planned(
    request: HttpRequest, portfolio: Portfolio, reading: Reading
) -> tuple[Sequence[Trade], float]:
    """The trades and their fees: as the address asks, or else as suggested."""
    plan = rebalance.planned(request, portfolio, reading)["plan"] if request.GET else None
    if plan and plan.trades:
        return [row.trade for row in plan.trades], plan.fees
    return reading.trades, reading.suggestion.fees if reading.suggestion else 0.0


def _record(request: HttpRequest, portfolio: Portfolio, reading: Reading, form: FillsForm) -> bool:
    """Whether it could be recorded; the form says why not."""
    assert request.user.is_authenticated
    fills = [] if "unrecorded" in request.POST else form.fills
    try:
        suggestions.mark_done(
            life=suggestions.take_up(portfolio=portfolio, run=reading.run),
            by=request.user,
            now=timezone.now(),
            fills=fills,
            expected_revision=form.cleaned_data["revision"],
        )
    except (PortfolioError, SuggestionError) as refusal:
        form.add_error(None, str(refusal))
        if isinstance(refusal, ConflictError):  # who saves once more has seen it
            latest = Portfolio.objects.get(pk=portfolio.pk)
            form.data = request.POST.dict() | {"revision": str(latest.revision)}
        return False
    count = len(fills)
    trades = "1 trade is" if count == 1 else f"{count} trades are"
    messages.success(request, f"{trades} in the ledger." if count else "The suggestion is done.")
    return True


@login_required
@require_POST
def suggestion_dismiss(request: HttpRequest, pk: int) -> HttpResponse:
    def dismiss(life: SuggestionLife) -> str:
        assert request.user.is_authenticated
        suggestions.dismiss(life=life, by=request.user, now=timezone.now())
        return "The suggestion is dismissed."

    return _changed(request, pk, dismiss)


@login_required
@require_POST
def suggestion_snooze(request: HttpRequest, pk: int) -> HttpResponse:
    form = SnoozeForm(request.POST)

    def snooze(life: SuggestionLife) -> str:
        assert request.user.is_authenticated
        if not form.is_valid():
            raise SuggestionError("Choose for how long.")
        now = timezone.now()
        until = now.date() + timedelta(days=form.cleaned_data["days"])
        suggestions.snooze(life=life, until=until, by=request.user, now=now)
        return f"The suggestion is put aside until {until:%-d %B %Y}."

    return _changed(request, pk, snooze)


@login_required
@require_POST
def suggestion_reopen(request: HttpRequest, pk: int) -> HttpResponse:
    def reopen(life: SuggestionLife) -> str:
        assert request.user.is_authenticated
        suggestions.reopen(life=life, by=request.user, now=timezone.now())
        return "The suggestion is open again."

    return _changed(request, pk, reopen, can_be_undone=False)


@login_required
@require_safe
def suggestion_history(request: HttpRequest, pk: int) -> HttpResponse:
    """What came of past suggestions."""
    portfolio = pages.visible_or_404(request, pk)
    run = portfolio_pages.current_run()
    history = histories.read(portfolio, as_of=run.as_of) if run else None
    context = {"portfolio": portfolio, "run": run, "history": history}
    return render(request, "analytics/suggestion_history.html", context)


def _changed(
    request: HttpRequest,
    pk: int,
    change: Callable[[SuggestionLife], str],
    *,
    can_be_undone: bool = True,
) -> HttpResponse:
    """Change what becomes of the suggestion, say so, and show the page again."""
    portfolio = pages.visible_or_404(request, pk)
    run = portfolio_pages.current_run()
    try:
        if run is None:
            raise SuggestionError("There is no suggestion yet.")
        said = change(suggestions.take_up(portfolio=portfolio, run=run))
    except SuggestionError as refusal:
        messages.error(request, str(refusal))
    else:
        undo = reverse("analytics:suggestion-reopen", args=[pk]) if can_be_undone else ""
        messages.success(request, said, extra_tags=undo)
    return redirect("analytics:rebalance", pk)


def _reading(portfolio: Portfolio) -> Reading | None:
    run = portfolio_pages.current_run()
    return portfolio_pages.read(portfolio, run=run) if run else None
