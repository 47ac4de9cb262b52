"""The target weights of a portfolio: one form for all of them."""

from collections.abc import Mapping

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect

from portfolios.forms import TargetsForm
from portfolios.models import Asset, Portfolio
from portfolios.selectors import assets, portfolios
from portfolios.services import targets as target_weights
from portfolios.services.errors import ConflictError, PortfolioError
from portfolios.services.targets import Aim
from portfolios.views import HtmxRequest

LONGEST_ID = 19  # digits of a 64-bit integer


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def targets(request: HtmxRequest, pk: int) -> HttpResponse:
    visible = Portfolio.objects.visible_to(request.user).select_related("tilt")
    portfolio = get_object_or_404(visible, pk=pk)
    adding = "adding" in request.POST
    form = _form(request, portfolio)
    conflict = False
    normalising = "normalising" in request.POST and form.is_valid()
    if normalising:  # shown, not saved
        form = _form(request, portfolio, typed=request.POST.dict() | form.normalised())
    elif form.is_bound and not adding and form.is_valid():
        try:
            _save(portfolio, form)
        except PortfolioError as refusal:
            form.add_error(None, str(refusal))
            conflict = isinstance(refusal, ConflictError)
        else:
            messages.success(request, "The targets are saved.")
            if request.htmx:
                return HttpResponseClientRedirect(portfolio.get_absolute_url())
            return redirect(portfolio)
    if conflict:  # who saves once more has seen what is saved now
        form.data = request.POST.dict() | {"revision": str(portfolio.revision)}
    context = {
        "portfolio": portfolio,
        "tilt": getattr(portfolio, "tilt", None),
        "form": form,
        "adding": adding,
        "normalising": normalising,
        "added": _added_field(request.POST) if adding else None,
        "conflict": conflict,
        "offered": _offered(request, form),
        "categories": [
            category
            for category in assets.categories_offered()
            if category not in form.aims.values()
        ],
    }
    template = "_targets.html" if request.htmx else "targets.html"
    status = 422 if form.is_bound and not adding and not normalising else 200
    return render(request, f"portfolios/{template}", context, status=status)


def _save(portfolio: Portfolio, form: TargetsForm) -> None:
    target_weights.replace(
        portfolio=portfolio,
        weights=form.weights,
        expected_revision=form.cleaned_data["revision"],
    )


def _form(
    request: HtmxRequest, portfolio: Portfolio, *, typed: Mapping[str, str] | None = None
) -> TargetsForm:
    """The rows of the portfolio, and those that the person has added and not yet saved."""
    submitted = typed or (request.POST if request.method == "POST" else None)
    is_tilted = hasattr(portfolio, "tilt")
    rows = dict.fromkeys([*portfolios.aims(portfolio), *_added(request, submitted or request.GET)])
    return TargetsForm(
        submitted,
        initial={"revision": portfolio.revision},
        rows=list(rows),
        current=(portfolios.targets if is_tilted else portfolios.targets_in_force)(portfolio),
    )


def _added(request: HtmxRequest, submitted: Mapping[str, str]) -> list[Aim]:
    """The categories and assets that have a field already or are to get one."""
    offered = assets.offered(request.user)
    return [
        *assets.categories_offered().filter(
            pk__in=typed_ids(submitted, "category-", "add_category")
        ),
        *offered.filter(pk__in=typed_ids(submitted, "weight-", "add")),
    ]


def typed_ids(submitted: Mapping[str, str], prefix: str, adding: str) -> list[int]:
    keys = [key.removeprefix(prefix) for key in submitted if key.startswith(prefix)]
    keys.append(submitted.get(adding, ""))
    return [int(key) for key in keys if key.isascii() and key.isdigit() and len(key) < LONGEST_ID]


def _added_field(submitted: Mapping[str, str]) -> str:
    """The field that the person has just added, to type into."""
    category = submitted.get("add_category")
    return f"category-{category}" if category else f"weight-{submitted.get('add')}"


def _offered(request: HtmxRequest, form: TargetsForm) -> list[tuple[str, list[Asset]]]:
    """What may still be added, by category."""
    groups: dict[str, list[Asset]] = {}
    for asset in assets.offered(request.user):
        if asset not in form.aims.values():
            groups.setdefault(asset.category.name, []).append(asset)
    return list(groups.items())
