"""The balances of a portfolio, edited in place: every answer is the whole table."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from portfolios.forms import NewHoldingForm, QuantityForm, SeenForm
from portfolios.models import Holding, Portfolio
from portfolios.selectors import portfolios, prices
from portfolios.services import holdings as balances
from portfolios.services.errors import PortfolioError
from portfolios.templatetags import figures
from portfolios.views import HtmxRequest


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def holdings(request: HtmxRequest, pk: int) -> HttpResponse:
    """The table, and with POST one holding more."""
    portfolio = get_object_or_404(Portfolio.objects.visible_to(request.user), pk=pk)
    form = NewHoldingForm(
        request.POST if request.method == "POST" else None,
        portfolio=portfolio,
        initial={"asset": request.GET.get("add")},
    )
    if form.is_valid():
        try:
            holding = balances.save(portfolio=portfolio, **_decision(form))
        except PortfolioError as refusal:
            form.add_error(None, str(refusal))
            portfolio.refresh_from_db()
        else:
            return _saved(request, holding)
    return _table(
        request,
        portfolio,
        new_form=form,
        focused=request.GET.get("row"),  # whose editing was cancelled
        status=422 if form.errors else 200,
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def holding(request: HtmxRequest, pk: int, holding_pk: int) -> HttpResponse:
    """The table with one row as a form, and with POST its new quantity."""
    portfolio = get_object_or_404(Portfolio.objects.visible_to(request.user), pk=pk)
    holding = _holding(portfolio, holding_pk)
    if holding is None:
        return _removed_elsewhere(request, portfolio)
    shown = figures.typed_quantity(holding.quantity)
    form = QuantityForm(
        request.POST if request.method == "POST" else None, initial={"quantity": shown}
    )
    if form.is_valid():
        try:
            balances.save(portfolio=portfolio, asset=holding.asset, **_decision(form))
        except PortfolioError as refusal:
            form.add_error(None, f"{refusal} Saved now: {shown}.")
            portfolio.refresh_from_db()
        else:
            return _saved(request, holding)
    status = 422 if form.errors else 200
    return _table(request, portfolio, editing=holding, edit_form=form, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def holding_remove(request: HtmxRequest, pk: int, holding_pk: int) -> HttpResponse:
    """The table with one row that asks whether to remove it, and with POST without it."""
    portfolio = get_object_or_404(Portfolio.objects.visible_to(request.user), pk=pk)
    holding = _holding(portfolio, holding_pk)
    if holding is None:
        return _removed_elsewhere(request, portfolio)
    form = SeenForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            balances.remove(portfolio=portfolio, asset=holding.asset, **_decision(form))
        except PortfolioError as refusal:
            form.add_error(None, str(refusal))
            portfolio.refresh_from_db()
        else:
            messages.success(request, f"{holding.asset.symbol} is removed.")
            return _answer(request, portfolio, focused="table")
    status = 422 if form.errors else 200
    return _table(request, portfolio, removing=holding, remove_form=form, status=status)


def _decision(form: SeenForm) -> dict[str, Any]:
    """What was typed, as the services call it."""
    typed = dict(form.cleaned_data)
    return {"expected_revision": typed.pop("revision"), **typed}


def _holding(portfolio: Portfolio, pk: int) -> Holding | None:
    return portfolio.holdings.select_related("portfolio", "asset").filter(pk=pk).first()


def _removed_elsewhere(request: HtmxRequest, portfolio: Portfolio) -> HttpResponse:
    """A row that is on the screen and no longer in the table."""
    if not request.htmx:
        raise Http404
    messages.error(request, "That holding was removed in another tab.")
    return _table(request, portfolio, focused="table")


def _saved(request: HtmxRequest, holding: Holding) -> HttpResponse:
    messages.success(request, f"{holding.asset.symbol} is saved.")
    return _answer(request, holding.portfolio, focused=str(holding.pk))


def _answer(request: HtmxRequest, portfolio: Portfolio, **state: Any) -> HttpResponse:
    """After a change: the table for htmx, the page for a plain form."""
    if request.htmx:
        return _table(request, portfolio, **state)
    return redirect("portfolios:holdings", portfolio.pk)


def _table(
    request: HtmxRequest, portfolio: Portfolio, *, status: int = 200, **state: Any
) -> HttpResponse:
    """The table in a state: a row being edited, removed or just saved, or an invalid form."""
    as_of = prices.last_complete_day()
    rows = portfolios.balances(portfolio, as_of=as_of)
    context = {
        "portfolio": portfolio,
        "as_of": as_of,
        "rows": rows,
        "total": sum(row.value for row in rows if row.value is not None),
        "unpriced": [row.holding.asset for row in rows if row.close is None],
        "quantity_decimals": figures.shared_decimals(row.holding.quantity for row in rows),
        "new_form": NewHoldingForm(portfolio=portfolio),
        **state,
    }
    template = "_holdings.html" if request.htmx else "holdings.html"
    return render(request, f"portfolios/{template}", context, status=status)
