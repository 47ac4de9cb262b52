"""The correlation explorer: how assets move together, and each pair through time."""

from datetime import date
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from analytics.selectors import correlation_explorer, correlation_pairs, market_days
from analytics.selectors.correlation_explorer import Asked, Explorer
from analytics.selectors.correlations import BITCOIN, WINDOWS
from portfolios.models import Asset
from portfolios.views import HtmxRequest


@login_required
@require_safe
def correlation(request: HttpRequest) -> HttpResponse:
    return render(request, "analytics/correlation.html", _context(request))


@login_required
@require_safe
def correlation_heatmap(request: HttpRequest) -> HttpResponse:
    """The part of the page that follows from the choice; the address bar follows it, too."""
    context = _context(request)
    response = render(request, "analytics/_correlation_heatmap.html", context)
    explorer = context["explorer"]
    if isinstance(explorer, Explorer):
        response["HX-Push-Url"] = reverse("analytics:correlation") + explorer.address
    return response


@login_required
@require_safe
@vary_on_headers("HX-Request")
def correlation_pair(request: HtmxRequest, first: str, second: str) -> HttpResponse:
    """Below the heatmap; without htmx a page of its own."""
    assets = {
        asset.coingecko_id: asset
        for asset in Asset.objects.filter(coingecko_id__in=[first, second, BITCOIN])
    }
    if first == second or not {first, second} <= set(assets):
        raise Http404
    day = market_days.current(today=_today())
    asked = request.GET.get("window", "")
    pair = None
    if day and BITCOIN in assets:
        pair = correlation_pairs.read(
            day,
            first=assets[first],
            second=assets[second],
            bitcoin=assets[BITCOIN],
            window=int(asked) if asked in map(str, WINDOWS) else 90,
        )
    template = "_correlation_pair.html" if request.htmx else "correlation_pair.html"
    context = {"day": day, "pair": pair, "first": assets[first], "second": assets[second]}
    response = render(request, f"analytics/{template}", context)
    if request.htmx:  # the address stays the explorer's: it is where one comes back to
        response["HX-Push-Url"] = "false"
    return response


def _context(request: HttpRequest) -> dict[str, Any]:
    day = market_days.current(today=_today())
    asked = Asked(
        ids=request.GET.getlist("assets"),
        window=request.GET.get("window", ""),
        days=request.GET.get("days", ""),
        bitcoin=request.GET.get("bitcoin", ""),
    )
    return {"day": day, "explorer": correlation_explorer.read(day, asked) if day else None}


def _today() -> date:
    return timezone.now().date()
