"""The rules of rebalancing of a portfolio: one form for all of them."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from portfolios.forms.rules import RulesForm
from portfolios.models import Portfolio
from portfolios.selectors import portfolios
from portfolios.services import rules as position_rules
from portfolios.services.errors import ConflictError, PortfolioError
from portfolios.services.targets import Aim


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rules(request: HttpRequest, pk: int) -> HttpResponse:
    portfolio = get_object_or_404(Portfolio.objects.visible_to(request.user), pk=pk)
    submitted = request.POST if request.method == "POST" else None
    form = RulesForm(
        submitted,
        portfolio=portfolio,
        aims=_aims(portfolio),
        rules=portfolios.rules(portfolio),
    )
    if form.is_valid():
        try:
            _save(portfolio, form)
        except PortfolioError as refusal:
            form.add_error(None, str(refusal))
            if isinstance(refusal, ConflictError):  # who saves once more has seen it
                latest = Portfolio.objects.get(pk=pk)
                form.data = request.POST.dict() | {"revision": str(latest.revision)}
        else:
            messages.success(request, "The rules are saved.")
            return redirect("analytics:rebalance", pk)
    context = {"portfolio": portfolio, "form": form}
    status = 422 if form.errors else 200
    return render(request, "portfolios/rules.html", context, status=status)


def _save(portfolio: Portfolio, form: RulesForm) -> None:
    position_rules.replace(
        portfolio=portfolio,
        rules=form.rules,
        expected_revision=form.cleaned_data["revision"],
        **form.chosen,
    )


def _aims(portfolio: Portfolio) -> list[Aim]:
    """What is held, wanted or has a rule already: each category, then its assets."""
    ruled = [rule.aim for rule in portfolios.rules(portfolio)]
    groups = portfolios.with_categories([*portfolios.aims(portfolio), *ruled])
    aims: list[Aim] = []
    for category, assets in groups.items():
        aims += [category, *dict.fromkeys(assets)]
    return aims
