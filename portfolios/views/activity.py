"""The ledger: its list, a form for each kind of transaction, and undo."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect

from portfolios.forms import SeenForm
from portfolios.forms.ledger import EXPLAINED, LEGS, OFFERED, ActivityFilter, TransactionForm
from portfolios.models import Portfolio, Transaction
from portfolios.selectors import activity as lists
from portfolios.services import transactions
from portfolios.services.errors import ConflictError, PortfolioError
from portfolios.views import HtmxRequest

UNDO_SALT = "portfolios.activity.undo"
UNDO_SECONDS = 24 * 60 * 60


@login_required
@require_safe
@vary_on_headers("HX-Request")
def activity(request: HtmxRequest, pk: int) -> HttpResponse:
    portfolio = _visible_or_404(request, pk)
    choices = lists.choices(portfolio)
    form = ActivityFilter(request.GET, assets=choices.assets, years=choices.years)
    chosen = form.chosen
    context = {
        "portfolio": portfolio,
        "form": form,
        "chosen": chosen,
        "kept": f"{urlencode(chosen)}&" if chosen else "",
        "page": lists.read(portfolio, chosen=chosen, page=request.GET.get("page", "")),
    }
    template = "_activity.html" if request.htmx else "activity.html"
    return render(request, f"portfolios/{template}", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def transaction_create(request: HtmxRequest, pk: int) -> HttpResponse:
    """The form of the kind that the address names, a purchase else."""
    portfolio, form = new_entry(request, pk)
    if form.is_valid():
        try:
            transactions.add(
                portfolio=portfolio,
                entry=form.filled(),
                now=timezone.now(),
                expected_revision=form.cleaned_data["revision"],
            )
        except PortfolioError as refusal:
            _refuse(request, form, refusal, portfolio)
        else:
            messages.success(request, f"“{form.entry.get_kind_display()}” is in the ledger.")
            return _to_list(request, portfolio)
    return page(request, form, portfolio)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def transaction(request: HtmxRequest, pk: int, transaction_pk: int) -> HttpResponse:
    """One line as a form; a token migration can only be removed."""
    portfolio, entry, form = known_entry(request, pk, transaction_pk)
    if form is None:
        return page(request, None, portfolio, entry=entry)
    if form.is_valid():
        try:
            transactions.change(
                entry=form.filled(),
                now=timezone.now(),
                expected_revision=form.cleaned_data["revision"],
            )
        except PortfolioError as refusal:
            _refuse(request, form, refusal, portfolio)
        else:
            messages.success(request, "The transaction is saved.")
            return _to_list(request, portfolio)
    return page(request, form, portfolio, entry=entry)


@login_required
@require_POST
def transaction_remove(request: HtmxRequest, pk: int, transaction_pk: int) -> HttpResponse:
    portfolio = _visible_or_404(request, pk)
    entry = _entry_or_404(portfolio, transaction_pk)
    seen = SeenForm(request.POST)
    if not seen.is_valid():
        messages.error(request, "This page is out of date. Reload it and try again.")
        return redirect("portfolios:transaction", pk, transaction_pk)
    try:
        (removed,) = transactions.remove(
            portfolio=portfolio, ids=[entry.pk], expected_revision=seen.cleaned_data["revision"]
        )
    except PortfolioError as refusal:
        messages.error(request, str(refusal))
        return redirect("portfolios:transaction", pk, transaction_pk)
    row = signing.dumps(_stored(removed), salt=UNDO_SALT, compress=True)
    undo = reverse("portfolios:transaction-restore", args=[pk])
    messages.success(request, "The transaction is removed.", extra_tags=f"{undo}?row={row}")
    return redirect("portfolios:activity", pk)


@login_required
@require_POST
def transaction_restore(request: HttpRequest, pk: int) -> HttpResponse:
    """Put back what was removed a moment ago, as the signed address says it was."""
    portfolio = _visible_or_404(request, pk)
    try:
        row = signing.loads(request.GET.get("row", ""), salt=UNDO_SALT, max_age=UNDO_SECONDS)
    except signing.BadSignature:
        row = {}
    if row.get("portfolio_id") != portfolio.pk:
        messages.error(request, "That can no longer be undone.")
        return redirect("portfolios:activity", pk)
    try:
        entry = transactions.restored(row)
        transactions.add(portfolio=portfolio, entry=entry, now=timezone.now())
    except PortfolioError as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "The transaction is back.")
    return redirect("portfolios:activity", pk)


def new_entry(request: HttpRequest, pk: int) -> tuple[Portfolio, TransactionForm]:
    """An empty line of the kind that the address names, a purchase else, and its form."""
    portfolio = _visible_or_404(request, pk)
    asked = request.GET.get("kind", "")
    kind = asked if asked in OFFERED else Transaction.Kind.BUY
    entry = Transaction(portfolio=portfolio, kind=kind, at=timezone.now().replace(microsecond=0))
    return portfolio, TransactionForm(_submitted(request), portfolio=portfolio, entry=entry)


def known_entry(
    request: HttpRequest, pk: int, transaction_pk: int
) -> tuple[Portfolio, Transaction, TransactionForm | None]:
    """A line of the ledger, and its form unless it can only be removed."""
    portfolio = _visible_or_404(request, pk)
    entry = _entry_or_404(portfolio, transaction_pk)
    if entry.kind not in LEGS:
        return portfolio, entry, None
    return (
        portfolio,
        entry,
        TransactionForm(_submitted(request), portfolio=portfolio, entry=entry),
    )


def _stored(entry: Transaction) -> dict[str, Any]:
    """A line as texts, for a signed address."""
    fields = (field.attname for field in entry._meta.concrete_fields)
    values = {name: getattr(entry, name) for name in fields}
    return {
        name: value if isinstance(value, int) else str(value)
        for name, value in values.items()
        if value not in (None, "")
    }


def _submitted(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _visible_or_404(request: HttpRequest, pk: int) -> Portfolio:
    visible = Portfolio.objects.visible_to(request.user).select_related("owner")
    return get_object_or_404(visible, pk=pk)


def _entry_or_404(portfolio: Portfolio, pk: int) -> Transaction:
    rows = portfolio.transactions.select_related("portfolio", *lists.PLACES)
    if (entry := rows.filter(pk=pk).first()) is None:
        raise Http404
    return entry


def _refuse(
    request: HttpRequest, form: TransactionForm, refusal: PortfolioError, portfolio: Portfolio
) -> None:
    """Say why; who saves once more after a conflict has seen it."""
    form.add_error(None, str(refusal))
    if isinstance(refusal, ConflictError):
        latest = Portfolio.objects.get(pk=portfolio.pk)
        form.data = request.POST.dict() | {"revision": str(latest.revision)}


def _to_list(request: HtmxRequest, portfolio: Portfolio) -> HttpResponse:
    address = reverse("portfolios:activity", args=[portfolio.pk])
    return HttpResponseClientRedirect(address) if request.htmx else HttpResponseRedirect(address)


def page(
    request: HtmxRequest,
    form: TransactionForm | None,
    portfolio: Portfolio,
    *,
    entry: Transaction | None = None,
    **also: object,
) -> HttpResponse:
    """A line as a form; `also` is what the template shows besides."""
    shown = entry or (form.entry if form else None)
    assert shown is not None
    context = {
        "portfolio": portfolio,
        "form": form,
        "entry": shown,
        "is_new": entry is None,
        "kinds": [(kind, Transaction.Kind(kind).label) for kind in OFFERED],
        "explained": EXPLAINED.get(shown.kind, ""),
        "anyway": "anyway" in request.POST,
        **also,
    }
    template = "_transaction_form.html" if request.htmx else "transaction_form.html"
    status = 422 if form is not None and form.errors else 200
    return render(request, f"portfolios/{template}", context, status=status)
