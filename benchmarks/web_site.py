"""The site with two more addresses: a view that needs a login and does nothing else, and the
same of Django REST framework, with the API's own authentication and throttle."""

from importlib import import_module

# First, since it says where the settings are.
from portfolio_site.wsgi import application

# isort: split
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import path

__all__ = ["application"]

# After wsgi, which sets Django up.
rest = import_module("rest_framework.decorators")
answers = import_module("rest_framework.response")


@login_required
def bare(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


@rest.api_view()
def bare_api(request: HttpRequest) -> HttpResponse:
    answer: HttpResponse = answers.Response({})
    return answer


import_module("portfolio_site.urls").urlpatterns[:0] = [
    path("bare/", bare),
    path("bare-api/", bare_api),
]
