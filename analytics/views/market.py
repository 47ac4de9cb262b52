"""The market as the night measured it."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from analytics.selectors import market_page


@login_required
@require_safe
def market(request: HttpRequest) -> HttpResponse:
    market = market_page.read(today=timezone.now().date())
    context = {"market": market, "day": market.day if market else None}
    return render(request, "analytics/market.html", context)
