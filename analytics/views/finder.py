"""Which assets would lower the risk most, and which holdings are one bet."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from analytics.selectors import portfolio_pages
from analytics.services import additions
from analytics.views import portfolios as pages


@login_required
@require_safe
def finder(request: HttpRequest, pk: int) -> HttpResponse:
    portfolio = pages.visible_or_404(request, pk)
    run = portfolio_pages.current_run()
    context = {
        "portfolio": portfolio,
        "run": run,
        "finder": additions.find(portfolio, run=run) if run else None,
        "share": additions.SHARE,
    }
    return render(request, "analytics/finder.html", context)
