"""Lots, realised gains, and how the ledger is read."""

import csv
from datetime import UTC
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_POST, require_safe

from accounts.services import exports
from portfolios.forms.ledger import LedgerForm
from portfolios.models import Portfolio
from portfolios.selectors import gains as reports
from portfolios.selectors.gains import Gain
from portfolios.services import portfolios
from portfolios.services.errors import PortfolioError

PAGE = 50
COLUMNS = (
    "sold_at_utc", "asset", "name", "quantity", "bought_at_utc", "days_held",
    "proceeds_usd", "cost_usd", "gain_usd", "lot_method",
)  # fmt: skip


class Plain(Decimal):
    """A number that is written without an exponent and without zeros that say nothing."""

    def __str__(self) -> str:
        text = f"{self:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text


@login_required
@require_safe
def gains(request: HttpRequest, pk: int) -> HttpResponse:
    """What sales gained, a year at a time, and the lots that are left."""
    portfolio = _visible_or_404(request, pk)
    return _page(request, portfolio, LedgerForm(initial=_ledger(portfolio)))


@login_required
@require_safe
def gains_csv(request: HttpRequest, pk: int, year: int) -> HttpResponse:
    """A year's gains for a spreadsheet: exact numbers, texts that are no formulas."""
    portfolio = _visible_or_404(request, pk)
    found = reports.read(portfolio).of_year(year)
    name = f"{slugify(portfolio.name) or 'portfolio'}-gains-{year}.csv"
    answer = HttpResponse(
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
    writer = csv.writer(answer)
    writer.writerow(COLUMNS)
    for gain in found.gains:
        cells = _cells(gain, portfolio)
        writer.writerow([exports.neutralised(cell) for cell in cells])
    return answer


@login_required
@require_POST
def ledger_settings(request: HttpRequest, pk: int) -> HttpResponse:
    """Which lots sales take, and whether cash is held."""
    portfolio = _visible_or_404(request, pk)
    form = LedgerForm(request.POST)
    if form.is_valid():
        try:
            portfolios.update_ledger(
                portfolio=portfolio,
                lot_method=form.cleaned_data["lot_method"],
                follows_cash=form.cleaned_data["follows_cash"],
                expected_revision=form.cleaned_data["revision"],
            )
        except PortfolioError as refusal:
            form.add_error(None, str(refusal))
            portfolio = Portfolio.objects.get(pk=pk)
            form.data = request.POST.dict() | {"revision": str(portfolio.revision)}
        else:
            messages.success(request, "The ledger is read that way from now on.")
            return redirect("portfolios:gains", pk)
    return _page(request, portfolio, form, status=422)


def _page(
    request: HttpRequest, portfolio: Portfolio, form: LedgerForm, status: int = 200
) -> HttpResponse:
    report = reports.read(portfolio)
    asked = request.GET.get("year", "")
    newest = report.years[0] if report.years else None
    year = int(asked) if asked.isdecimal() and int(asked[:5]) in report.years else newest
    found = report.of_year(year) if year else None
    context = {
        "portfolio": portfolio,
        "form": form,
        "report": report,
        "found": found,
        "kept": f"year={year}&",
        "gains": Paginator(found.gains if found else [], PAGE).get_page(request.GET.get("page")),
        "lots": Paginator(report.open_lots, PAGE).get_page(request.GET.get("lots")),
    }
    return render(request, "portfolios/gains.html", context, status=status)


def _ledger(portfolio: Portfolio) -> dict[str, Any]:
    return {
        "revision": portfolio.revision,
        "lot_method": portfolio.lot_method,
        "follows_cash": portfolio.follows_cash,
    }


def _cells(gain: Gain, portfolio: Portfolio) -> list[object]:
    """Amounts as numbers, so that a loss is not taken for a formula."""
    part = gain.disposal
    return [
        part.at.astimezone(UTC).isoformat(),
        gain.asset.symbol,
        gain.asset.name,
        Plain(part.quantity),
        part.acquired_at.astimezone(UTC).isoformat(),
        gain.days_held,
        *(
            "" if amount is None else Plain(round(amount, 8))
            for amount in (part.proceeds, part.cost, part.gain)
        ),
        portfolio.lot_method,
    ]


def _visible_or_404(request: HttpRequest, pk: int) -> Portfolio:
    return get_object_or_404(Portfolio.objects.visible_to(request.user), pk=pk)
