"""The wizard: from risk questions to a portfolio with targets, a step an address."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from analytics.forms.wizard import SLUGS, STEPS, Plan, StepForm, walk
from analytics.models import NightlyRun
from analytics.selectors import benches, portfolio_pages
from analytics.selectors.benches import Bench
from analytics.services import wizard_figures
from analytics.views.sandbox import WITH_QUESTIONS
from portfolios.models import Asset, Portfolio, RiskProfile
from portfolios.models.assets import CORE
from portfolios.services import drafts
from portfolios.services.errors import PortfolioError

REVIEW = SLUGS[-1]
USUAL_COIN = "usd-coin"


@require_http_methods(["GET", "HEAD"])
def wizard(request: HttpRequest) -> HttpResponse:
    """To the first step that is still to be answered; visitors are offered a sandbox first."""
    if not request.user.is_authenticated:
        return redirect(f"{reverse('analytics:sandbox')}?start={WITH_QUESTIONS}")
    plan, _, _ = _plan(request)
    if not plan.is_possible:
        return redirect("analytics:wizard-step", SLUGS[0])
    answers = drafts.answers(_owner(request))
    return redirect("analytics:wizard-step", walk(plan, answers, until=REVIEW))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def wizard_step(request: HttpRequest, step: str) -> HttpResponse:
    if step not in SLUGS:
        raise Http404
    plan, bench, run = _plan(request)
    if not plan.is_possible and step != SLUGS[0]:
        return render(request, "analytics/wizard_impossible.html")
    answers = drafts.answers(_owner(request))
    if (missing := walk(plan, answers, until=step)) != step:
        return redirect("analytics:wizard-step", missing)
    place = SLUGS.index(step)
    if request.method == "POST":
        form = STEPS[place].form(request.POST, plan=plan)
        if form.is_valid() and (answer := _go_on(request, place, form)):
            return answer
    else:
        form = _shown(place, answers.get(step), plan)
    context = {
        "step": STEPS[place],
        "steps": _trail(place, answers),
        "back": STEPS[place - 1] if place else None,
        "form": form,
        "plan": plan,
        "run": run,
        "template": f"analytics/_wizard_{step}.html",
        **wizard_figures.of_step(step, plan, bench),
    }
    status = 422 if form.errors and request.method == "POST" else 200
    return render(request, "analytics/wizard.html", context, status=status)


@login_required
@require_POST
def wizard_restart(request: HttpRequest) -> HttpResponse:
    """Forget all answers, and begin again."""
    drafts.discard(owner=_owner(request))
    messages.success(request, "The answers are gone. Nothing else was changed.")
    return redirect("analytics:wizard-step", SLUGS[0])


def _go_on(request: HttpRequest, place: int, form: StepForm) -> HttpResponse | None:
    """Keep a valid answer, and on to the next step; None where the last one is refused."""
    owner = _owner(request)
    if place < len(STEPS) - 1:
        drafts.keep(owner=owner, step=SLUGS[place], answer=form.answer)
        return redirect("analytics:wizard-step", SLUGS[place + 1])
    plan = form.plan
    try:
        portfolio = drafts.finish(
            owner=owner,
            name=form.cleaned_data["name"],
            profile=plan.settled,
            weights=plan.weights,
        )
    except PortfolioError as refusal:
        form.add_error(None, str(refusal))
        return None
    messages.success(
        request, f"“{portfolio}” is open with its targets. Enter what you hold of them now."
    )
    return redirect("portfolios:holdings", portfolio.pk)


def _shown(place: int, answer: Any, plan: Plan) -> StepForm:
    """The step as it was answered; where that no longer fits, with the reason."""
    make = STEPS[place].form
    if answer is None:
        return make(plan=plan)
    return make(answer, plan=plan)


def _trail(place: int, answers: dict[str, Any]) -> list[dict[str, Any]]:
    """All steps, and which may be gone to: those answered, and the first that is not."""
    reached = next((n for n, slug in enumerate(SLUGS) if slug not in answers), place)
    return [
        {"step": step, "is_open": n <= max(reached, place), "is_current": n == place}
        for n, step in enumerate(STEPS)
    ]


def _owner(request: HttpRequest) -> Any:
    return request.user


def _plan(request: HttpRequest) -> tuple[Plan, Bench | None, NightlyRun | None]:
    """What there is to choose from, and what the night knows of it."""
    profiles = list(RiskProfile.objects.all())
    kinds = (Asset.Kind.COIN, Asset.Kind.WRAPPED, Asset.Kind.STABLECOIN)
    listed = Asset.objects.filter(is_active=True, kind__in=kinds, form_of=None)
    order = ("category__position", F("cap_rank").asc(nulls_last=True), "symbol")
    assets = list(listed.select_related("category").order_by(*order))
    run = portfolio_pages.current_run()
    bench = None
    if run and assets:
        bench = benches.read(Portfolio(owner=_owner(request)), assets, run=run, holdings=[])
    decisive = wizard_figures.decisive(bench) if bench else set()
    known = decisive or {asset.pk for asset in assets}
    by_id = {asset.coingecko_id: asset for asset in assets}
    core = [by_id[key] for key in CORE if key in by_id]
    stablecoins = [asset for asset in assets if asset.kind == Asset.Kind.STABLECOIN]
    plan = Plan(
        profiles=profiles,
        core_assets=core,
        candidates=[a for a in assets if not a.is_money and a not in core and a.pk in known],
        stablecoins=sorted(stablecoins, key=lambda asset: asset.coingecko_id != USUAL_COIN),
        covariance=wizard_figures.covariance_of(bench) if bench and decisive else None,
    )
    return plan, bench, run
