"""A portfolio looked over: its checklist, what is wrong with it, the mistakes of its history."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from analytics.selectors import reviews
from analytics.selectors.portfolio_pages import Reading
from analytics.views import portfolios as pages
from portfolios.views import HtmxRequest


@login_required
@require_safe
@vary_on_headers("HX-Request")
def review(request: HtmxRequest, pk: int) -> HttpResponse:
    portfolio = pages.visible_or_404(request, pk)
    context = pages.fragment_context(request, portfolio, asking=bool(request.htmx))
    reading = context["reading"]
    if isinstance(reading, Reading) and reading.result.value > 0:
        context["review"] = reviews.read(portfolio, reading)
    template = "_review.html" if request.htmx else "review.html"
    return render(request, f"analytics/{template}", context)
