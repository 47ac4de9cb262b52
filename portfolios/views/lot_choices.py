"""Which lots a sale takes, where they are chosen by hand."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from portfolios.forms.ledger import LotChoicesForm
from portfolios.models import Portfolio
from portfolios.selectors import gains
from portfolios.services import lot_choices
from portfolios.services.errors import ConflictError, PortfolioError


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def sale_lots(request: HttpRequest, pk: int, transaction_pk: int) -> HttpResponse:
    """The lots that were there before the sale, and how much it takes of each."""
    portfolio = get_object_or_404(Portfolio.objects.visible_to(request.user), pk=pk)
    rows = portfolio.transactions.select_related("portfolio", "sent_asset")
    sale = rows.filter(pk=transaction_pk).first()
    if sale is None:
        raise Http404
    available = gains.lots_before(portfolio, sale)
    form = LotChoicesForm(
        request.POST if request.method == "POST" else None, sale=sale, lots=available
    )
    if form.is_valid():
        try:
            lot_choices.replace(
                sale=sale,
                quantities=form.quantities,
                expected_revision=form.cleaned_data["revision"],
            )
        except PortfolioError as refusal:
            form.add_error(None, str(refusal))
            if isinstance(refusal, ConflictError):  # who saves once more has seen it
                latest = Portfolio.objects.get(pk=pk)
                form.data = request.POST.dict() | {"revision": str(latest.revision)}
        else:
            messages.success(request, "The lots of the sale are chosen.")
            return redirect("portfolios:gains", pk)
    context = {"portfolio": portfolio, "sale": sale, "form": form}
    status = 422 if form.errors else 200
    return render(request, "portfolios/sale_lots.html", context, status=status)
