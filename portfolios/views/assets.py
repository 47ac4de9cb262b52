"""The catalogue and one's own assets, as a person searches them."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portfolios.selectors import assets


@login_required
@require_safe
def asset_options(request: HttpRequest) -> HttpResponse:
    found = assets.search(request.GET.get("q", ""), user=request.user)
    return render(request, "portfolios/_asset_options.html", {"assets": found})
