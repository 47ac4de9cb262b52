"""Recording a sale that today's plan does not call for: the plan first, then as told."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from analytics.selectors import sale_checks
from portfolios.views import HtmxRequest, activity


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def sale_check(request: HtmxRequest, pk: int) -> HttpResponse:
    """A new transaction; a sale that the plan does not call for is answered with the plan once."""
    if request.method == "POST" and "anyway" not in request.POST:
        portfolio, form = activity.new_entry(request, pk)
        if form.is_valid() and (check := sale_checks.read(form.filled())):
            return activity.page(request, form, portfolio, check=check)
    return activity.transaction_create(request, pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def changed_sale_check(request: HtmxRequest, pk: int, transaction_pk: int) -> HttpResponse:
    """A line that is changed; if it then sells more than it did, that is asked about likewise."""
    if request.method == "POST" and "anyway" not in request.POST:
        portfolio, entry, form = activity.known_entry(request, pk, transaction_pk)
        if form is not None and form.is_valid():
            before = sale_checks.sold(entry)
            if check := sale_checks.read(form.filled(), before=before):
                return activity.page(request, form, portfolio, entry=entry, check=check)
    return activity.transaction(request, pk, transaction_pk)
