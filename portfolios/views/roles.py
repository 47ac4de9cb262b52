"""What counts in a portfolio's weights, and as what: one form."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from portfolios.forms.roles import RolesForm
from portfolios.models import Portfolio
from portfolios.selectors import forms_of_coins, portfolios, prices
from portfolios.services import roles as portfolio_roles
from portfolios.services.errors import ConflictError, PortfolioError


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def roles(request: HttpRequest, pk: int) -> HttpResponse:
    portfolio = get_object_or_404(Portfolio.objects.visible_to(request.user), pk=pk)
    as_of = prices.last_complete_day()
    balances = portfolios.balances(portfolio, as_of=as_of)
    held = [balance.holding.asset for balance in balances]
    submitted = request.POST if request.method == "POST" else None
    form = RolesForm(submitted, portfolio=portfolio, held=held)
    if form.is_valid():
        chosen = dict(form.cleaned_data)
        seen = chosen.pop("revision")
        try:
            portfolio_roles.choose(portfolio=portfolio, expected_revision=seen, **chosen)
        except PortfolioError as refusal:
            form.add_error(None, str(refusal))
            if isinstance(refusal, ConflictError):  # who saves once more has been told
                latest = Portfolio.objects.get(pk=pk)
                form.data = request.POST.copy()
                form.data["revision"] = str(latest.revision)
        else:
            messages.success(request, "What counts is saved.")
            return redirect(portfolio)
    money = sum(each.value or 0.0 for each in balances if each.holding.asset.is_money)
    context = {
        "portfolio": portfolio,
        "form": form,
        "forms": forms_of_coins.read(held, as_of=as_of),
        "money": money,
        "is_short": bool(portfolio.reserve_amount) and money < float(portfolio.reserve_amount or 0),
        "as_of": as_of,
    }
    status = 422 if form.errors else 200
    return render(request, "portfolios/roles.html", context, status=status)
