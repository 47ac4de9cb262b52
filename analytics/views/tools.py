"""Calculations apart from any portfolio, and what the figures mean."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from analytics.core.errors import CoreError
from analytics.forms import defi as defi_forms
from analytics.forms.position_sizes import EXAMPLE, PositionSizeForm
from analytics.selectors import glossary as terms
from analytics.selectors import model_comparisons
from analytics.services import defi, position_sizes

TOO_EXTREME = "These prices are too far apart, or too close, to be calculated with."
# The address of each tool, its title, and what it does.
TOOLS = (
    (
        "analytics:position-size",
        "Position size",
        "How much to buy or sell, so that a stop costs no more than you decided. Long and short.",
    ),
    (
        "analytics:defi-allocation",
        "DeFi allocation",
        "Risk score, stablecoin share and assumed yield of an allocation that you type in.",
    ),
    (
        "analytics:model-comparison",
        "Model portfolios compared",
        "What was measured of each model, beside what the article claims of it.",
    ),
    (
        "analytics:questions",
        "Questions answered",
        "The article’s questions and the five common mistakes, with figures of the last night.",
    ),
    (
        "analytics:glossary",
        "Figures explained",
        "What each number means, how it is calculated, and who says so.",
    ),
)


@login_required
@require_safe
def tools(request: HttpRequest) -> HttpResponse:
    return render(request, "analytics/tools.html", {"tools": TOOLS})


@require_safe
def glossary(request: HttpRequest) -> HttpResponse:
    return render(request, "analytics/glossary.html", {"groups": terms.groups()})


@login_required
@require_safe
def position_size(request: HttpRequest) -> HttpResponse:
    """The trade of the address; the article's published case where it names none."""
    form = PositionSizeForm(request.GET.dict() if "entry" in request.GET else EXAMPLE)
    trade = None
    if form.is_valid():
        try:
            trade = position_sizes.size(form.cleaned_data)
        except CoreError:
            form.add_error(None, TOO_EXTREME)
    context = {"form": form, "trade": trade}
    status = 422 if form.errors else 200
    return render(request, "analytics/position_size.html", context, status=status)


@login_required
@require_safe
def model_comparison(request: HttpRequest) -> HttpResponse:
    comparison = model_comparisons.read()
    return render(request, "analytics/model_comparison.html", {"comparison": comparison})


@login_required
@require_safe
def defi_allocation(request: HttpRequest) -> HttpResponse:
    """The allocation of the address; an example where it names none."""
    example = {
        f"{name}-{n}": value
        for n, row in enumerate(defi_forms.EXAMPLE)
        for name, value in zip(("asset", "amount", "yield"), row, strict=True)
    }
    is_asked = "asset-0" in request.GET
    form = defi_forms.DefiForm(request.GET if is_asked else example)
    allocation = defi.measure(form.positions()) if form.is_valid() else None
    if form.errors and not is_asked:  # the catalogue has not all that the example is of
        form = defi_forms.DefiForm()
    context = {"form": form, "allocation": allocation}
    status = 422 if form.errors else 200
    return render(request, "analytics/defi_allocation.html", context, status=status)
