"""The site with one more address: a view that needs a login and does nothing else."""

from importlib import import_module

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import path

from portfolio_site.wsgi import application

__all__ = ["application"]


@login_required
def bare(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


# After wsgi, which sets Django up.
import_module("portfolio_site.urls").urlpatterns.insert(0, path("bare/", bare))
