"""The directory of assets, and a page for each."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from analytics.selectors import asset_list as directory
from analytics.selectors import asset_page, market_days
from portfolios.models import Asset


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


@login_required
@require_safe
def asset(request: HttpRequest, coingecko_id: str) -> HttpResponse:
    found = get_object_or_404(Asset.objects.select_related("category"), coingecko_id=coingecko_id)
    day = market_days.current(today=timezone.now().date())
    page = asset_page.read(day, found) if day else None
    return render(request, "analytics/asset.html", {"day": day, "asset": found, "page": page})
