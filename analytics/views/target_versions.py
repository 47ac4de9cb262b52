"""Versions of targets: named, compared side by side with their figures, restored."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from analytics.forms import VersionNameForm
from analytics.selectors import portfolio_pages
from analytics.services import version_comparisons
from analytics.views import portfolios as pages
from portfolios.models import Portfolio, TargetVersion
from portfolios.selectors import target_versions as versions
from portfolios.services import target_versions, targets
from portfolios.services.errors import PortfolioError


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def target_version_list(request: HttpRequest, pk: int) -> HttpResponse:
    portfolio = pages.visible_or_404(request, pk)
    if request.method == "POST":
        _change(request, portfolio)
        return redirect("analytics:target-versions", pk)
    run = portfolio_pages.current_run()
    pair = [_version(portfolio, request.GET.get(name, "")) for name in ("one", "other")]
    one, other = pair
    compared = None
    if one and other and run:
        compared = version_comparisons.compare(portfolio, one, other, run=run)
    context = {
        "portfolio": portfolio,
        "run": run,
        "versions": versions.page(portfolio, request.GET.get("page", "")),
        "one": one,
        "other": other,
        "compared": compared,
    }
    return render(request, "analytics/target_versions.html", context)


def _change(request: HttpRequest, portfolio: Portfolio) -> None:
    """Name a version, or restore it; what is refused is said."""
    version = _version(portfolio, request.POST.get("version", ""))
    if version is None:
        messages.error(request, "Choose one of the versions.")
        return
    if "restoring" in request.POST:
        try:
            seen = _number(request.POST.get("revision", ""))
            targets.restore(portfolio=portfolio, version=version, expected_revision=seen)
        except PortfolioError as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, f"The targets are those of “{version}” again.")
        return
    form = VersionNameForm(request.POST)
    if form.is_valid():
        target_versions.rename(version=version, name=form.cleaned_data["name"])
        messages.success(request, f"It is called “{version}” now.")
    else:
        messages.error(request, " ".join(map(str, form.errors["name"])))


def _version(portfolio: Portfolio, number: str) -> TargetVersion | None:
    return portfolio.target_versions.filter(number=_number(number)).first()


def _number(text: str) -> int:
    """Of a version or revision, as an address or a form has it; zero, which none has, otherwise."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
