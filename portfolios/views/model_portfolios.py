"""The model portfolios, for everybody: what is in them, and how well their claims hold."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from portfolios.selectors import model_claims, model_portfolios


@require_safe
def model_portfolio_list(request: HttpRequest) -> HttpResponse:
    context = {"models": model_portfolios.all_with_lines()}
    return render(request, "portfolios/model_portfolio_list.html", context)


@require_safe
def model_portfolio(request: HttpRequest, slug: str) -> HttpResponse:
    model = get_object_or_404(model_portfolios.all_with_lines(), slug=slug)
    context = {
        "model": model,
        "categories": model_claims.category_weights(model).items(),
        "claims": model_claims.CLAIMS.get(model.slug, ()),
        "conflicts": model_claims.conflicts(model),
    }
    return render(request, "portfolios/model_portfolio.html", context)
