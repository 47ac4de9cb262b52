"""What to trade, in the way that its owner asks for: computed at once from what is known."""

import csv
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.services.exports import neutralised
from analytics.forms import PlanForm
from analytics.forms.suggestions import SnoozeForm
from analytics.selectors.portfolio_pages import Reading
from analytics.services import plan_pages
from analytics.services.shown_plans import Plan, Row
from analytics.views import portfolios as pages
from portfolios.models import Portfolio
from portfolios.selectors import portfolios
from portfolios.views import HtmxRequest

HEAD = (
    "trade", "symbol", "name", "quantity", "price_usd", "amount_usd", "cost_usd", "weight_before",
    "weight_after", "target", "skipped", "value_before_usd", "value_after_usd", "units_after",
    "lots_sold", "gain_usd", "tax_usd",
)  # fmt: skip


@login_required
@require_safe
@vary_on_headers("HX-Request")
def rebalance(request: HtmxRequest, pk: int) -> HttpResponse:
    portfolio = pages.visible_or_404(request, pk)
    context = pages.fragment_context(request, portfolio, asking=bool(request.htmx))
    context["snooze_form"] = SnoozeForm()
    reading = context["reading"]
    if isinstance(reading, Reading) and reading.is_judged:
        context |= planned(request, portfolio, reading)
    form = context.get("form")
    status = 422 if isinstance(form, PlanForm) and form.errors else 200
    template = "_rebalance.html" if request.htmx else "rebalance.html"
    return render(request, f"analytics/{template}", context, status=status)


@login_required
@require_safe
def plan_csv(request: HttpRequest, pk: int) -> HttpResponse:
    """The plan of the same address as a table; the page itself where there is none."""
    portfolio = pages.visible_or_404(request, pk)
    reading = pages.fragment_context(request, portfolio, asking=False)["reading"]
    plan = None
    if isinstance(reading, Reading) and reading.is_judged:
        plan = planned(request, portfolio, reading)["plan"]
    if not isinstance(plan, Plan):
        return redirect("analytics:rebalance", pk)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="rebalance-{portfolio.pk}.csv"'
    writer = csv.writer(response)
    writer.writerow(HEAD)
    for row in plan.rows:
        position = row.position
        kind = ("buy" if row.amount > 0 else "sell") if row in plan.trades else ""
        name, symbol = neutralised(position.asset.name), neutralised(position.name)
        writer.writerow([
            kind, symbol, name, row.quantity, position.close, row.amount, row.cost,
            position.weight, row.weight_after, position.target_weight, row.skipped,
            position.value, row.value_after, row.units_after, _lots(row), row.gain, row.known_tax,
        ])  # fmt: skip
    return response


def _lots(row: Row) -> str:
    """As `2024-01-31:0.5 2024-02-29:1.25`: the day of purchase and the units of each lot."""
    return " ".join(f"{lot.acquired_on}:{lot.quantity:.12g}" for lot in row.lots)


def planned(request: HttpRequest, portfolio: Portfolio, reading: Reading) -> dict[str, Any]:
    """The form of the address, and the plan as far as it can be drawn."""
    rules = portfolios.rules(portfolio)
    form = PlanForm(request.GET, positions=reading.positions, rules=rules)
    valid = not form.is_bound or form.is_valid()
    plan = None
    if valid:
        try:
            plan = plan_pages.draw(portfolio, reading, form.asked)
        except plan_pages.ImpossiblePlan as refusal:
            form.add_error("cash", str(refusal))
    return {"form": form, "plan": plan, "asked": request.GET.urlencode()}
