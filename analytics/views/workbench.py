"""The workbench: weights to try, and what they mean, as one types."""

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

from analytics.forms import WorkbenchForm
from analytics.forms import budgets as budget_fields
from analytics.models import NightlyRun
from analytics.selectors import benches, portfolio_pages
from analytics.selectors.benches import Bench
from analytics.services import weight_proposals
from analytics.services import workbench as outcomes
from analytics.services.weight_proposals import Kind, Proposal
from analytics.services.workbench import Outcome
from analytics.views import portfolios as pages
from portfolios.models import Asset, AssetCategory, Portfolio
from portfolios.selectors import assets, portfolios, target_versions
from portfolios.services import targets
from portfolios.services.errors import ConflictError, PortfolioError
from portfolios.services.targets import Aim
from portfolios.views import HtmxRequest
from portfolios.views.targets import typed_ids

ROWS = "workbench-rows"
"""The element that asks for figures as one types; whatever else asks gets the whole bench."""
SHOWN = "figures-shown"
"""What the proposals wait for, so that typing always comes first."""
ADDED = "1"  # percent
MOST_WEIGHTS = 200  # in an address
UNKNOWN = "This address names weights that cannot be tried: each must be an asset and a fraction."

Weights = dict[Aim, Decimal]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def workbench(request: HtmxRequest, pk: int) -> HttpResponse:
    portfolio = pages.visible_or_404(request, pk)
    run = portfolio_pages.current_run()
    if request.method == "POST":
        return _posted(request, portfolio, run)
    asked = _asked(request) or _version(request, portfolio)
    aims = _in_order({*portfolios.aims(portfolio), *(asked or {})})
    bench = benches.read(portfolio, aims, run=run) if run and aims else None
    saved = {target.aim: target.weight for target in portfolios.targets(portfolio)}
    weights = asked or saved or (outcomes.today(bench) if bench else {})
    opened = "asked" if asked else "saved" if saved else "today"
    proposal: Proposal | None = None
    if bench and (kind := _kind(request.GET.get("proposal", ""))):
        budgets = budget_fields.typed(request.GET.dict())
        proposal = _propose(portfolio, bench, weights, [kind], budgets)[0]
        weights = dict(proposal.weights) or weights
    form = WorkbenchForm(None, portfolio=portfolio, aims=aims, weights=weights)
    return _render(request, portfolio, run, bench, form, opened=opened, proposal=proposal)


def _posted(request: HtmxRequest, portfolio: Portfolio, run: NightlyRun | None) -> HttpResponse:
    aims = _in_order(_typed_aims(request, request.POST))
    bench = benches.read(portfolio, aims, run=run) if run and aims else None
    # What is added begins with a weight, so that proposals share out among it, too.
    added = (("weight-", "add"), ("category-", "add_category"))
    begun = {f"{of}{request.POST[name]}": ADDED for of, name in added if request.POST.get(name)}
    form = WorkbenchForm(begun | request.POST.dict(), portfolio=portfolio, aims=aims)
    if "saving" in request.POST and form.is_valid() and (answer := _save(request, portfolio, form)):
        return answer
    if "normalising" in request.POST and form.is_valid():
        scaled = request.POST.dict() | form.normalised()
        form = WorkbenchForm(scaled, portfolio=portfolio, aims=aims)
    proposal = None
    if bench and (kind := _kind(request.POST.get("proposing", ""))):
        budgets = budget_fields.typed(request.POST.dict())
        proposal = _propose(portfolio, bench, form.tried, [kind], budgets)[0]
        if proposal.weights:
            form = WorkbenchForm(
                request.POST.dict() | form.filled(proposal.weights), portfolio=portfolio, aims=aims
            )
    opened = "normalised" if "normalising" in request.POST else ""
    return _render(request, portfolio, run, bench, form, opened=opened, proposal=proposal)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def proposals(request: HtmxRequest, pk: int) -> HttpResponse:
    """All proposals for the rows that have a weight, side by side."""
    portfolio = pages.visible_or_404(request, pk)
    run = portfolio_pages.current_run()
    if request.method == "POST":
        aims = _in_order(_typed_aims(request, request.POST))
        weights = WorkbenchForm(request.POST, portfolio=portfolio, aims=aims).tried
    else:
        aims = _in_order(portfolios.aims(portfolio))
        weights = {target.aim: target.weight for target in portfolios.targets(portfolio)}
    bench = benches.read(portfolio, aims, run=run) if run and aims else None
    if bench and not weights:
        weights = outcomes.today(bench)
    budgets = budget_fields.typed((request.POST or request.GET).dict())
    made = _propose(portfolio, bench, weights, list(Kind), budgets) if bench else []
    context = {
        "portfolio": portfolio,
        "run": run,
        "on_bench": bool(request.htmx),
        "compared": outcomes.compare(bench, made) if bench else [],
        "budgets": _budget_rows(portfolio, bench, weights, budgets) if bench else [],
        "budget_query": urlencode({f"{budget_fields.PREFIX}{k}": v for k, v in budgets.items()}),
        "assumes_rank": bench is not None and not _knows_caps(bench),
    }
    template = "_proposals.html" if request.htmx else "proposals.html"
    return render(request, f"analytics/{template}", context)


def _kind(text: str) -> Kind | None:
    return Kind(text) if text in list(Kind) else None


def _propose(
    portfolio: Portfolio,
    bench: Bench,
    weights: Mapping[Aim, Decimal],
    kinds: Iterable[Kind],
    typed: Mapping[str, str],
) -> list[Proposal]:
    profile, caps = portfolio.profile, bench.market_caps
    try:
        budgets, refusal = budget_fields.read(typed), ""
    except budget_fields.BudgetError as error:
        budgets, refusal = {}, str(error)
    return [
        Proposal(kind, {}, {}, refusal)
        if refusal and kind == Kind.RISK_BUDGETS
        else weight_proposals.propose(
            kind, bench, profile=profile, weights=weights, market_caps=caps, budgets=budgets
        )
        for kind in kinds
    ]


def _budget_rows(
    portfolio: Portfolio, bench: Bench, weights: Mapping[Aim, Decimal], typed: Mapping[str, str]
) -> list[dict[str, object]]:
    """A field for each group of rows that risk can be budgeted to."""
    groups = weight_proposals.risky_groups(bench, profile=portfolio.profile, weights=weights)
    return [
        {
            "name": f"{budget_fields.PREFIX}{key}",
            "of": group.name,
            "middle": (group.low + group.high) / 2,
            "value": typed.get(key, ""),
        }
        for key, group in groups
    ]


def _knows_caps(bench: Bench) -> bool:
    return weight_proposals.knows_caps(bench, bench.market_caps)


def _save(request: HtmxRequest, portfolio: Portfolio, form: WorkbenchForm) -> HttpResponse | None:
    """Keep the weights as targets; None where that is refused, and the form says why."""
    try:
        targets.replace(
            portfolio=portfolio,
            weights=form.weights,
            expected_revision=form.cleaned_data["revision"],
            name=form.cleaned_data["name"],
        )
    except PortfolioError as refusal:
        form.add_error(None, str(refusal))
        if isinstance(refusal, ConflictError):  # who saves once more has been told
            saved = Portfolio.objects.get(pk=portfolio.pk)
            form.data = request.POST.dict() | {"revision": str(saved.revision)}
        return None
    messages.success(request, "The targets are saved.")
    if request.htmx:
        return HttpResponseClientRedirect(portfolio.get_absolute_url())
    return redirect(portfolio)


def _render(
    request: HtmxRequest,
    portfolio: Portfolio,
    run: NightlyRun | None,
    bench: Bench | None,
    form: WorkbenchForm,
    *,
    opened: str,
    proposal: Proposal | None = None,
) -> HttpResponse:
    is_typing = bool(request.htmx) and request.htmx.trigger == ROWS
    outcome = outcomes.judge(bench, portfolio, form.tried) if bench else None
    context: dict[str, object] = {
        "portfolio": portfolio,
        "run": run,
        "form": form,
        "outcome": outcome,
        "groups": _groups(form, outcome, proposal),
        "opened": opened,
        "proposal": proposal,
    }
    status = 422 if "saving" in request.POST and form.errors else 200
    if is_typing:
        answer = render(request, "analytics/_workbench_figures.html", context)
        return trigger_client_event(answer, SHOWN)
    listed = list(assets.offered(request.user))
    context |= {
        "categories": _categories(listed, form),
        "budgets_typed": [
            (f"{budget_fields.PREFIX}{key}", text)
            for key, text in budget_fields.typed((request.POST or request.GET).dict()).items()
        ],
        "added": request.POST.get("add", "") if "adding" in request.POST else "",
        "offered": _offered(listed, form),
    }
    template = "_workbench.html" if request.htmx else "workbench.html"
    return render(request, f"analytics/{template}", context, status=status)


def _groups(
    form: WorkbenchForm, outcome: Outcome | None, proposal: Proposal | None
) -> list[dict[str, object]]:
    """The rows of each category, what they have of money and risk, and why a proposal gave it."""
    reasons = proposal.reasons if proposal else {}
    shares = outcome.shares if outcome else {}
    known = {each.category: each for each in outcome.categories} if outcome else {}
    return [
        {
            "category": category,
            "share": known.get(category),
            "rows": [(aim, field, shares.get(aim), reasons.get(aim, "")) for aim, field in rows],
        }
        for category, rows in form.by_category()
    ]


def _typed_aims(request: HtmxRequest, typed: QueryDict) -> list[Aim]:
    """The assets and categories that have a field, or are to get one."""
    found: list[Aim] = []
    if asset_ids := typed_ids(typed, "weight-", "add"):
        visible = Asset.of_anybody.visible_to(request.user).select_related("category")
        found += visible.filter(pk__in=asset_ids)
    if category_ids := typed_ids(typed, "category-", "add_category"):
        found += assets.categories_offered().filter(pk__in=category_ids)
    return found


def _asked(request: HtmxRequest) -> Weights | None:
    """The weights that the address names: `?weights=<asset>:<fraction>,…`."""
    text = request.GET.get("weights", "")
    if not text:
        return None
    named: dict[int, Decimal] = {}
    for part in text.split(",")[:MOST_WEIGHTS]:
        pk, _, fraction = part.partition(":")
        weight = _fraction(fraction)
        if not (pk.isascii() and pk.isdigit() and len(pk) < 19) or weight is None:
            messages.error(request, UNKNOWN)
            return None
        named[int(pk)] = weight
    visible = Asset.of_anybody.visible_to(request.user).select_related("category")
    found = visible.in_bulk(named)
    if len(found) < len(named):
        messages.error(request, UNKNOWN)
        return None
    return {found[pk]: weight for pk, weight in named.items()}


def _version(request: HtmxRequest, portfolio: Portfolio) -> Weights | None:
    """The weights of the version that the address names by its number."""
    number = request.GET.get("version", "")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        return None
    version = portfolio.target_versions.filter(number=int(number)).first()
    return dict(target_versions.aims(version, portfolio=portfolio).weights) if version else None


def _fraction(text: str) -> Decimal | None:
    try:
        fraction = round(Decimal(text), targets.DECIMALS)
    except InvalidOperation:
        return None
    return fraction if fraction.is_finite() and 0 <= fraction <= 1 else None


def _in_order(aims: Iterable[Aim]) -> list[Aim]:
    """By category as the catalogue has them; in each the whole of it, then the largest first."""

    def place(aim: Aim) -> tuple[object, ...]:
        if isinstance(aim, Asset):
            rank = aim.cap_rank or 10**9
            return aim.category.position, aim.category.name, 1, rank, aim.symbol, aim.pk
        return aim.position, aim.name, 0, 0, "", aim.pk

    return sorted(aims, key=place)


def _categories(listed: Iterable[Asset], form: WorkbenchForm) -> list[AssetCategory]:
    """Which may still be added as a whole."""
    found = dict.fromkeys(asset.category for asset in listed)
    return sorted(found.keys() - set(form.aims.values()), key=lambda each: each.position)


def _offered(listed: Iterable[Asset], form: WorkbenchForm) -> list[tuple[str, list[Asset]]]:
    """What may still be added, by category."""
    groups: dict[str, list[Asset]] = {}
    present = set(form.aims.values())
    for asset in listed:
        if asset not in present:
            groups.setdefault(asset.category.name, []).append(asset)
    return list(groups.items())
