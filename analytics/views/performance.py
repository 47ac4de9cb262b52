"""What a portfolio earned, at the closes of each day."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from analytics.selectors import performance as histories
from analytics.selectors import portfolio_pages
from portfolios.models import Portfolio


@login_required
@require_safe
def performance(request: HttpRequest, pk: int) -> HttpResponse:
    visible = Portfolio.objects.visible_to(request.user).select_related("profile")
    portfolio = get_object_or_404(visible, pk=pk)
    run = portfolio_pages.current_run()
    found = histories.read(portfolio, as_of=run.as_of) if run else None
    context = {
        "portfolio": portfolio,
        "run": run,
        "performance": found,
        "shown": found.period(request.GET.get("period", "1y")) if found else None,
    }
    return render(request, "analytics/performance.html", context)
