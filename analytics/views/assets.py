"""The directory of assets, and a page for each."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from analytics.selectors import asset_list as directory
from analytics.selectors import market_days


@login_required
@require_safe
def asset_list(request: HttpRequest) -> HttpResponse:
    day = market_days.current(today=timezone.now().date())
    asked = directory.Asked(
        search=request.GET.get("q", ""),
        category=request.GET.get("category", ""),
        against=request.GET.get("against", ""),
        sort=request.GET.get("sort", ""),
        page=request.GET.get("page", ""),
    )
    assets = directory.read(day, asked) if day else None
    return render(request, "analytics/asset_list.html", {"day": day, "assets": assets})
