"""What all views share."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class HtmxRequest(HttpRequest):
    """A request as django-htmx's middleware leaves it: `htmx` is true when htmx made it."""

    htmx: HtmxDetails
