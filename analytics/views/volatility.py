"""How wild an asset is, and has been."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from analytics.selectors import market_days, volatility_page


@login_required
@require_safe
def volatility(request: HttpRequest) -> HttpResponse:
    day = market_days.current(today=timezone.now().date())
    wanted = request.GET.get("asset", "")
    page = volatility_page.read(day, wanted=wanted) if day else None
    return render(request, "analytics/volatility.html", {"day": day, "page": page})
