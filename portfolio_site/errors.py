"""The page of an error of ours."""

from django.http import HttpRequest, HttpResponse, HttpResponseServerError
from django.template.loader import render_to_string

from portfolio_site import context


def broken(request: HttpRequest) -> HttpResponse:
    """It says where prices come from, like every page, and asks nothing of what may be broken."""
    return HttpResponseServerError(render_to_string("500.html", context.market_source(request)))
