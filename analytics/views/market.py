"""The market as the night measured it."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from analytics.selectors import market_page


@login_required
@require_safe
def market(request: HttpRequest) -> HttpResponse:
    return render(request, "analytics/market.html", {"market": market_page.read()})
